//! Turning jobs that do not run: cancelled, given up, or given a new round.

use super::batch::{Batch, Queued, json, parse};
use super::settle::Applied;
use super::settle::end::{made, row};
use super::{StoreError, failure, import, subject};
use crate::rules::job::{Expect, Made, Next, State, Transition, Wait};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use serde::Deserialize;
use sqlx::Row as _;
use std::collections::{BTreeMap, BTreeSet};

/// Apply changes to jobs that do not run, in their order; `by` is who asks for new rounds.
pub(super) async fn turn(
    batch: &mut Batch<'_>,
    transitions: &[Transition],
    by: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Applied>, StoreError> {
    batch.at(now);
    let mut answers = Vec::with_capacity(transitions.len());
    while answers.len() < transitions.len() {
        let rest = &transitions[answers.len()..];
        // Up to where a job comes a second time: it has to be looked at again.
        let mut seen = BTreeSet::new();
        let many = rest.iter().take_while(|transition| seen.insert(transition.job)).count();
        answers.extend(turn_each(batch, &rest[..many], by, now).await?);
    }
    Ok(answers)
}

/// What has to be known of a job that does not run.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) queue: String,
    import_id: Option<i64>,
    item: Option<i64>,
    pub(super) priority: i64,
    pub(super) key: Option<String>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) subject: String,
    pub(super) state: State,
    wait: Option<String>,
}

impl Found {
    pub(super) fn lane(&self) -> Lane {
        Lane {
            queue: self.queue.as_str().into(),
            kind: self.kind.as_str().into(),
            import: self.import_id.unwrap_or(0),
            priority: self.priority,
        }
    }

    /// What it waits for, if it is queued.
    pub(super) fn wait(&self) -> Option<Wait> {
        self.wait.as_deref().and_then(Wait::parse)
    }
}

pub(super) const FIND: &str = "SELECT json_array(id, kind, queue, import_id, item, priority, key, deadline_at, subject,
       state, wait) FROM job WHERE id IN (SELECT value FROM jsonb_each($1))";

/// What these jobs are, by id.
pub(super) async fn find(batch: &mut Batch<'_>, ids: &[i64]) -> Result<BTreeMap<i64, Found>, StoreError> {
    let rows = sqlx::query(FIND).bind(json(&ids)?).fetch_all(&mut *batch.conn).await?;
    let found = rows.iter().map(|row| parse::<Found>(row.try_get(0)?).map(|found| (found.id, found)));
    found.collect()
}

pub(super) const TURN: &str = "UPDATE job SET
       state = new.value->>'$[2].state', wait = new.value->>'$[2].wait', why = new.value->>'$[2].why',
       run_at = coalesce(new.value->>'$[2].run_at', run_at), attempt = coalesce(new.value->>'$[2].attempt', attempt),
       finished_at = new.value->>'$[2].finished_at', error_class = new.value->>'$[2].class',
       error_message = new.value->>'$[2].message', deferrals = new.value->>'$[2].deferrals',
       deferred_since = new.value->>'$[2].since', deaths = new.value->>'$[2].deaths',
       suspect = new.value->>'$[2].suspect',
       deadline_at = CASE WHEN new.value->>'$[1]' = 1 AND deadline_at <= $2 THEN NULL ELSE deadline_at END,
       round = round + new.value->>'$[1]', cancel_by = NULL
    FROM jsonb_each($1) AS new WHERE job.id = new.value->>'$[0]'";

async fn turn_each(
    batch: &mut Batch<'_>,
    transitions: &[Transition],
    by: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Applied>, StoreError> {
    let ids: Vec<i64> = transitions.iter().map(|transition| transition.job).collect();
    let found = find(batch, &ids).await?;
    let mut rows = Vec::new();
    let (mut free, mut again, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
    let mut closed = BTreeSet::new();
    let mut answers = Vec::with_capacity(transitions.len());
    for transition in transitions {
        let Some(job) = found.get(&transition.job).filter(|job| holds(transition.expect, job.state)) else {
            answers.push(Applied::Stale);
            continue;
        };
        answers.push(Applied::Yes);
        let new_round = i64::from(transition.expect == Expect::Ended);
        rows.push((transition.job, new_round, row(transition, now, job.key.as_deref())));
        count(batch, job, transition, now);
        // It may have been the one that those behind it were to follow.
        free.push((job.subject.as_str(), job.kind.as_str()));
        if transition.expect == Expect::Ended {
            again.push(transition.job);
            closed.extend(job.import_id.filter(|id| !batch.view.imports.contains_key(id) || batch.view.rests(*id)));
        }
        if transition.next == Next::Failed {
            given_up.push((job.kind.as_str(), transition));
        }
    }
    if !rows.is_empty() {
        sqlx::query(TURN).bind(json(&rows)?).bind(now.0).execute(&mut *batch.conn).await?;
        failure::entry::resubmitted(batch, &again, by, now).await?;
        failure::entry::given_up(batch, &given_up).await?;
        subject::release(batch, &free).await?;
        if !closed.is_empty() {
            import::reopen(batch, &closed.into_iter().collect::<Vec<_>>()).await?;
        }
    }
    Ok(answers)
}

fn holds(expect: Expect, state: State) -> bool {
    match expect {
        Expect::Running { .. } => false,
        Expect::Queued => state == State::Queued,
        Expect::Ended => matches!(state, State::Failed | State::Cancelled),
    }
}

/// What a turn changes in counts.
fn count(batch: &mut Batch<'_>, job: &Found, transition: &Transition, now: Timestamp) {
    let (lane, key) = (job.lane(), job.key.as_deref());
    if let Some(wait) = job.wait() {
        batch.leave(wait, &lane, key);
    }
    let to = (State::of(&transition.next), made(&transition.next));
    batch.moved(&job.kind, job.import_id.zip(job.item), (job.state, Made::Something), to);
    if let Next::Queued { run_at, .. } = transition.next {
        // A new round drops a deadline that has passed.
        let deadline = job.deadline.filter(|at| *at > now);
        batch.enter(Wait::until(run_at, now, key), Queued { lane, key, deadline }, run_at);
    }
}
