//! The writer's side of operations: freezing, steps, and stopping.

use super::{BulkRow, BulkStep, NewBulk, Stepped, What};
use crate::rules::bulk::{Found, Item, Step};
use crate::rules::job::State;
use crate::rules::time::Timestamp;
use crate::store::batch::{Batch, json, parse};
use crate::store::edit::{self, Edit};
use crate::store::op::Reply;
use crate::store::settle::Applied;
use crate::store::{StoreError, failure, job, turn};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

/// The statement that freezes what matches.
pub(in crate::store) fn freezing(id: i64, what: &What) -> QueryBuilder<Sqlite> {
    let mut items = QueryBuilder::new("INSERT INTO bulk_item (target, round, bulk_id) ");
    what.push_select(&mut items, &format!(", {id}"));
    items
}

/// Freeze what matches, and put the operation on record if anything does.
pub(in crate::store) async fn freeze(batch: &mut Batch<'_>, new: &NewBulk) -> Result<Reply, StoreError> {
    let next = sqlx::query("SELECT coalesce(max(id), 0) + 1 FROM bulk");
    let id: i64 = next.fetch_one(&mut *batch.conn).await?.try_get(0)?;
    let total = freezing(id, &new.what).build().execute(&mut *batch.conn).await?.rows_affected();
    if total == 0 {
        return Ok(Reply::Frozen(None));
    }
    sqlx::query(
        "INSERT INTO bulk (id, verb, what, state, total, started_by, created_at)
         VALUES ($1, $2, $3, 'running', $4, $5, $6)",
    )
    .bind(id)
    .bind(new.what.act().name())
    .bind(json(&new.what)?)
    .bind(i64::try_from(total).unwrap_or(i64::MAX))
    .bind(&new.by)
    .bind(new.now.0)
    .execute(&mut *batch.conn)
    .await?;
    batch.view.bulks += 1;
    Ok(Reply::Frozen(Some(id)))
}

pub(in crate::store) const NEXT: &str =
    "SELECT json_array(item.target, item.round, item.lease, job.state, job.round, job.lease, failure.id)
    FROM bulk_item AS item LEFT JOIN job ON job.id = item.target
    LEFT JOIN failure ON failure.job_id = item.target AND failure.round = item.round AND failure.resolution IS NULL
    WHERE item.bulk_id = $1 AND item.target > $2 ORDER BY item.target LIMIT $3";

/// Those behind the cursor that were asked to end.
pub(in crate::store) const ASKED: &str =
    "SELECT json_array(item.target, item.round, item.lease, job.state, job.round, job.lease, NULL)
    FROM bulk_item AS item INDEXED BY bulk_asked LEFT JOIN job ON job.id = item.target
    WHERE item.bulk_id = $1 AND item.target <= $2 AND item.lease IS NOT NULL";

/// A target in the order of [`NEXT`].
type Target = (i64, i64, Option<i64>, Option<State>, Option<i64>, Option<i64>, Option<i64>);

fn targets(rows: &[SqliteRow]) -> Result<Vec<(Item, Option<Found>)>, StoreError> {
    let target = |row: &SqliteRow| {
        let (target, round, asked, state, now_round, lease, failure): Target = parse(row.try_get(0)?)?;
        let found = state.zip(now_round).map(|(state, round)| Found { state, round, lease, failure });
        Ok((Item { target, round, asked }, found))
    };
    rows.iter().map(target).collect()
}

/// Take a step.
pub(in crate::store) async fn step(batch: &mut Batch<'_>, step: &BulkStep) -> Result<Reply, StoreError> {
    let row: Option<BulkRow> =
        sqlx::query_as("SELECT * FROM bulk WHERE id = $1").bind(step.id).fetch_optional(&mut *batch.conn).await?;
    let Some(row) = row.filter(|row| !row.is_over() && row.cursor == step.cursor) else {
        return Ok(Reply::Stepped(None));
    };
    let asked = sqlx::query(ASKED).bind(step.id).bind(step.cursor).fetch_all(&mut *batch.conn).await?;
    let next = sqlx::query(NEXT).bind(step.id).bind(step.cursor).bind(i64::from(step.chunk));
    let next = targets(&next.fetch_all(&mut *batch.conn).await?)?;
    let cursor = next.last().map_or(step.cursor, |(item, _)| item.target);
    let had_turn = next.len() as u64;
    let all = [targets(&asked)?, next].concat();
    let by = format!("{}, operation {}", row.by, row.id);
    let act = row.what.act();
    let counted = apply(batch, Step::plan(act, &all, &by, step.now), step, &by).await?;
    sqlx::query(COUNT)
        .bind(step.id)
        .bind(cursor)
        .bind(counted.done)
        .bind(counted.stale)
        .bind(i64::try_from(step.worked.0).unwrap_or(i64::MAX))
        .execute(&mut *batch.conn)
        .await?;
    finish(batch, step.id, step.now).await?;
    Ok(Reply::Stepped(Some(Stepped { asked: counted.asked, targets: had_turn })))
}

pub(in crate::store) const COUNT: &str =
    "UPDATE bulk SET cursor = $2, done = done + $3, stale = stale + $4, worked = worked + $5 WHERE id = $1";

/// What a step counts.
struct Counted {
    done: i64,
    stale: i64,
    asked: Vec<i64>,
}

/// Do what was planned.
async fn apply(batch: &mut Batch<'_>, plan: Step, step: &BulkStep, by: &str) -> Result<Counted, StoreError> {
    let mut gone: Vec<i64> = [plan.done, plan.stale.clone()].concat();
    let (mut done, mut stale) = ((gone.len() - plan.stale.len()) as i64, plan.stale.len() as i64);
    let mut applied = Vec::new();
    if !plan.turns.is_empty() {
        gone.extend(plan.turns.iter().map(|transition| transition.job));
        applied = turn::turn(batch, &plan.turns, Some(by), step.now).await?;
    }
    if !plan.edits.is_empty() {
        gone.extend(plan.edits.iter().map(|(target, _)| target));
        let edit = |(id, priority): &(i64, i64)| Edit { id: *id, priority: Some(*priority), ..Edit::default() };
        let edits: Vec<Edit> = plan.edits.iter().map(edit).collect();
        applied.extend(edit::edit(batch, &edits, step.now).await?);
    }
    if !plan.resolved.is_empty() {
        gone.extend(plan.resolved.iter().map(|(target, _)| target));
        let failures: Vec<i64> = plan.resolved.iter().map(|(_, failure)| *failure).collect();
        failure::entry::delete(batch, &failures, by, step.now).await?;
        done += failures.len() as i64;
    }
    for each in applied {
        match each {
            Applied::Yes => done += 1,
            Applied::Stale => stale += 1,
        }
    }
    let asked: Vec<i64> = plan.asks.iter().map(|(target, _)| *target).collect();
    if !asked.is_empty() {
        job::ask_cancel(batch.conn, &asked, by).await?;
        sqlx::query(ASK).bind(step.id).bind(json(&asked)?).execute(&mut *batch.conn).await?;
    }
    if !gone.is_empty() {
        sqlx::query(DROP).bind(step.id).bind(json(&gone)?).execute(&mut *batch.conn).await?;
    }
    Ok(Counted { done, stale, asked })
}

pub(in crate::store) const ASK: &str =
    "UPDATE bulk_item SET lease = (SELECT lease FROM job WHERE job.id = bulk_item.target)
    WHERE bulk_id = $1 AND target IN (SELECT value FROM jsonb_each($2))";

pub(in crate::store) const DROP: &str =
    "DELETE FROM bulk_item WHERE bulk_id = $1 AND target IN (SELECT value FROM jsonb_each($2))";

pub(in crate::store) const FINISH: &str =
    "UPDATE bulk SET state = CASE state WHEN 'running' THEN 'completed' ELSE state END, finished_at = $2
    WHERE id = $1 AND finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM bulk_item WHERE bulk_id = $1)";

/// An operation is over when each of its targets is accounted for.
async fn finish(batch: &mut Batch<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let finished = sqlx::query(FINISH).bind(id).bind(now.0).execute(&mut *batch.conn).await?.rows_affected();
    batch.view.bulks = batch.view.bulks.saturating_sub(finished);
    Ok(())
}

/// Stop an operation: targets that had no turn are let go. Runs that were asked to end will, and are counted.
pub(in crate::store) async fn cancel(
    batch: &mut Batch<'_>,
    id: i64,
    by: &str,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let cancelled =
        sqlx::query("UPDATE bulk SET state = 'cancelled', cancelled_by = $2 WHERE id = $1 AND state = 'running'");
    if cancelled.bind(id).bind(by).execute(&mut *batch.conn).await?.rows_affected() == 1 {
        let rest = sqlx::query("DELETE FROM bulk_item WHERE bulk_id = $1 AND lease IS NULL");
        rest.bind(id).execute(&mut *batch.conn).await?;
        finish(batch, id, now).await?;
    }
    Ok(Reply::Done)
}
