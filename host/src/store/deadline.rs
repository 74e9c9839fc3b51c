//! Deadlines of queued jobs: those that passed are given up.

use super::batch::Batch;
use super::{StoreError, turn};
use crate::rules::job::{Transition, expire};
use crate::rules::time::Timestamp;
use sqlx::Row;

/// Deadlines that one claim rings at most: the first ones.
const RUNG_AT_ONCE: i64 = 4_096;

pub(super) const DUE: &str = "SELECT id, deadline_at FROM job
    WHERE state = 'queued' AND deadline_at IS NOT NULL AND deadline_at <= $1 ORDER BY deadline_at LIMIT $2";
pub(super) const NEXT: &str = "SELECT min(deadline_at) FROM job WHERE state = 'queued' AND deadline_at IS NOT NULL";

/// Give up what was not begun in time.
pub(super) async fn ring(batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
    if batch.view.next_deadline.is_none_or(|next| next > now) {
        return Ok(());
    }
    let due = sqlx::query(DUE).bind(now.0).bind(RUNG_AT_ONCE).fetch_all(&mut *batch.conn).await?;
    let given_up = due.iter().map(|row| Ok(expire(row.try_get(0)?, Timestamp(row.try_get(1)?))));
    let given_up = given_up.collect::<Result<Vec<Transition>, sqlx::Error>>()?;
    turn::turn(batch, &given_up, None, now).await?;
    let next = sqlx::query(NEXT).fetch_one(&mut *batch.conn).await?;
    batch.view.next_deadline = next.try_get::<Option<i64>, _>(0)?.map(Timestamp);
    Ok(())
}
