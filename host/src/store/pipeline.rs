//! Queueing what comes of a completed job: the kinds that follow it, and the jobs that
//! its handler asked for.

use super::batch::{Batch, json};
use super::job::NewJob;
use super::settle::Settlement;
use super::{StoreError, accept};
use crate::rules::job::{Made, Next};
use crate::rules::pipeline::{Standing, follows};
use sqlx::Row;
use std::collections::BTreeMap;

/// A kind that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// The kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// What it shares a limit with.
    pub key: Option<String>,
    /// Charged attempts per round.
    pub max_attempts: u32,
    /// The handler that would do it now.
    pub digest: Option<String>,
}

/// Current generations about some subjects: (subject, kind) → (lease, digest, inputs).
type Current = BTreeMap<(String, String), (i64, String, Option<String>)>;

/// Queue what follows the settlements that were applied.
pub(super) async fn follow(batch: &mut Batch<'_>, applied: &[&Settlement]) -> Result<(), StoreError> {
    let ended: Vec<(&Settlement, Made)> = applied
        .iter()
        .filter(|s| !s.follow.is_empty() || !s.enqueue.is_empty())
        .filter_map(|s| match s.transition.next {
            Next::Completed { made, .. } => Some((*s, made)),
            _ => None,
        })
        .collect();
    if ended.is_empty() {
        return Ok(());
    }
    let current = current(batch, &ended).await?;
    let mut behind = Vec::new();
    for (settlement, made) in &ended {
        for next in &settlement.follow {
            if is_due(settlement, *made, next, &current) {
                behind.push(job_behind(settlement, next));
            }
        }
    }
    let asked = ended.iter().flat_map(|(settlement, _)| &settlement.enqueue);
    accept::insert_rows(batch, &behind.iter().chain(asked).collect::<Vec<_>>()).await
}

fn is_due(settlement: &Settlement, made: Made, next: &Follow, current: &Current) -> bool {
    let subject = &settlement.facts.about.subject;
    let kind = &settlement.facts.kind;
    let input = current.get(&(subject.clone(), kind.clone())).map(|(lease, ..)| *lease);
    let standing = current.get(&(subject.clone(), next.kind.clone())).map(|(_, digest, inputs)| Standing {
        digest: digest.clone(),
        made_from: inputs.as_deref().and_then(|text| made_from(text, kind)),
    });
    follows(made, input, next.digest.as_deref(), standing.as_ref())
}

/// The generation of `kind` among pinned inputs.
fn made_from(inputs: &str, kind: &str) -> Option<i64> {
    serde_json::from_str::<BTreeMap<String, i64>>(inputs).ok()?.get(kind).copied()
}

pub(super) const STANDING: &str =
    "SELECT current.subject, current.kind, current.lease, generation.digest, generation.inputs
    FROM jsonb_each($1) AS want
    JOIN current ON current.subject = want.value
    JOIN generation ON generation.lease = current.lease";

/// What is current about the subjects of jobs that made nothing; the others
/// need no look.
async fn current(batch: &mut Batch<'_>, ended: &[(&Settlement, Made)]) -> Result<Current, StoreError> {
    let subjects: Vec<&str> = ended
        .iter()
        .filter(|(_, made)| *made == Made::Nothing)
        .map(|(settlement, _)| settlement.facts.about.subject.as_str())
        .collect();
    let mut current = Current::new();
    if subjects.is_empty() {
        return Ok(current);
    }
    let rows = sqlx::query(STANDING).bind(json(&subjects)?).fetch_all(&mut *batch.conn).await?;
    for row in &rows {
        current.insert((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?));
    }
    Ok(current)
}

fn job_behind(settlement: &Settlement, next: &Follow) -> NewJob {
    let facts = &settlement.facts;
    let now = settlement.attempt.finished_at;
    NewJob {
        kind: next.kind.clone(),
        queue: next.queue.clone(),
        about: facts.about.clone(),
        payload: "{}".to_owned(),
        priority: facts.priority,
        max_attempts: next.max_attempts,
        run_at: now,
        parent: Some((facts.running.id, facts.depth + 1)),
        item: facts.item,
        key: next.key.clone(),
        unique: None,
        deadline: None,
        now,
    }
}
