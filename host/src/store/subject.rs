//! Subjects: what is published about them, removing that, and lines behind them, for of one subject and kind one job
//! runs at a time.

use super::batch::{Batch, json, parse};
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row};

/// What is current about a subject, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct SubjectKind {
    /// The kind that made it.
    pub kind: String,
    /// Its generation.
    pub generation: i64,
    /// The job that made it.
    pub job_id: i64,
    /// The handler that made it.
    pub digest: String,
    /// How many files there are.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
    /// When it was published (ms).
    pub created_at: i64,
}

/// A subject that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removing {
    /// Its id.
    pub subject: String,
    /// Who wants it.
    pub by: String,
    /// Now.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// Its generations are unknown from now on: kinds and leases.
    Generations(Vec<(String, i64)>),
    /// These jobs about it run.
    Running(Vec<i64>),
}

impl Store {
    /// What is current about a subject.
    ///
    /// # Errors
    /// The database said no.
    pub async fn kinds_of(&self, subject: &str) -> Result<Vec<SubjectKind>, StoreError> {
        let query = "SELECT current.kind, current.lease AS generation, current.job_id, generation.digest,
                (SELECT count(*) FROM artifact WHERE artifact.lease = current.lease) AS files,
                (SELECT coalesce(sum(bytes), 0) FROM artifact WHERE artifact.lease = current.lease) AS bytes,
                generation.created_at
            FROM current JOIN generation ON generation.lease = current.lease
            WHERE current.subject = $1 ORDER BY current.lease";
        Ok(sqlx::query_as(query).bind(subject).fetch_all(self.readers()).await?)
    }

    /// Forget what was published about a subject, if no job about it runs.
    ///
    /// # Errors
    /// The database said no; then nothing was changed.
    pub async fn remove_subject(&self, removing: Removing) -> Result<Removed, StoreError> {
        match self.send(Op::RemoveSubject(removing)).await? {
            Reply::Removed(removed) => Ok(removed),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

/// Forget a subject. The removal takes a lease, so that whoever follows leases learns of it.
pub(super) async fn remove(batch: &mut Batch<'_>, removing: &Removing) -> Result<Removed, StoreError> {
    let Removing { subject, by, now } = removing;
    let running = "SELECT id FROM job INDEXED BY job_running WHERE state = 'running' AND subject = $1 ORDER BY id";
    let running = sqlx::query(running).bind(subject).fetch_all(&mut *batch.conn).await?;
    if !running.is_empty() {
        return Ok(Removed::Running(running.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?));
    }
    let known = sqlx::query("SELECT kind, lease FROM generation WHERE subject = $1 ORDER BY lease").bind(subject);
    let known = known.fetch_all(&mut *batch.conn).await?;
    let generations =
        known.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?;
    let lease = batch.view.next_lease;
    batch.view.next_lease += 1;
    let insert = "INSERT INTO removal (lease, subject, removed_at, removed_by) VALUES ($1, $2, $3, $4)";
    let insert = sqlx::query(insert).bind(lease).bind(subject).bind(now.0).bind(by);
    insert.execute(&mut *batch.conn).await?;
    for statement in [
        "DELETE FROM artifact WHERE lease IN (SELECT lease FROM generation WHERE subject = $1)",
        "DELETE FROM current WHERE subject = $1",
        "DELETE FROM generation WHERE subject = $1",
        "DELETE FROM subject WHERE id = $1",
    ] {
        sqlx::query(statement).bind(subject).execute(&mut *batch.conn).await?;
    }
    Ok(Removed::Generations(generations))
}

pub(super) const PARK: &str = "UPDATE job SET wait = 'subject' WHERE id IN (SELECT value FROM jsonb_each($1))";

/// Park ready jobs whose subject is busy; the end of what keeps it wakes them. Those
/// that have a key keep the place that it gave them.
pub(super) async fn park(batch: &mut Batch<'_>, jobs: &[i64]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query(PARK).bind(json(&jobs)?).execute(&mut *batch.conn).await?;
    batch.view.behind_subject += jobs.len() as u64;
    Ok(())
}

pub(super) const RELEASE: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT (SELECT id FROM job WHERE wait = 'subject' AND subject = free.value->>0 AND kind = free.value->>1
                ORDER BY id LIMIT 1)
        FROM jsonb_each($1) AS free
        WHERE NOT EXISTS (SELECT 1 FROM job AS other WHERE other.subject = free.value->>0
                          AND other.kind = free.value->>1 AND other.state = 'running'))
    RETURNING json_array(queue, kind, coalesce(import_id, 0), priority)";

/// Wake jobs that waited for the subjects that are free now: subject and kind.
pub(super) async fn release(batch: &mut Batch<'_>, free: &[(&str, &str)]) -> Result<(), StoreError> {
    if batch.view.behind_subject == 0 || free.is_empty() {
        return Ok(());
    }
    let woken = sqlx::query(RELEASE).bind(json(&free)?).fetch_all(&mut *batch.conn).await?;
    for row in &woken {
        let (queue, kind, import, priority): (String, String, i64, i64) = parse(row.try_get(0)?)?;
        let now = batch.now();
        batch.view.made_ready(Lane { queue: queue.into(), kind: kind.into(), import, priority }, now);
        batch.view.behind_subject -= 1;
    }
    Ok(())
}
