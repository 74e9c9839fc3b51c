//! Changing jobs that are queued: what they bring, where and when they wait.

use super::check::{self, Said};
use super::explain::{Explained, explained};
use super::row;
use crate::clock;
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::job::{State, Wait, Why};
use crate::rules::time::{Millis, Timestamp};
use crate::rules::unique::{self, By};
pub use crate::store::edit::Deadline;
use crate::store::edit::Edit;
use crate::store::job::JobRow;
use crate::store::settle::Applied;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Change a queued job; what is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobEdit {
    /// The job.
    pub id: i64,
    /// Its payload. It stays about the same document.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub payload: Option<Value>,
    /// The smaller is claimed first: −100 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Its tags, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What it shares a limit with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
}

/// A payload that is named is one, also if it is `null`.
fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Verb for JobEdit {
    const ROUTE: &'static str = "job/edit";
    type Reply = JobRow;

    async fn call(self, host: &Host) -> Result<JobRow, Refusal> {
        let job = queued(row(host, self.id).await?, "edited")?;
        let now = clock::now();
        let edit = self.prepare(host, &job, now).await?;
        apply(host, edit, now, "edited").await?;
        row(host, job.id).await
    }
}

impl JobEdit {
    /// The change as the store makes it.
    async fn prepare(self, host: &Host, job: &JobRow, now: Timestamp) -> Result<Edit, Refusal> {
        let edit = Edit {
            id: self.id,
            priority: self.priority,
            tags: self.tags,
            title: self.title,
            queue: self.queue,
            key: self.key,
            deadline: self.deadline,
            ..Edit::default()
        };
        if self.payload.is_none() && edit == (Edit { id: self.id, ..Edit::default() }) {
            return Err(Refusal::usage(format!("nothing of job {} is to be changed", self.id))
                .hint("name a payload, a priority, tags, a title, a queue, a key or a deadline"));
        }
        let said = Said {
            priority: edit.priority.unwrap_or(0),
            queue: edit.queue.as_deref(),
            key: edit.key.as_deref(),
            title: edit.title.as_deref(),
            tags: edit.tags.as_deref().unwrap_or_default(),
            by: None,
        };
        said.fits()?;
        if let Some(Deadline::At(at)) = edit.deadline {
            in_time(job.run_at.max(now), at)?;
        }
        let Some(payload) = self.payload else { return Ok(edit) };
        let (_, handlers) = host.engine().await?;
        let text = check::payload(handlers, &job.kind, &payload)?;
        let (old, _) = host.store.job_documents(job.id).await?.unwrap_or_default();
        same_document(job, &old, &payload)?;
        let hash = |payload| unique::hash(&job.kind, By::Payload(payload));
        Ok(Edit { unique: Some((hash(&old), hash(&text))), payload: Some(text), ..edit })
    }
}

/// A job stays about what it is about: its subject is where its artifacts go.
fn same_document(job: &JobRow, old: &str, new: &Value) -> Result<(), Refusal> {
    let old: Value = serde_json::from_str(old).unwrap_or_default();
    let other = ["url", "path"].into_iter().find(|name| old.get(name) != new.get(name));
    match other {
        Some(name) if !job.source.is_empty() => Err(Refusal::usage(format!(
            "the payload's {name:?} is another one, and job {} is about {}",
            job.id, job.source
        ))
        .hint(format!("cancel it, and add a job for the other: `capstan job add {}`", job.kind))),
        _ => Ok(()),
    }
}

/// Let a queued job run at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobReschedule {
    /// The job.
    pub id: i64,
    /// When.
    pub when: When,
}

/// When a job is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// As soon as it can.
    Now,
    /// Not before this time (ms since 1970).
    At(Timestamp),
    /// Not before so long from now (ms).
    In(Millis),
}

impl Verb for JobReschedule {
    const ROUTE: &'static str = "job/reschedule";
    type Reply = Explained;

    async fn call(self, host: &Host) -> Result<Explained, Refusal> {
        let job = queued(row(host, self.id).await?, "rescheduled")?;
        let now = clock::now();
        let run_at = match self.when {
            When::Now => now,
            When::At(at) => at,
            When::In(span) => now.after(span),
        };
        if let Some(deadline) = job.deadline_at {
            in_time(run_at, deadline)?;
        }
        if run_at > now && job.wait.as_deref() == Some(Wait::Suspect.name()) {
            return Err(suspect(job.id));
        }
        let why = (run_at > now).then_some(Why::Rescheduled);
        apply(host, Edit { id: job.id, run_at: Some(run_at), why, ..Edit::default() }, now, "rescheduled").await?;
        explained(host, job.id).await
    }
}

/// A deadline has to come after the time before which the job does not run.
fn in_time(run_at: Timestamp, deadline: Timestamp) -> Result<(), Refusal> {
    if deadline > run_at {
        return Ok(());
    }
    let (deadline, run_at) = (deadline.rfc3339(), run_at.rfc3339());
    let wrong = format!("deadline {deadline} is not after {run_at}, before which the job does not run");
    Err(Refusal::usage(wrong).hint("name a later deadline, or an earlier time"))
}

async fn apply(host: &Host, edit: Edit, now: Timestamp, done: &str) -> Result<(), Refusal> {
    let id = edit.id;
    match host.store.edit(vec![edit], now).await?.first() {
        Some(Applied::Yes) => Ok(()),
        // It began or ended in this very moment, or its key cannot be changed.
        _ => queued(row(host, id).await?, done).and_then(|job| Err(suspect(job.id))),
    }
}

/// A job that may have killed the host runs out of turn, and soon.
fn suspect(id: i64) -> Refusal {
    let refusal = Refusal::failed(format!("job {id} ran when the host died, and keeps its time and its key"));
    refusal.hint(format!("`capstan job explain {id}` says when it runs; `capstan job cancel {id}` takes it away"))
}

/// The job, if it is queued.
fn queued(job: JobRow, done: &str) -> Result<JobRow, Refusal> {
    let hint = match job.state {
        State::Queued => return Ok(job),
        State::Running => format!("`capstan job cancel {}` stops it", job.id),
        State::Completed => format!("`capstan job add {}` adds another", job.kind),
        State::Failed | State::Cancelled => format!("`capstan job retry {}` queues it again", job.id),
    };
    Err(Refusal::failed(format!("job {} is {}: only queued jobs are {done}", job.id, job.state)).hint(hint))
}
