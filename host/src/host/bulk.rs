//! Bulk operations: preview, start, list, show, cancel, drive.

use super::failure::checked;
use super::job::{FailureRow, HOLD, JobError, JobFilter, JobRow, Page, limit, priority};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::rules::bulk::BulkState;
pub use crate::rules::bulk::{Account, Act};
use crate::rules::job::State;
use crate::rules::time::Millis;
use crate::service::bulk::{Driver, LOOK, Moved};
pub use crate::store::bulk::{BulkRow, Targets, What};
use crate::store::bulk::{NewBulk, Newest};
use crate::store::failure::Which;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// Targets that a preview shows at most.
pub const SAMPLE: u32 = 10;

/// What an operation would act on, if it began now. Writes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkPreview {
    /// What it would do to which targets.
    pub what: What,
    /// Whether all are meant, where no filter is named.
    #[serde(default)]
    pub all: bool,
}

/// What an operation would act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What it would do.
    pub what: What,
    /// How many targets match now.
    pub total: u64,
    /// The newest of them, [`SAMPLE`] at most.
    pub sample: Vec<Sample>,
}

/// A target, as far as it tells people what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its number: of the job, or of the failure.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// What it is about: a title, a source, or a subject's id.
    pub about: String,
    /// The job's state.
    pub state: State,
    /// The job's last error.
    pub error: Option<JobError>,
}

impl From<JobRow> for Sample {
    fn from(job: JobRow) -> Self {
        let about = [job.title, job.source, job.subject].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        Self { id: job.id, kind: job.kind, about, state: job.state, error: job.error }
    }
}

impl From<FailureRow> for Sample {
    fn from(failure: FailureRow) -> Self {
        let about = [failure.title, failure.source, failure.subject].into_iter().find(|text| !text.is_empty());
        let error = Some(JobError { class: failure.class, message: failure.message });
        Self { id: failure.id, kind: failure.kind, about: about.unwrap_or_default(), state: State::Failed, error }
    }
}

impl Verb for BulkPreview {
    const ROUTE: &'static str = "bulk/preview";
    type Reply = Preview;

    async fn call(self, host: &Host) -> Result<Preview, Refusal> {
        let what = fitting(host, self.what, self.all).await?;
        let (total, newest) = host.store.matching(&what, SAMPLE).await?;
        let sample = match newest {
            Newest::Jobs(jobs) => jobs.into_iter().map(Sample::from).collect(),
            Newest::Failures(failures) => failures.into_iter().map(Sample::from).collect(),
        };
        Ok(Preview { what, total, sample })
    }
}

/// Begin an operation on all that matches now: the set is frozen in one commit, and what matches later is not of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkStart {
    /// What it does to which targets.
    pub what: What,
    /// Who wants it.
    pub by: String,
    /// Whether all are meant, where no filter is named.
    #[serde(default)]
    pub all: bool,
}

/// What became of the wish for an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkStarted {
    /// The operation; none when nothing matches, and nothing was put on record then.
    pub operation: Option<BulkRow>,
}

impl Verb for BulkStart {
    const ROUTE: &'static str = "bulk/start";
    type Reply = BulkStarted;

    async fn call(self, host: &Host) -> Result<BulkStarted, Refusal> {
        let what = fitting(host, self.what, self.all).await?;
        Ok(BulkStarted { operation: start(host, what, self.by).await? })
    }
}

/// Begin an operation; none when nothing matches.
///
/// # Errors
/// The store said no.
pub async fn start(host: &Host, what: What, by: String) -> Result<Option<BulkRow>, Refusal> {
    match host.store.freeze(NewBulk { what, by, now: clock::now() }).await? {
        Some(id) => row(host, id).await.map(Some),
        None => Ok(None),
    }
}

/// What is meant, if it is said: a filter, or that all are meant.
async fn fitting(host: &Host, what: What, all: bool) -> Result<What, Refusal> {
    let (verb, states) = (what.act().name(), what.act().states());
    let names: Vec<_> = states.iter().map(|state| state.name()).collect();
    let fit = names.join(" and ");
    let (is_open, those) = match what.targets() {
        Targets::Jobs(jobs) => {
            is_for(verb, jobs, states, &fit)?;
            (jobs.is_empty(), format!("{fit} jobs"))
        }
        Targets::Failures(failures) if failures.which != Which::Unresolved => {
            let wrong =
                format!("{verb} is for unresolved failures, and the filter names {} ones", failures.which.name());
            return Err(Refusal::usage(wrong).hint("leave out how they were resolved"));
        }
        Targets::Failures(failures) => (failures.is_open(), "unresolved failures".to_owned()),
    };
    match (is_open, all) {
        (true, false) => Err(Refusal::usage(format!("{verb} has no filter"))
            .hint(format!("--all means all {those}; --dry-run with it or with a filter shows what is meant"))),
        (false, true) => Err(Refusal::usage(format!("{verb} has a filter, and --all")).hint("leave one of them out")),
        _ => match what {
            What::Prioritise { priority: wanted, .. } => priority(wanted).map(|()| what),
            What::Resubmit { failures } => Ok(What::Resubmit { failures: checked(host, failures).await? }),
            What::Delete { failures } => Ok(What::Delete { failures: checked(host, failures).await? }),
            What::Cancel { .. } | What::Retry { .. } => Ok(what),
        },
    }
}

/// Whether a filter of jobs names what a verb is for.
fn is_for(verb: &str, jobs: &JobFilter, states: &[State], fit: &str) -> Result<(), Refusal> {
    if let Some(state) = jobs.state.filter(|state| !states.contains(state)) {
        return Err(Refusal::usage(format!("{verb} is for {fit} jobs, and the filter names {state} ones"))
            .hint("leave the state out, or name one that it is for"));
    }
    if jobs.limit != 0 {
        return Err(Refusal::usage(format!(
            "limit {} is for lists: an operation acts on all that matches",
            jobs.limit
        ))
        .hint("name a narrower filter; a dry run shows what it matches"));
    }
    Ok(())
}

async fn row(host: &Host, id: i64) -> Result<BulkRow, Refusal> {
    host.store.bulk(id).await?.ok_or_else(|| {
        Refusal::not_found(format!("there is no operation {id}")).hint("`capstan bulk list` shows the operations")
    })
}

/// List operations, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkList {
    /// Older than this one (the cursor of the page before).
    #[serde(default)]
    pub before: Option<i64>,
    /// At most so many; 50 without.
    #[serde(default)]
    pub limit: u32,
}

impl Verb for BulkList {
    const ROUTE: &'static str = "bulk/list";
    type Reply = Page<BulkRow>;

    async fn call(self, host: &Host) -> Result<Page<BulkRow>, Refusal> {
        let limit = limit(self.limit)?;
        let items = host.store.bulks(self.before, limit).await?;
        let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(|bulk| bulk.id.to_string());
        Ok(Page { items, next })
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkShow {
    /// Its number.
    pub id: i64,
}

impl Verb for BulkShow {
    const ROUTE: &'static str = "bulk/show";
    type Reply = BulkRow;

    async fn call(self, host: &Host) -> Result<BulkRow, Refusal> {
        row(host, self.id).await
    }
}

/// Stop an operation between two steps. What it did stays done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkCancel {
    /// Its number.
    pub id: i64,
    /// Who asks.
    pub by: String,
}

impl Verb for BulkCancel {
    const ROUTE: &'static str = "bulk/cancel";
    type Reply = BulkRow;

    async fn call(self, host: &Host) -> Result<BulkRow, Refusal> {
        row(host, self.id).await?;
        host.store.cancel_bulk(self.id, self.by, clock::now()).await?;
        let bulk = row(host, self.id).await?;
        match bulk.state {
            BulkState::Completed => Err(Refusal::failed(format!("operation {} is completed already", bulk.id))
                .hint(format!("`capstan bulk show {}` tells what it did", bulk.id))),
            _ => Ok(bulk),
        }
    }
}

/// Wait until an operation is over, and work on it where nobody else does; the row as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkDrive {
    /// Its number.
    pub id: i64,
    /// For so long at most (ms); never longer than [`HOLD`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Millis>,
}

impl Verb for BulkDrive {
    const ROUTE: &'static str = "bulk/drive";
    type Reply = BulkRow;

    async fn call(self, host: &Host) -> Result<BulkRow, Refusal> {
        drive(host, self.id, self.hold.map_or(HOLD, |hold| hold.duration().min(HOLD))).await
    }
}

/// Wait for so long at most until an operation is over, and work on it where nobody else does.
///
/// # Errors
/// There is none, or the store said no.
pub async fn drive(host: &Host, id: i64, hold: Duration) -> Result<BulkRow, Refusal> {
    let end = Instant::now() + hold;
    match host.driving.try_lock() {
        Ok(_alone) => work(host, id, end).await,
        Err(_) => watch(host, id, end).await,
    }
}

async fn work(host: &Host, id: i64, end: Instant) -> Result<BulkRow, Refusal> {
    let running = host.runtime.get().map(|runtime| &runtime.running);
    let mut driver = Driver::new(&host.store, &host.config, running);
    loop {
        let bulk = row(host, id).await?;
        if bulk.is_over() || Instant::now() >= end {
            return Ok(bulk);
        }
        if driver.turn(&bulk).await? == Moved::No {
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn watch(host: &Host, id: i64, end: Instant) -> Result<BulkRow, Refusal> {
    let mut pulse = host.store.pulse();
    loop {
        pulse.borrow_and_update();
        let bulk = row(host, id).await?;
        if bulk.is_over() {
            return Ok(bulk);
        }
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { return Ok(bulk) },
            () = tokio::time::sleep_until(end) => return Ok(bulk),
        }
    }
}
