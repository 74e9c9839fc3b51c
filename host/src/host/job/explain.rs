//! Explaining a job: why it does not run now, or what happened to it.

use super::row;
use crate::clock;
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::blame::blame;
use crate::rules::explain::{Completed, Entry, Facts, Handler, Queued, Running, Standing, Worker, explain};
pub use crate::rules::explain::{Explanation, Reason};
use crate::rules::job::State;
use crate::rules::time::Timestamp;
use crate::store::explain::Configured;
use crate::store::job::JobRow;
use serde::{Deserialize, Serialize};

/// Why a job does not run now, or what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobExplain {
    /// The job.
    pub id: i64,
}

/// A job, and why it is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The job.
    #[serde(flatten)]
    pub job: JobRow,
    /// Why.
    pub explanation: Explanation,
}

impl Verb for JobExplain {
    const ROUTE: &'static str = "job/explain";
    type Reply = Explained;

    async fn call(self, host: &Host) -> Result<Explained, Refusal> {
        explained(host, self.id).await
    }
}

/// A job as it is now, and why.
pub(super) async fn explained(host: &Host, id: i64) -> Result<Explained, Refusal> {
    let job = row(host, id).await?;
    let now = clock::now();
    let standing = standing(host, &job, now).await?;
    let explanation = explain(&Facts {
        id,
        kind: job.kind.clone(),
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        error: job.error.as_ref().map(|error| (error.class, error.message.clone())),
        standing,
        now,
    });
    Ok(Explained { job, explanation })
}

async fn standing(host: &Host, job: &JobRow, now: Timestamp) -> Result<Standing, Refusal> {
    let at = job.finished_at.unwrap_or(now);
    Ok(match job.state {
        State::Queued => Standing::Queued(Box::new(queued(host, job, now).await?)),
        State::Running => Standing::Running(running(host, job, now).await?),
        State::Completed => Standing::Completed(Completed {
            at,
            took: at.since(job.started_at.unwrap_or(at)),
            unchanged: job.unchanged,
            made: host.store.made(job.id).await?,
            followed: host.store.followed(job).await?,
        }),
        State::Failed => {
            let attempts = host.store.attempts(job.id).await?;
            let usage = attempts.last().and_then(|attempt| attempt.usage.as_ref());
            // A failed job has an error.
            let class = job.error.as_ref().map_or(super::Class::HostFault, |error| error.class);
            let entry = host.store.failure_of(job).await?;
            let entry = entry.map(|entry| Entry {
                id: entry.id,
                resolution: entry.resolution.map(|resolution| (resolution, entry.resolved_by)),
            });
            Standing::Failed { at, blame: blame(class, usage), entry }
        }
        State::Cancelled => Standing::Cancelled { at },
    })
}

async fn queued(host: &Host, job: &JobRow, now: Timestamp) -> Result<Queued, Refusal> {
    let config = host.config.now();
    let configured = Configured { queues: config.queue.configured(), keys: config.key.configured() };
    let runtime = host.runtime.get();
    let running = host.store.pulse().borrow().running;
    let worker = runtime.map(|runtime| Worker { slots: u64::from(runtime.slots), running });
    let mut queued = host.store.waiting(job, &configured, worker, now).await?;
    if let (Handler::Ready, Some(runtime)) = (&queued.handler, runtime) {
        let table = runtime.handlers.table();
        if table.of(&job.kind).is_none() {
            queued.handler = Handler::Missing(table.why_not(&job.kind));
        }
    }
    Ok(queued)
}

async fn running(host: &Host, job: &JobRow, now: Timestamp) -> Result<Running, Refusal> {
    let handler = match &job.digest {
        Some(digest) => host.store.handler_called(digest).await?,
        None => "that is missing".to_owned(),
    };
    Ok(Running {
        since: job.started_at.unwrap_or(now),
        handler,
        progress: job.progress.clone(),
        cancel_by: job.cancel_by.clone(),
    })
}
