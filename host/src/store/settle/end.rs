//! The ends of attempts as they are written: a row for the attempt, and what changes of the job.

use super::Settlement;
use crate::rules::job::{Expect, Made, Memory, Next, State, Transition, Trust, Wait};
use crate::rules::time::Timestamp;
use crate::store::batch::{Batch, json, list};
use crate::store::{StoreError, attempt};
use sqlx::Row as _;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The end of an attempt with its rows as they are written. They are made by whoever
/// brings it, so that the one writer only has to put them together.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(super) settlement: Settlement,
    /// What changes of the job: an element of [`END`]'s list.
    job: String,
    /// The attempt: an element of [`attempt::ATTEMPT`]'s.
    attempt: String,
}

impl Ended {
    pub(super) fn of(settlement: Settlement) -> Result<Self, StoreError> {
        let progress = settlement.progress.as_ref().map(json).transpose()?;
        let (transition, finished_at) = (&settlement.transition, settlement.attempt.finished_at);
        let columns = row(transition, finished_at, settlement.facts.key.as_deref());
        let lease = running_under(&settlement).map(|(_, lease)| lease);
        let job = json(&(transition.job, lease, columns, progress))?;
        let attempt = json(&attempt::row(&settlement)?)?;
        Ok(Self { settlement, job, attempt })
    }
}

/// The job and the lease that a settlement expects to find running.
pub(super) fn running_under(settlement: &Settlement) -> Option<(i64, i64)> {
    match settlement.transition.expect {
        Expect::Running { lease } => Some((settlement.transition.job, lease)),
        Expect::Queued | Expect::Ended => None,
    }
}

pub(in crate::store) const END: &str = "UPDATE job SET
       state = new.value->>'$[2].state', wait = new.value->>'$[2].wait', why = new.value->>'$[2].why',
       run_at = coalesce(new.value->>'$[2].run_at', run_at),
       attempt = coalesce(new.value->>'$[2].attempt', attempt),
       finished_at = new.value->>'$[2].finished_at',
       unchanged = new.value->>'$[2].unchanged', result = new.value->>'$[2].result',
       error_class = new.value->>'$[2].class', error_message = new.value->>'$[2].message',
       deferrals = new.value->>'$[2].deferrals', deferred_since = new.value->>'$[2].since',
       deaths = new.value->>'$[2].deaths', suspect = new.value->>'$[2].suspect', cancel_by = NULL,
       progress = coalesce(new.value->>'$[3]', progress)
    FROM jsonb_each($1) AS new
    WHERE job.id = new.value->>'$[0]' AND job.state = 'running' AND job.lease = new.value->>'$[1]'
    RETURNING job.id, job.lease";

/// Both in one message to the connection.
static ATTEMPT_AND_END: LazyLock<String> = LazyLock::new(|| format!("{}; {END}", attempt::ATTEMPT));

/// Write the attempt and the new state of each job that still runs under its lease; which ones.
pub(super) async fn write(batch: &mut Batch<'_>, all: &[&Ended]) -> Result<BTreeSet<(i64, i64)>, StoreError> {
    let mut seen = BTreeSet::new();
    // Of two ends the first counts; SQLite would take either.
    let is_first = |end: &&&Ended| running_under(&end.settlement).is_some_and(|held| seen.insert(held));
    let ends: Vec<&&Ended> = all.iter().filter(is_first).collect();
    let jobs = list(ends.iter().map(|end| end.job.as_str()));
    let attempts = list(ends.iter().map(|end| end.attempt.as_str()));
    let query = sqlx::query(ATTEMPT_AND_END.as_str()).bind(jobs).bind(attempts);
    let updated = query.fetch_all(&mut *batch.conn).await?;
    Ok(updated.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
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
