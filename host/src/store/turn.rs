//! Turning jobs that do not run: cancelled, or given a new round.

use super::StoreError;
use super::batch::{Batch, json};
use super::settle::{Applied, made, queued_again, release_subjects, row};
use crate::rules::job::{Expect, Made, State, Transition};
use crate::rules::time::Timestamp;
use sqlx::Row;

/// Apply changes to jobs that do not run, one by one: they are rare.
pub(super) async fn turn(
    batch: &mut Batch<'_>,
    transitions: &[Transition],
    now: Timestamp,
) -> Result<Vec<Applied>, StoreError> {
    batch.at(now);
    let mut answers = Vec::with_capacity(transitions.len());
    for transition in transitions {
        answers.push(turn_one(batch, transition, now).await?);
    }
    Ok(answers)
}

pub(super) const TURN: &str = "UPDATE job SET
       state = new.value->>'$.state', wait = new.value->>'$.wait', why = new.value->>'$.why',
       run_at = coalesce(new.value->>'$.run_at', run_at), attempt = coalesce(new.value->>'$.attempt', attempt),
       finished_at = new.value->>'$.finished_at', error_class = new.value->>'$.class',
       error_message = new.value->>'$.message', deferrals = new.value->>'$.deferrals',
       deferred_since = new.value->>'$.since', deaths = new.value->>'$.deaths',
       suspect = new.value->>'$.suspect',
       round = round + $2, resolution = NULL, cancel_by = NULL
    FROM (SELECT $3 AS value) AS new WHERE job.id = $1";

async fn turn_one(batch: &mut Batch<'_>, transition: &Transition, now: Timestamp) -> Result<Applied, StoreError> {
    let found = sqlx::query("SELECT kind, queue, subject, state, wait, import_id, item FROM job WHERE id = $1")
        .bind(transition.job)
        .fetch_optional(&mut *batch.conn)
        .await?;
    let Some(found) = found else { return Ok(Applied::Stale) };
    let state = State::parse(found.try_get("state")?).ok_or_else(|| StoreError::Corrupt("job state".into()))?;
    let holds = match transition.expect {
        Expect::Running { .. } => false,
        Expect::Queued => state == State::Queued,
        Expect::Ended => matches!(state, State::Failed | State::Cancelled),
    };
    if !holds {
        return Ok(Applied::Stale);
    }
    let new_round = transition.expect == Expect::Ended;
    sqlx::query(TURN)
        .bind(transition.job)
        .bind(i64::from(new_round))
        .bind(json(&row(transition, now))?)
        .execute(&mut *batch.conn)
        .await?;
    let (kind, queue): (String, String) = (found.try_get("kind")?, found.try_get("queue")?);
    let item = found.try_get::<Option<i64>, _>("import_id")?.zip(found.try_get("item")?);
    match found.try_get::<Option<&str>, _>("wait")? {
        Some("ready") => batch.view.made_ready(&queue, -1),
        Some("suspect") => batch.view.suspects -= 1,
        Some("subject") => batch.view.behind_subject -= 1,
        _ => {}
    }
    batch.moved(&kind, item, (state, Made::Something), (State::of(&transition.next), made(&transition.next)));
    queued_again(batch, transition, &queue, now);
    // It may have been the one that those behind it were to follow.
    release_subjects(batch, &[(found.try_get("subject")?, &kind)]).await?;
    Ok(Applied::Yes)
}
