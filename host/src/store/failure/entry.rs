//! The writer's side of the failure log: entries come, and are resolved, with what becomes of their jobs.
//!
//! Each sort of change is one statement for a whole batch, and none where the writer knows
//! that there is nothing to change: no job of the batch failed, or no failure is
//! unresolved. What this cannot see: a job that fails after a later one of its subject and
//! kind has completed is not superseded by that.

use crate::rules::attempt::Class;
use crate::rules::failure::{KEEP, Traits, fingerprint, top_frame};
use crate::rules::job::{Next, Transition};
use crate::rules::time::Timestamp;
use crate::store::StoreError;
use crate::store::batch::{Batch, json};
use crate::store::op::Reply;
use crate::store::settle::Settlement;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// Entries whose detail is let go at once; what is left goes with the next batch in which a
/// job fails. More than this is only there when the cap was lowered, or after an upgrade.
const TRIMMED_AT_ONCE: u64 = 4_096;
/// Entries of an older database that get their fingerprint at once.
const FILLED_AT_ONCE: usize = 1_000;

/// The failure log as far as the writer has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log {
    /// Unresolved entries.
    pub(crate) open: u64,
    /// Of those, entries with full detail.
    pub(crate) detailed: u64,
    /// How many of those there may be: `failure.keep`.
    pub(crate) keep: u64,
    /// It was said that there are more.
    is_told: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { open: 0, detailed: 0, keep: KEEP, is_told: false }
    }
}

pub(in crate::store) const OPEN: &str = "SELECT (SELECT count(*) FROM failure WHERE resolution IS NULL),
    (SELECT count(*) FROM failure WHERE resolution IS NULL AND detailed = 1)";

impl Log {
    /// Read the numbers from the database.
    pub(in crate::store) async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let row = sqlx::query(OPEN).fetch_one(conn).await?;
        Ok(Self { open: row.try_get(0)?, detailed: row.try_get(1)?, ..Self::default() })
    }

    /// These were resolved: the column `detailed` of each.
    fn resolved(&mut self, rows: &[SqliteRow]) -> Result<(), sqlx::Error> {
        for row in rows {
            self.open = self.open.saturating_sub(1);
            self.detailed = self.detailed.saturating_sub(row.try_get("detailed")?);
        }
        self.is_told &= self.open > self.keep;
        Ok(())
    }
}

/// A job that failed: what its row does not say.
type New<'a> = (i64, String, Option<String>, Option<&'a str>);

fn new<'a>(kind: &str, transition: &Transition, backtrace: Option<&str>, digest: Option<&'a str>) -> New<'a> {
    let (class, message) = transition.error.as_ref().map_or((Class::HostFault, ""), |(class, text)| (*class, text));
    let frame = backtrace.and_then(top_frame);
    let traits = Traits { kind, class, message, frame: frame.as_deref(), digest };
    (transition.job, fingerprint(&traits), frame, digest)
}

pub(in crate::store) const INSERT: &str =
    "INSERT INTO failure (job_id, round, kind, class, message, fingerprint, top_frame, digest, subject, source, title,
                         import_id, item, failed_at, previous, detailed)
    SELECT job.id, job.round, job.kind, coalesce(job.error_class, 'host-fault'), coalesce(job.error_message, ''),
           new.value->>1, new.value->>2, new.value->>3, job.subject, job.source, job.title, job.import_id, job.item,
           job.finished_at,
           (SELECT earlier.id FROM failure AS earlier WHERE earlier.job_id = job.id ORDER BY earlier.round DESC LIMIT 1),
           1
    FROM jsonb_each($1) AS new CROSS JOIN job ON job.id = new.value->>0";

/// Write an entry for each of these jobs, whose rows say already that they failed.
async fn insert(batch: &mut Batch<'_>, entries: &[New<'_>]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT).bind(json(&entries)?).execute(&mut *batch.conn).await?;
    let log = &mut batch.view.failure_log;
    log.open += entries.len() as u64;
    log.detailed += entries.len() as u64;
    trim(batch).await
}

/// What the ends of attempts mean for the log.
pub(in crate::store) async fn settled(batch: &mut Batch<'_>, applied: &[&Settlement]) -> Result<(), StoreError> {
    supersede(batch, applied).await?;
    let failed = applied.iter().filter(|end| end.transition.next == Next::Failed);
    let failed = failed.map(|end| {
        let backtrace = end.attempt.backtrace.as_deref();
        new(&end.facts.kind, &end.transition, backtrace, end.facts.digest.as_deref())
    });
    insert(batch, &failed.collect::<Vec<_>>()).await
}

/// A job that does not run was given up: its kind with it.
pub(in crate::store) async fn given_up(batch: &mut Batch<'_>, jobs: &[(&str, &Transition)]) -> Result<(), StoreError> {
    // No handler had it, so none is to blame.
    let failed = jobs.iter().map(|(kind, transition)| new(kind, transition, None, None));
    insert(batch, &failed.collect::<Vec<_>>()).await
}

pub(in crate::store) const SUPERSEDE: &str = "UPDATE failure INDEXED BY failure_about SET resolution = 'superseded',
       resolved_at = new.value->>3, resolved_by = 'job ' || (new.value->>2)
    FROM jsonb_each($1) AS new
    WHERE failure.subject = new.value->>0 AND failure.kind = new.value->>1 AND failure.job_id < new.value->>2
      AND failure.resolution IS NULL
    RETURNING detailed";

/// A job that completed resolves the failures of earlier ones of its subject and kind.
async fn supersede(batch: &mut Batch<'_>, applied: &[&Settlement]) -> Result<(), StoreError> {
    if batch.view.failure_log.open == 0 {
        return Ok(());
    }
    let completed = applied.iter().filter(|end| matches!(end.transition.next, Next::Completed { .. }));
    let completed: Vec<(&str, &str, i64, Timestamp)> = completed
        .map(|end| {
            let facts = &end.facts;
            (facts.about.subject.as_str(), facts.kind.as_str(), facts.running.id, end.attempt.finished_at)
        })
        .collect();
    if completed.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(SUPERSEDE).bind(json(&completed)?).fetch_all(&mut *batch.conn).await?;
    Ok(batch.view.failure_log.resolved(&rows)?)
}

// The plus keeps it from reading all that are unresolved.
pub(in crate::store) const RESUBMIT: &str = "UPDATE failure SET resolution = 'resubmitted', resolved_at = $2,
       resolved_by = $3
    WHERE job_id IN (SELECT value FROM jsonb_each($1)) AND +resolution IS NULL RETURNING detailed";

/// These jobs were given a new round.
pub(in crate::store) async fn resubmitted(
    batch: &mut Batch<'_>,
    jobs: &[i64],
    by: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if jobs.is_empty() || batch.view.failure_log.open == 0 {
        return Ok(());
    }
    let query = sqlx::query(RESUBMIT).bind(json(&jobs)?).bind(now.0).bind(by);
    let rows = query.fetch_all(&mut *batch.conn).await?;
    Ok(batch.view.failure_log.resolved(&rows)?)
}

pub(in crate::store) const DELETE: &str = "UPDATE failure SET resolution = 'deleted', resolved_at = $2,
       resolved_by = $3
    WHERE id IN (SELECT value FROM jsonb_each($1)) AND resolution IS NULL RETURNING id, detailed";

/// Take note of failures; which of them were unresolved until now.
pub(in crate::store) async fn delete(
    batch: &mut Batch<'_>,
    ids: &[i64],
    by: &str,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let rows = sqlx::query(DELETE).bind(json(&ids)?).bind(now.0).bind(by).fetch_all(&mut *batch.conn).await?;
    batch.view.failure_log.resolved(&rows)?;
    Ok(Reply::Ids(rows.iter().map(|row| row.try_get("id")).collect::<Result<_, sqlx::Error>>()?))
}

pub(in crate::store) const FORGET: &str = "UPDATE attempt SET log = NULL, backtrace = NULL, details = NULL,
       log_dropped = log_dropped + coalesce(length(CAST(log AS BLOB)), 0)
    WHERE lease IN (
        SELECT tried.lease FROM failure AS old
        CROSS JOIN attempt AS tried ON tried.job_id = old.job_id AND tried.round = old.round
        WHERE old.id IN (SELECT id FROM failure INDEXED BY failure_detailed
                         WHERE resolution IS NULL AND detailed = 1 ORDER BY id LIMIT $1))";

pub(in crate::store) const TRIM: &str = "UPDATE failure SET detailed = 0
    WHERE id IN (SELECT id FROM failure INDEXED BY failure_detailed
                 WHERE resolution IS NULL AND detailed = 1 ORDER BY id LIMIT $1)";

/// Let go the detail of the oldest entries beyond the cap.
async fn trim(batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let log = batch.view.failure_log;
    let most = log.detailed.saturating_sub(log.keep).min(TRIMMED_AT_ONCE);
    if most == 0 {
        return Ok(());
    }
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    sqlx::query(FORGET).bind(most).execute(&mut *batch.conn).await?;
    let trimmed = sqlx::query(TRIM).bind(most).execute(&mut *batch.conn).await?.rows_affected();
    let log = &mut batch.view.failure_log;
    log.detailed = log.detailed.saturating_sub(trimmed);
    if !std::mem::replace(&mut log.is_told, true) {
        let keep = log.keep;
        tracing::warn!(
            "more than {keep} failures are unresolved: of the older ones class, group and message stay, and log and \
             backtrace are let go (failure.keep = {keep}; `capstan failure groups` shows them)"
        );
    }
    Ok(())
}

const BARE: &str = "SELECT id, kind, class, message, digest,
       (SELECT backtrace FROM attempt WHERE attempt.job_id = failure.job_id AND attempt.round = failure.round
        ORDER BY lease DESC LIMIT 1)
    FROM failure WHERE fingerprint = '' AND resolution IS NULL LIMIT $1";

/// Give a fingerprint to what failed before there was a log. One that is killed here goes
/// on when the store is opened again.
pub(in crate::store) async fn fill(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    loop {
        let bare = sqlx::query(BARE).bind(FILLED_AT_ONCE as i64).fetch_all(&mut *conn).await?;
        let marks = bare.iter().map(mark).collect::<Result<Vec<_>, _>>()?;
        if !marks.is_empty() {
            let fill = "UPDATE failure SET fingerprint = new.value->>1, top_frame = new.value->>2
                FROM jsonb_each($1) AS new WHERE failure.id = new.value->>0";
            sqlx::query(fill).bind(json(&marks)?).execute(&mut *conn).await?;
        }
        if marks.len() < FILLED_AT_ONCE {
            return Ok(());
        }
    }
}

fn mark(row: &SqliteRow) -> Result<(i64, String, Option<String>), StoreError> {
    let class = Class::parse(row.try_get(2)?).ok_or_else(|| StoreError::Corrupt("failure class".into()))?;
    let frame = row.try_get::<Option<&str>, _>(5)?.and_then(top_frame);
    let (kind, message, digest) = (row.try_get(1)?, row.try_get(3)?, row.try_get(4)?);
    let traits = Traits { kind, class, message, frame: frame.as_deref(), digest };
    Ok((row.try_get(0)?, fingerprint(&traits), frame))
}
