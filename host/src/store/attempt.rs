//! Attempts: one row for each run of a job, written when it ends.

use super::batch::json;
use super::settle::Settlement;
use super::{Store, StoreError};
use crate::rules::attempt::Usage;
use crate::rules::limit::Limits;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The boot that ran it.
    pub boot: i64,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `done`, `unchanged`, `stopped`, `died` or a failure class.
    pub outcome: &'static str,
    /// One line about a failure.
    pub message: Option<String>,
    /// More about it, as JSON text.
    pub details: Option<String>,
    /// Guest frames, innermost first.
    pub backtrace: Option<String>,
    /// What it used; unknown when the host died with it.
    pub usage: Option<Usage>,
    /// The limits in force, where they are worth keeping.
    pub limits: Option<Limits>,
    /// The tail of log, stdout and stderr.
    pub log: Option<String>,
    /// Bytes of the log that were dropped.
    pub log_dropped: u64,
}

/// An attempt as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its lease.
    pub lease: i64,
    /// The round that it belongs to, from 1.
    pub round: u32,
    /// Which charged try it was in that round.
    pub attempt: u32,
    /// The boot that ran it.
    pub boot_id: i64,
    /// The handler.
    pub digest: Option<String>,
    /// The pinned generations, as JSON text.
    pub inputs: Option<String>,
    /// When it was claimed (ms).
    pub started_at: Timestamp,
    /// When it ended (ms).
    pub finished_at: Timestamp,
    /// `done`, `unchanged`, `stopped`, `died` or a failure class.
    pub outcome: String,
    /// One line about a failure.
    pub message: Option<String>,
    /// More about it, as JSON text.
    pub details: Option<String>,
    /// Guest frames, innermost first.
    pub backtrace: Option<String>,
    /// What it used; unknown when the host died with it.
    pub usage: Option<Usage>,
    /// The limits that were in force (milliseconds, bytes, pieces): of attempts that failed or came close to one.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// The tail of log, stdout and stderr.
    pub log: Option<String>,
    /// Bytes of the log that were dropped.
    pub log_dropped: u64,
}

impl FromRow<'_, SqliteRow> for AttemptRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let usage = serde_json::from_str(row.try_get("usage")?).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let limits: Option<&str> = row.try_get("limits")?;
        let limits = limits.map(serde_json::from_str).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            lease: row.try_get("lease")?,
            round: row.try_get("round")?,
            attempt: row.try_get("attempt")?,
            boot_id: row.try_get("boot_id")?,
            digest: row.try_get("digest")?,
            inputs: row.try_get("inputs")?,
            started_at: Timestamp(row.try_get("started_at")?),
            finished_at: Timestamp(row.try_get("finished_at")?),
            outcome: row.try_get("outcome")?,
            message: row.try_get("message")?,
            details: row.try_get("details")?,
            backtrace: row.try_get("backtrace")?,
            usage,
            limits,
            log: row.try_get("log")?,
            log_dropped: row.try_get("log_dropped")?,
        })
    }
}

impl Store {
    /// The attempts of a job, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn attempts(&self, job: i64) -> Result<Vec<AttemptRow>, StoreError> {
        self.attempts_from(job, 0).await
    }

    /// The attempts of a job from this lease on, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn attempts_from(&self, job: i64, lease: i64) -> Result<Vec<AttemptRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM attempt WHERE job_id = $1 AND lease >= $2 ORDER BY lease");
        Ok(query.bind(job).bind(lease).fetch_all(self.readers()).await?)
    }
}

/// Writes the attempts of jobs that still run under their lease.
pub(super) const ATTEMPT: &str =
    "INSERT INTO attempt (lease, job_id, round, attempt, boot_id, digest, inputs, started_at, finished_at, outcome,
                         message, details, backtrace, log, log_dropped, usage, limits)
    SELECT new.value->>'$[0][0]', new.value->>'$[0][1]', new.value->>'$[0][2]', new.value->>'$[0][3]', new.value->>'$[0][4]',
           new.value->>'$[1][0]', new.value->>'$[1][1]', new.value->>'$[1][2]', new.value->>'$[1][3]', new.value->>'$[1][4]',
           new.value->>'$[2][0]', new.value->>'$[2][1]', new.value->>'$[2][2]', new.value->>'$[2][3]', new.value->>'$[2][4]',
           new.value->>'$[3]', new.value->>'$[4]'
    FROM jsonb_each($2) AS new CROSS JOIN job ON job.id = new.value->>'$[0][1]'
    WHERE job.state = 'running' AND job.lease = new.value->>'$[0][0]'";

/// Usage as it is kept: what is not zero. Of two dozen amounts most attempts move a few, and the zeros of all would be
/// half of what a small attempt writes.
struct Kept<'a>(&'a Usage);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.used())
    }
}

/// What is written of an attempt, as [`ATTEMPT`] reads it.
pub(super) fn row(settlement: &Settlement) -> Result<impl Serialize, StoreError> {
    let (facts, record) = (&settlement.facts, &settlement.attempt);
    let run = (facts.running.lease, facts.running.id, facts.round, facts.running.attempt, record.boot);
    let when = (&facts.digest, &facts.inputs, facts.started_at, record.finished_at, record.outcome);
    let words = (&record.message, &record.details, &record.backtrace, &record.log, record.log_dropped);
    // As text, which SQLite copies; a document in the document it would take apart and put together again.
    let usage = json(&record.usage.as_ref().map(Kept))?;
    Ok((run, when, words, usage, &record.limits))
}
