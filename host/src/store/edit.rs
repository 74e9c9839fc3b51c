//! Changing queued jobs that stay queued: what they bring, where they wait, how urgent
//! they are, when they run.
//!
//! A job whose key changes has to be let in by the new one, unless it waits for a time. One
//! that may have killed the host was let in before and runs out of turn, so its key stays. One that leaves the ready index
//! may have been the one that others of its document were to follow, so the next of
//! those is woken, as at the end of a job.

use super::batch::{Batch, Queued, json};
use super::op::{Op, Reply};
use super::settle::Applied;
use super::turn::{Found, find};
use super::{Store, StoreError, subject};
use crate::rules::job::{State, Wait, Why};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
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
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What it shares a limit with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it is of no use any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// The hash that it is unique by, if it is by this payload, and what it is by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<(String, String)>,
    /// Why it is queued, from now on.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name")]
    pub why: Option<Why>,
}

/// When a job is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deadline {
    /// Never.
    None,
    /// After this time (ms).
    At(Timestamp),
}

fn name<S: serde::Serializer>(why: &Option<Why>, to: S) -> Result<S::Ok, S::Error> {
    why.map(Why::name).serialize(to)
}

impl Store {
    /// Change queued jobs; whether each was: it was still queued, and no suspect whose key
    /// is to be another.
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
       run_at = coalesce(new.value->>'$[1].run_at', run_at), tags = coalesce(new.value->>'$[1].tags', tags),
       title = coalesce(new.value->>'$[1].title', title), queue = coalesce(new.value->>'$[1].queue', queue),
       key = coalesce(new.value->>'$[1].key', job.key), why = coalesce(new.value->>'$[1].why', why),
       unique_key = CASE WHEN unique_key = new.value->>'$[1].unique[0]' THEN new.value->>'$[1].unique[1]'
                         ELSE unique_key END,
       deadline_at = CASE WHEN new.value->>'$[1].deadline' IS NULL THEN deadline_at
                          ELSE new.value->>'$[1].deadline.at' END
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
    let (mut rows, mut free) = (Vec::new(), Vec::new());
    for edit in edits {
        let queued = found.get(&edit.id).filter(|job| job.state == State::Queued && !takes_a_place(job, edit));
        answers.push(if queued.is_some() { Applied::Yes } else { Applied::Stale });
        if let Some((job, was)) = queued.and_then(|job| job.wait().map(|wait| (job, wait))) {
            let is = moved(batch, job, was, edit, now);
            if was == Wait::Ready && is != Wait::Ready {
                free.push((job.subject.as_str(), job.kind.as_str()));
            }
            rows.push((is.name(), edit));
        }
    }
    if !rows.is_empty() {
        sqlx::query(EDIT).bind(json(&rows)?).execute(&mut *batch.conn).await?;
        subject::release(batch, &free).await?;
    }
    Ok(answers)
}

/// Whether a suspect would be let in by a key that has not let it in.
fn takes_a_place(job: &Found, edit: &Edit) -> bool {
    job.wait() == Some(Wait::Suspect) && edit.key.is_some() && edit.key != job.key
}

/// What an edited job waits for from now on.
fn waits(job: &Found, was: Wait, edit: &Edit, now: Timestamp) -> Wait {
    let key = edit.key.as_deref().or(job.key.as_deref());
    let has_other_key = key != job.key.as_deref();
    match (was, edit.run_at) {
        // Its turn is in another line, whatever the time.
        (Wait::Suspect, _) => was,
        (_, Some(at)) if at > now => Wait::Timer,
        (Wait::Ready | Wait::Subject, _) if has_other_key => Wait::Key,
        // Let in already.
        (Wait::Ready | Wait::Subject, _) => was,
        (Wait::Timer | Wait::Key, None) => was,
        (Wait::Timer | Wait::Key, Some(at)) => Wait::until(at, now, key),
    }
}

/// Move an edited job to where it waits from now on.
fn moved(batch: &mut Batch<'_>, job: &Found, was: Wait, edit: &Edit, now: Timestamp) -> Wait {
    let is = waits(job, was, edit, now);
    let (old, old_key) = (job.lane(), job.key.as_deref());
    let key = edit.key.as_deref().or(old_key);
    let queue = edit.queue.as_deref().map_or_else(|| old.queue.clone(), Into::into);
    let lane = Lane { priority: edit.priority.unwrap_or(old.priority), queue, ..old.clone() };
    let deadline = match edit.deadline {
        None => job.deadline,
        Some(Deadline::None) => None,
        Some(Deadline::At(at)) => Some(at),
    };
    if lane.queue != old.queue && !batch.view.queues.contains_key(&lane.queue) {
        // So that it is known from its first job on, whatever becomes of that.
        batch.view.queue(&lane.queue);
        batch.queue_changed(&lane.queue);
    }
    if is == Wait::Suspect {
        // It may have left a queue that kept it.
        batch.view.suspects_stuck = false;
    }
    if is != was || key != old_key || (is == Wait::Ready && lane != old) {
        batch.leave(was, &old, old_key);
        batch.enter(is, Queued { lane, key, deadline }, edit.run_at.unwrap_or(now));
    } else {
        if let (Wait::Timer, Some(at)) = (is, edit.run_at) {
            batch.view.timer(at);
        }
        if let Some(at) = deadline {
            batch.view.deadline(at);
        }
    }
    is
}
