//! The ends of attempts as they are written: a row for the attempt, and what changes of the job.

use super::Settlement;
use crate::rules::job::{Expect, Made, Memory, Next, State, Transition, Trust, Wait};
use crate::rules::time::Timestamp;
use crate::store::batch::{Batch, json};
use crate::store::values::Values;
use crate::store::{StoreError, attempt};
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Row as _};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The end of an attempt with the documents that are written of it. They are made by whoever
/// brings it, so that the one writer only has to bind them.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(super) settlement: Settlement,
    attempt: attempt::Documents,
    progress: Option<String>,
}

impl Ended {
    pub(super) fn of(settlement: Settlement) -> Result<Self, StoreError> {
        let attempt = attempt::Documents::of(&settlement.attempt)?;
        let progress = settlement.progress.as_ref().map(json).transpose()?;
        Ok(Self { settlement, attempt, progress })
    }
}

/// The lease under which a settlement expects its job to run; no two jobs ever have the same.
pub(super) fn running_under(settlement: &Settlement) -> Option<i64> {
    match settlement.transition.expect {
        Expect::Running { lease } => Some(lease),
        Expect::Queued | Expect::Ended => None,
    }
}

/// Ends what still runs under its lease.
pub(in crate::store) static END: LazyLock<Values> = LazyLock::new(|| {
    let columns = "id, lease, state, wait, why, run_at, attempt, finished_at, unchanged, result, class, message,
        deferrals, since, deaths, suspect, progress";
    Values::new(columns.split(',').count(), |rows| {
        format!(
            "WITH new({columns}) AS ({rows}) UPDATE job SET
                state = new.state, wait = new.wait, why = new.why, run_at = coalesce(new.run_at, job.run_at),
                attempt = coalesce(new.attempt, job.attempt), finished_at = new.finished_at,
                unchanged = new.unchanged, result = new.result, error_class = new.class, error_message = new.message,
                deferrals = new.deferrals, deferred_since = new.since, deaths = new.deaths, suspect = new.suspect,
                cancel_by = NULL, progress = coalesce(new.progress, job.progress)
             FROM new WHERE job.id = new.id AND job.state = 'running' AND job.lease = new.lease
             RETURNING job.lease"
        )
    })
});

/// Write the new state of each job that still runs under its lease, and its attempt; which leases those are.
pub(super) async fn write(batch: &mut Batch<'_>, all: &[&Ended]) -> Result<BTreeSet<i64>, StoreError> {
    let mut seen = BTreeSet::new();
    // Of two ends the first counts; SQLite would take either.
    let is_first = |end: &&Ended| running_under(&end.settlement).is_some_and(|lease| seen.insert(lease));
    let mut ends: Vec<&Ended> = all.iter().copied().filter(is_first).collect();
    let ended = END.write(batch.conn, &ends, |end, to| bind(end, to)).await?;
    let held: BTreeSet<i64> = ended.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    ends.retain(|end| running_under(&end.settlement).is_some_and(|lease| held.contains(&lease)));
    attempt::ATTEMPT.write(batch.conn, &ends, |end, to| attempt::bind(&end.settlement, &end.attempt, to)).await?;
    Ok(held)
}

/// The values of a row of [`END`].
fn bind(end: &Ended, to: &mut SqliteArguments) -> Result<(), BoxDynError> {
    let Settlement { facts, transition, attempt, .. } = &end.settlement;
    let columns = row(transition, attempt.finished_at, facts.key.as_deref());
    to.add(transition.job)?;
    to.add(running_under(&end.settlement))?;
    to.add(columns.state.name())?;
    to.add(columns.wait)?;
    to.add(columns.why)?;
    to.add(columns.run_at.map(|at| at.0))?;
    to.add(columns.attempt)?;
    to.add(columns.finished_at.map(|at| at.0))?;
    to.add(columns.unchanged)?;
    to.add(columns.result)?;
    to.add(columns.class)?;
    to.add(columns.message)?;
    to.add(columns.deferrals)?;
    to.add(columns.since.map(|at| at.0))?;
    to.add(columns.deaths)?;
    to.add(columns.suspect)?;
    to.add(end.progress.as_deref())
}

/// The columns that a transition sets.
#[derive(serde::Serialize)]
pub(in crate::store) struct Columns<'a> {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    unchanged: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    deferrals: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    deaths: u32,
    suspect: u8,
}

pub(in crate::store) fn row<'a>(transition: &'a Transition, now: Timestamp, key: Option<&str>) -> Columns<'a> {
    let Memory { deferrals, deferred_since, deaths, trust } = transition.memory;
    let state = State::of(&transition.next);
    let mut row = Columns {
        state,
        wait: wait(transition, now, key).map(Wait::name),
        why: None,
        run_at: None,
        attempt: None,
        finished_at: (!state.is_open()).then_some(now),
        unchanged: 0,
        result: None,
        class: transition.error.as_ref().map(|(class, _)| class.name()),
        message: transition.error.as_ref().map(|(_, message)| message.as_str()),
        deferrals,
        since: deferred_since,
        deaths,
        suspect: u8::from(trust == Trust::Suspect),
    };
    match &transition.next {
        Next::Completed { result, made } => {
            row.result = (result != "null").then_some(result.as_str());
            row.unchanged = u8::from(*made == Made::Nothing);
        }
        Next::Queued { run_at, why, attempt } => {
            row.run_at = Some(*run_at);
            row.why = Some(why.name());
            row.attempt = Some(*attempt);
        }
        Next::Failed | Next::Cancelled => {}
    }
    row
}

/// What a job waits for that is queued again.
pub(super) fn wait(transition: &Transition, now: Timestamp, key: Option<&str>) -> Option<Wait> {
    let Next::Queued { run_at, .. } = transition.next else { return None };
    Some(match transition.memory.trust {
        Trust::Suspect => Wait::Suspect,
        Trust::Innocent => Wait::until(run_at, now, key),
    })
}

pub(in crate::store) fn made(next: &Next) -> Made {
    match next {
        Next::Completed { made, .. } => *made,
        _ => Made::Something,
    }
}
