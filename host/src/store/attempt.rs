//! Attempts: one row for each run of a job, written when it ends.

use super::batch::json;
use super::settle::Settlement;
use super::values::Values;
use super::{Store, StoreError};
use crate::rules::attempt::Usage;
use crate::rules::limit::Limits;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, FromRow, Row};
use std::sync::LazyLock;

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

/// Writes attempts.
pub(super) static ATTEMPT: LazyLock<Values> = LazyLock::new(|| {
    let columns = "lease, job_id, round, attempt, boot_id, digest, inputs, started_at, finished_at, outcome, message,
        details, backtrace, log, log_dropped, usage, limits";
    Values::new(columns.split(',').count(), |rows| {
        format!(
            "WITH new({columns}) AS ({rows}) INSERT INTO attempt ({columns}) SELECT * FROM new WHERE lease IS NOT NULL"
        )
    })
});

/// Usage as it is kept: what is not zero. Of two dozen amounts most attempts move a few, and the zeros of all would be
/// half of what a small attempt writes.
struct Kept<'a>(&'a Usage);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.used())
    }
}

/// What an attempt's row has as JSON text.
#[derive(Debug, Clone)]
pub(super) struct Documents {
    usage: String,
    limits: Option<String>,
}

impl Documents {
    pub(super) fn of(record: &AttemptRecord) -> Result<Self, StoreError> {
        let usage = json(&record.usage.as_ref().map(Kept))?;
        Ok(Self { usage, limits: record.limits.as_ref().map(json).transpose()? })
    }
}

/// The values of a row of [`ATTEMPT`].
pub(super) fn bind(
    settlement: &Settlement,
    documents: &Documents,
    to: &mut SqliteArguments,
) -> Result<(), BoxDynError> {
    let (facts, record) = (&settlement.facts, &settlement.attempt);
    to.add(facts.running.lease)?;
    to.add(facts.running.id)?;
    to.add(facts.round)?;
    to.add(facts.running.attempt)?;
    to.add(record.boot)?;
    to.add(facts.digest.as_deref())?;
    to.add(facts.inputs.as_deref())?;
    to.add(facts.started_at.0)?;
    to.add(record.finished_at.0)?;
    to.add(record.outcome)?;
    to.add(record.message.as_deref())?;
    to.add(record.details.as_deref())?;
    to.add(record.backtrace.as_deref())?;
    to.add(record.log.as_deref())?;
    to.add(i64::try_from(record.log_dropped).unwrap_or(i64::MAX))?;
    to.add(documents.usage.as_str())?;
    to.add(documents.limits.as_deref())
}
