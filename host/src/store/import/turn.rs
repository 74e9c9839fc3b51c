//! Pausing, resuming, cancelling and giving up imports, and opening them again.

use super::reload;
use crate::rules::import::{ImportState, Turn};
use crate::rules::time::Timestamp;
use crate::store::batch::{Batch, json};
use crate::store::op::Reply;
use crate::store::settle::Applied;
use crate::store::{Store, StoreError, key};
use sqlx::Row;

impl Store {
    /// The next queued jobs of an import behind this item: their ids, and the item of
    /// the last one.
    ///
    /// # Errors
    /// The database said no.
    pub async fn queued_of_import(&self, id: i64, after: i64, limit: u32) -> Result<Vec<(i64, i64)>, StoreError> {
        let query = sqlx::query(QUEUED).bind(id).bind(after).bind(i64::from(limit));
        let rows = query.fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }

    /// The jobs of an import that run, and whether somebody asked to cancel them.
    ///
    /// # Errors
    /// The database said no.
    pub async fn running_of_import(&self, id: i64) -> Result<Vec<(i64, bool)>, StoreError> {
        let query = "SELECT id, cancel_by IS NOT NULL FROM job INDEXED BY job_running
            WHERE state = 'running' AND import_id = $1";
        let rows = sqlx::query(query).bind(id).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Imports that are cancelled and have open jobs.
    ///
    /// # Errors
    /// The database said no.
    pub async fn ending_imports(&self) -> Result<Vec<i64>, StoreError> {
        let query = "SELECT id FROM import WHERE state = 'cancelled' AND open_jobs > 0 ORDER BY id";
        let rows = sqlx::query(query).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// An item with an open job has no row yet or one that says so: finished items cost an
/// entry of two indexes each and no look at their jobs, because of the CASE: a state that
/// is asked for by itself is read before the item.
pub(in crate::store) const QUEUED: &str = "SELECT job.id, job.item FROM job INDEXED BY job_of_import
        LEFT JOIN item ON item.import_id = job.import_id AND item.item = job.item
    WHERE job.import_id = $1 AND job.item > $2 AND CASE WHEN coalesce(item.open, 1) > 0 THEN job.state = 'queued' END
    ORDER BY job.item LIMIT $3";

/// Pause, resume or cancel an import that is still in this state.
pub(in crate::store) async fn turn(
    batch: &mut Batch<'_>,
    id: i64,
    (was, turn): (ImportState, Turn),
    now: Timestamp,
) -> Result<Reply, StoreError> {
    batch.at(now);
    let Ok(Some(to)) = turn.of(was) else { return Ok(Reply::Applied(vec![Applied::Stale])) };
    let query = match turn {
        Turn::Pause | Turn::Resume => "UPDATE import SET state = $3 WHERE id = $1 AND state = $2",
        // What was dispatched is in the account already, or will be when its jobs end.
        Turn::Cancel => {
            "UPDATE import SET state = $3, finished_at = $4, error = NULL,
                 cancelled = cancelled + (total - duplicate - invalid - dispatched),
                 dispatched = total - duplicate - invalid, position = total - duplicate - invalid,
                 cursor = list_bytes, deferred = 0
             WHERE id = $1 AND state = $2"
        }
    };
    let mut query = sqlx::query(query).bind(id).bind(was.name()).bind(to.name());
    if turn == Turn::Cancel {
        query = query.bind(now.0);
    }
    if query.execute(&mut *batch.conn).await?.rows_affected() == 0 {
        return Ok(Reply::Applied(vec![Applied::Stale]));
    }
    if turn == Turn::Cancel {
        sqlx::query("DELETE FROM deferred WHERE import_id = $1").bind(id).execute(&mut *batch.conn).await?;
    }
    reload(batch).await?;
    match turn {
        Turn::Pause | Turn::Cancel => key::admit::send_back(batch, id).await?,
        Turn::Resume => key::admit::look_for(batch, id).await?,
    }
    Ok(Reply::Applied(vec![Applied::Yes]))
}

/// Give an import up because its list cannot be read.
pub(in crate::store) async fn break_off(
    batch: &mut Batch<'_>,
    id: i64,
    error: &str,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    sqlx::query(
        "UPDATE import SET state = 'failed', error = $2, finished_at = $3
         WHERE id = $1 AND state IN ('pending', 'processing')",
    )
    .bind(id)
    .bind(error)
    .bind(now.0)
    .execute(&mut *batch.conn)
    .await?;
    reload(batch).await?;
    Ok(Reply::Done)
}

pub(in crate::store) const REOPEN: &str = "UPDATE import SET state = 'processing', finished_at = NULL
    WHERE id IN (SELECT value FROM jsonb_each($1)) AND state = 'cancelled' RETURNING id";

/// Open cancelled imports again (before keys let anybody in) of which jobs were given a new round; those that are
/// completed open by their account.
pub(in crate::store) async fn reopen(batch: &mut Batch<'_>, ids: &[i64]) -> Result<(), StoreError> {
    let opened = sqlx::query(REOPEN).bind(json(&ids)?).fetch_all(&mut *batch.conn).await?;
    if opened.is_empty() {
        return Ok(());
    }
    reload(batch).await?;
    for row in &opened {
        key::admit::look_for(batch, row.try_get(0)?).await?;
    }
    Ok(())
}
