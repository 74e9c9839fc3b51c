//! Changing queued jobs that stay queued: what they bring, how urgent they are, when
//! they run.

use super::batch::{Batch, Queued, json};
use super::op::{Op, Reply};
use super::settle::Applied;
use super::turn::{Found, find};
use super::{Store, StoreError};
use crate::rules::job::{State, Wait};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// What changes of a queued job; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Edit {
    /// The job.
    pub id: i64,
    /// Its payload (JSON text that was checked against the kind's schema).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Its priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Not before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

impl Store {
    /// Change queued jobs; whether each was still queued.
    ///
    /// # Errors
    /// The database said no; then none was changed.
    pub async fn edit(&self, edits: Vec<Edit>, now: Timestamp) -> Result<Vec<Applied>, StoreError> {
        match self.send(Op::Edit { edits, now }).await? {
            Reply::Applied(applied) => Ok(applied),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

pub(super) const EDIT: &str = "UPDATE job SET wait = new.value->>'$[0]',
       payload = coalesce(new.value->>'$[1].payload', payload), priority = coalesce(new.value->>'$[1].priority', priority),
       run_at = coalesce(new.value->>'$[1].run_at', run_at), tags = coalesce(new.value->>'$[1].tags', tags)
    FROM jsonb_each($1) AS new WHERE job.id = new.value->>'$[1].id'";

/// Change queued jobs, in their order.
pub(super) async fn edit(batch: &mut Batch<'_>, edits: &[Edit], now: Timestamp) -> Result<Vec<Applied>, StoreError> {
    batch.at(now);
    let mut answers = Vec::with_capacity(edits.len());
    while answers.len() < edits.len() {
        let rest = &edits[answers.len()..];
        let mut seen = BTreeSet::new();
        let many = rest.iter().take_while(|edit| seen.insert(edit.id)).count();
        answers.extend(edit_each(batch, &rest[..many], now).await?);
    }
    Ok(answers)
}

async fn edit_each(batch: &mut Batch<'_>, edits: &[Edit], now: Timestamp) -> Result<Vec<Applied>, StoreError> {
    let found = find(batch, &edits.iter().map(|edit| edit.id).collect::<Vec<_>>()).await?;
    let mut answers = Vec::with_capacity(edits.len());
    let mut rows = Vec::new();
    for edit in edits {
        let queued = found.get(&edit.id).filter(|job| job.state == State::Queued);
        answers.push(if queued.is_some() { Applied::Yes } else { Applied::Stale });
        if let Some((job, was)) = queued.and_then(|job| job.wait().map(|wait| (job, wait))) {
            rows.push((moved(batch, job, was, edit, now).name(), edit));
        }
    }
    if !rows.is_empty() {
        sqlx::query(EDIT).bind(json(&rows)?).execute(&mut *batch.conn).await?;
    }
    Ok(answers)
}

/// What an edited job waits for from now on.
fn moved(batch: &mut Batch<'_>, job: &Found, was: Wait, edit: &Edit, now: Timestamp) -> Wait {
    let (lane, key) = (job.lane(), job.key.as_deref());
    let is = match (was, edit.run_at) {
        // Those have their turn in another line, whatever the time.
        (Wait::Subject | Wait::Suspect, _) => was,
        (_, None) => was,
        // Let in already.
        (Wait::Ready, Some(at)) if at <= now => was,
        (_, Some(at)) => Wait::until(at, now, key),
    };
    let new = Lane { priority: edit.priority.unwrap_or(lane.priority), ..lane.clone() };
    if is != was || (is == Wait::Ready && new != lane) {
        batch.leave(was, &lane, key);
        batch.enter(is, Queued { lane: new, key, deadline: job.deadline }, edit.run_at.unwrap_or(now));
    } else if let (Wait::Timer, Some(at)) = (is, edit.run_at) {
        batch.view.timer(at);
    }
    is
}
