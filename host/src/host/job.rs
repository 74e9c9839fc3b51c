//! Jobs: list, show, wait, cancel, retry; those of more words in modules of their own.

mod add;
pub(super) mod check;
mod edit;
mod explain;
mod follow;

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::project::Project;
pub use crate::rules::attempt::{Class, Usage};
pub use crate::rules::blame::Blame;
use crate::rules::blame::blame;
use crate::rules::job::{Cancel, State, cancel, retry};
use crate::rules::margin::margins;
pub use crate::rules::margin::{Margin, Unit, closest};
use crate::rules::time::Millis;
use crate::sandbox;
use crate::service::Runtime;
use crate::store::Store;
pub use crate::store::attempt::AttemptRow;
pub use crate::store::failure::FailureRow;
pub use crate::store::job::{JobError, JobFilter, JobRow};
use crate::store::settle::Applied;
pub use add::{Became, JobAdd, JobAddMany, JobAdded, JobsAdded, Mode, UniqueAsk};
use check::Said;
pub use edit::{Deadline, JobEdit, JobReschedule, When};
pub use explain::{Explained, Explanation, JobExplain, Reason};
pub use follow::{Cursor, Followed, JobFollow, Part};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; none when this is the last.
    pub next: Option<String>,
}

/// Items of a page at most.
pub const MAX_PAGE: u32 = 10_000;
/// How long one `job/wait` request is held open at most.
pub const HOLD: Duration = Duration::from_secs(20);

pub(super) async fn row(host: &Host, id: i64) -> Result<JobRow, Refusal> {
    let mut row =
        host.store.job(id).await?.ok_or_else(|| {
            Refusal::not_found(format!("there is no job {id}")).hint("`capstan job list` shows the jobs")
        })?;
    heard(host, &mut row);
    Ok(row)
}

/// What a running job said since its row was written.
fn heard(host: &Host, row: &mut JobRow) {
    if row.state == State::Running
        && let Some(progress) = host.runtime.get().and_then(|runtime| runtime.running.progress(row.id))
    {
        row.progress = Some(progress);
    }
}

/// List jobs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobList {
    /// Which.
    pub filter: JobFilter,
}

impl Verb for JobList {
    const ROUTE: &'static str = "job/list";
    type Reply = Page<JobRow>;

    async fn call(self, host: &Host) -> Result<Page<JobRow>, Refusal> {
        let mut filter = self.filter;
        filter.limit = limit(filter.limit)?;
        let mut items = host.store.jobs(&filter).await?;
        items.iter_mut().for_each(|row| heard(host, row));
        let is_full = items.len() == usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(|job| job.id.to_string());
        Ok(Page { items, next })
    }
}

/// A limit in its bounds.
pub(super) fn limit(asked: u32) -> Result<u32, Refusal> {
    match asked {
        0 => Ok(50),
        1..=MAX_PAGE => Ok(asked),
        more => Err(Refusal::usage(format!("limit {more} is out of range: 1 to {MAX_PAGE}"))),
    }
}

/// Whether a job may have this priority.
pub(super) fn priority(priority: i64) -> Result<(), Refusal> {
    Said { priority, ..Said::default() }.fits()
}

/// Everything about one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobShow {
    /// The job.
    pub id: i64,
}

/// Everything about one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: JobRow,
    /// Its payload.
    pub payload: Value,
    /// Its result.
    pub result: Option<Value>,
    /// Whose fault its error is.
    #[serde(default)]
    pub fault: Option<Blame>,
    /// Its entry in the failure log, if it failed.
    #[serde(default)]
    pub failure: Option<FailureRow>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptDetail>,
    /// For a queued job that nothing takes up: why, and what to do.
    pub held: Option<String>,
}

/// Everything about one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptDetail {
    /// Its row.
    #[serde(flatten)]
    pub row: AttemptRow,
    /// Whose fault it is that it failed, if it did.
    #[serde(default)]
    pub fault: Option<Blame>,
    /// How close it came to its limits, where they were kept with it.
    #[serde(default)]
    pub margins: Vec<Margin>,
    /// Its core dump, relative to the project, as long as it is kept.
    #[serde(default)]
    pub coredump: Option<String>,
}

impl AttemptDetail {
    pub(super) fn of(project: &Project, row: AttemptRow) -> Self {
        let fault = Class::parse(&row.outcome).map(|class| blame(class, row.usage.as_ref()));
        let kept = row.usage.as_ref().zip(row.limits.as_ref());
        let margins = kept.map(|(usage, limits)| margins(usage, limits).to_vec()).unwrap_or_default();
        let path = project.coredump(row.lease);
        let coredump = path.is_file().then(|| path.strip_prefix(project.root()).unwrap_or(&path).display().to_string());
        Self { row, fault, margins, coredump }
    }
}

impl Verb for JobShow {
    const ROUTE: &'static str = "job/show";
    type Reply = JobDetail;

    async fn call(self, host: &Host) -> Result<JobDetail, Refusal> {
        let job = row(host, self.id).await?;
        let held = match job.state {
            State::Queued => host.store.held_by(&job.kind).await?,
            _ => None,
        };
        let (payload, result) = host.store.job_documents(self.id).await?.unwrap_or_default();
        let value = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let rows = host.store.attempts(self.id).await?;
        let attempts: Vec<_> = rows.into_iter().map(|row| AttemptDetail::of(&host.project, row)).collect();
        let usage = attempts.last().and_then(|attempt| attempt.row.usage.as_ref());
        let failure = match job.state {
            State::Failed => host.store.failure_of(&job).await?,
            _ => None,
        };
        Ok(JobDetail {
            failure,
            fault: job.error.as_ref().map(|error| blame(error.class, usage)),
            job,
            payload: value(&payload),
            result: result.as_deref().map(value),
            attempts,
            held: held.map(|name| format!("handler {name} is disabled: `capstan handler enable {name}`")),
        })
    }
}

/// Wait until a job has ended; the row as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobWait {
    /// The job.
    pub id: i64,
    /// For so long at most (ms); never longer than [`HOLD`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Millis>,
}

impl Verb for JobWait {
    const ROUTE: &'static str = "job/wait";
    type Reply = JobRow;

    async fn call(self, host: &Host) -> Result<JobRow, Refusal> {
        let mut pulse = host.store.pulse();
        let end = tokio::time::sleep(self.hold.map_or(HOLD, |hold| hold.duration().min(HOLD)));
        tokio::pin!(end);
        loop {
            pulse.borrow_and_update();
            let job = row(host, self.id).await?;
            if !job.state.is_open() {
                return Ok(job);
            }
            tokio::select! {
                changed = pulse.changed() => if changed.is_err() { return Ok(job) },
                () = &mut end => return Ok(job),
            }
        }
    }
}

/// Cancel a job: a queued one at once, a running one by stopping its guest, which has its
/// `limits.cancel_grace` if it asks whether it is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobCancel {
    /// The job.
    pub id: i64,
    /// Who asks.
    pub by: String,
}

impl Verb for JobCancel {
    const ROUTE: &'static str = "job/cancel";
    type Reply = JobRow;

    async fn call(self, host: &Host) -> Result<JobRow, Refusal> {
        loop {
            let job = row(host, self.id).await?;
            match cancel(self.id, job.state, &self.by) {
                Cancel::TooLate(State::Cancelled) => return Ok(job),
                Cancel::TooLate(state) => {
                    return Err(Refusal::failed(format!("job {} is {state} already", self.id))
                        .hint(format!("`capstan job show {}` tells how it ended", self.id)));
                }
                Cancel::Now(transition) => {
                    if host.store.turn(vec![transition], clock::now()).await? == [Applied::Yes] {
                        return row(host, self.id).await;
                    }
                }
                Cancel::StopFirst => self.stop(host).await?,
            }
        }
    }
}

impl JobCancel {
    /// Write the request, stop the guest, and wait until the attempt has ended, however it did.
    async fn stop(&self, host: &Host) -> Result<(), Refusal> {
        let (asks, store, runtime) = (self.clone(), host.store.clone(), host.runtime.get().cloned());
        // A task of its own: whoever asks may hang up, and what is on record is carried out all the same.
        let stopping = tokio::spawn(async move { asks.carry_out(&store, runtime.as_deref()).await });
        stopping.await.map_err(|error| Refusal::failed(format!("job {} cannot be cancelled: {error}", self.id)))?
    }

    async fn carry_out(&self, store: &Store, runtime: Option<&Runtime>) -> Result<(), Refusal> {
        store.ask_cancel(vec![self.id], self.by.clone()).await?;
        let mut pulse = store.pulse();
        loop {
            pulse.borrow_and_update();
            if store.job(self.id).await?.is_none_or(|job| job.state != State::Running) {
                return Ok(());
            }
            if let Some(stopper) = runtime.and_then(|runtime| runtime.running.stopper(self.id)) {
                stopper.stop(sandbox::Reason::Cancel);
            }
            // A claim is committed a moment before its attempt can be stopped: look again soon.
            let looked = tokio::time::timeout(Duration::from_millis(20), pulse.changed()).await;
            if matches!(looked, Ok(Err(_))) {
                return Err(Refusal::failed(format!("the host stopped before job {} was cancelled", self.id)));
            }
        }
    }
}

/// Give a job that failed or was cancelled a new round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRetry {
    /// The job.
    pub id: i64,
    /// Who asks.
    pub by: String,
}

impl Verb for JobRetry {
    const ROUTE: &'static str = "job/retry";
    type Reply = JobRow;

    async fn call(self, host: &Host) -> Result<JobRow, Refusal> {
        let job = row(host, self.id).await?;
        let now = clock::now();
        let refused = |state: State| {
            Refusal::failed(format!("job {} is {state}: only failed and cancelled jobs are retried", self.id))
                .hint("`capstan job add` with the same payload runs it once more")
        };
        let transition = retry(self.id, job.state, now).map_err(refused)?;
        match host.store.resubmit(vec![transition], self.by, now).await?.first() {
            Some(Applied::Yes) => row(host, self.id).await,
            _ => Err(refused(row(host, self.id).await?.state)),
        }
    }
}
