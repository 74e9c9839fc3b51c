//! Checkpoints: what an attempt keeps for the next one.
//!
//! One row per job, written under the lease of the attempt that runs, thrown away in
//! the transaction that completes the job. It stays while the job waits, has failed or
//! is cancelled, for the attempt of a later round.

use super::batch::{Batch, json};
use super::op::{Op, Reply};
use super::settle::{Applied, Settlement};
use super::{Store, StoreError};
use crate::rules::checkpoint::Checkpoint;
use crate::rules::job::Next;
use crate::rules::time::Timestamp;
use sqlx::Row;

/// A checkpoint that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckpoint {
    /// The job.
    pub job: i64,
    /// The lease of the attempt.
    pub lease: i64,
    /// What to keep.
    pub checkpoint: Checkpoint,
    /// Now.
    pub now: Timestamp,
}

impl Store {
    /// Keep a checkpoint in place of the one before it.
    ///
    /// # Errors
    /// The database said no; then the one before it is still there.
    pub async fn save_checkpoint(&self, new: NewCheckpoint) -> Result<Applied, StoreError> {
        match self.send(Op::Checkpoint(new)).await? {
            Reply::Applied(applied) => applied.first().copied().ok_or_else(|| StoreError::Corrupt("no answer".into())),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// What was kept for a job.
    ///
    /// # Errors
    /// The database said no.
    pub async fn checkpoint(&self, job: i64) -> Result<Option<Checkpoint>, StoreError> {
        let row = sqlx::query("SELECT name, digest, format, bytes FROM checkpoint WHERE job_id = $1").bind(job);
        let Some(row) = row.fetch_optional(self.readers()).await? else { return Ok(None) };
        Ok(Some(Checkpoint {
            handler: row.try_get(0)?,
            digest: row.try_get(1)?,
            format: row.try_get(2)?,
            bytes: row.try_get(3)?,
        }))
    }
}

pub(super) const KEEP: &str = "INSERT INTO checkpoint (job_id, name, digest, format, bytes, saved_at)
    SELECT id, $3, $4, $5, $6, $7 FROM job WHERE id = $1 AND state = 'running' AND lease = $2
    ON CONFLICT (job_id) DO UPDATE SET name = excluded.name, digest = excluded.digest, format = excluded.format,
        bytes = excluded.bytes, saved_at = excluded.saved_at";

pub(super) async fn keep(batch: &mut Batch<'_>, new: &NewCheckpoint) -> Result<Applied, StoreError> {
    let Checkpoint { handler, digest, format, bytes } = &new.checkpoint;
    let kept = sqlx::query(KEEP)
        .bind(new.job)
        .bind(new.lease)
        .bind(handler)
        .bind(digest)
        .bind(format)
        .bind(bytes)
        .bind(new.now.0)
        .execute(&mut *batch.conn)
        .await?;
    if kept.rows_affected() == 0 {
        return Ok(Applied::Stale);
    }
    batch.view.has_checkpoints = true;
    Ok(Applied::Yes)
}

pub(super) const DROP: &str = "DELETE FROM checkpoint WHERE job_id IN (SELECT value FROM jsonb_each($1))";

/// Whether there are any: the last row of the table, not a count of them.
pub(super) const ANY: &str = "SELECT max(job_id) FROM checkpoint";

/// Throw away what the jobs kept that have completed.
pub(super) async fn drop_completed(batch: &mut Batch<'_>, applied: &[&Settlement]) -> Result<(), StoreError> {
    if !batch.view.has_checkpoints {
        return Ok(());
    }
    let is_done = |s: &&&Settlement| matches!(s.transition.next, Next::Completed { .. });
    let done: Vec<i64> = applied.iter().filter(is_done).map(|s| s.transition.job).collect();
    if done.is_empty() {
        return Ok(());
    }
    let dropped = sqlx::query(DROP).bind(json(&done)?).execute(&mut *batch.conn).await?;
    if dropped.rows_affected() > 0 {
        let last: Option<i64> = sqlx::query(ANY).fetch_one(&mut *batch.conn).await?.try_get(0)?;
        batch.view.has_checkpoints = last.is_some();
    }
    Ok(())
}
