//! An import as it is read.

use super::{Existing, Then};
use crate::rules::import::ImportState;
use crate::rules::pace::Pace;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

/// An import as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ImportRow {
    /// Its number.
    pub id: i64,
    /// Where it is in its life.
    pub state: ImportState,
    /// The kind of job that items become.
    pub kind: String,
    /// What was imported.
    pub source: String,
    /// In which form it came.
    pub format: String,
    /// The folder that jobs see as `/imports`.
    pub root: Option<String>,
    /// The list, relative to the project.
    pub list: String,
    /// Items per chunk.
    pub chunk: u64,
    /// Offset of the next item in the list.
    pub cursor: u64,
    /// The number of that item, from 0.
    pub position: u64,
    /// Items before the cursor that wait in the list, because their key is busy.
    pub deferred: u64,
    /// What becomes of items whose document exists.
    pub existing: Existing,
    /// The job that follows when it is done.
    pub then: Option<Then>,
    /// That job, once it is queued.
    pub then_id: Option<i64>,
    /// Items that became jobs.
    pub dispatched: u64,
    /// Items in the list.
    pub total: i64,
    /// Items all of whose jobs completed.
    pub done: i64,
    /// Items of which a job failed for good.
    pub failed: i64,
    /// Items that were cancelled.
    pub cancelled: i64,
    /// Items that were in the list before.
    pub duplicate: i64,
    /// Items for which nothing had to be made.
    pub skipped: i64,
    /// Items that can never become a job.
    pub invalid: i64,
    /// Items that are still before us.
    pub remaining: i64,
    /// Jobs of it that are queued or running.
    pub open_jobs: u64,
    /// Why its list cannot be read.
    pub error: Option<String>,
    /// When it was accepted (ms).
    pub created_at: Timestamp,
    /// When every item was accounted for (ms).
    pub finished_at: Option<Timestamp>,
    /// How fast it goes; known to the host that works on it.
    #[serde(default)]
    pub pace: Option<Pace>,
}

impl ImportRow {
    /// Items that are accounted for.
    pub fn accounted(&self) -> i64 {
        self.total - self.remaining
    }

    /// Whether nothing of it is before us.
    pub fn is_over(&self) -> bool {
        match self.state {
            ImportState::Completed => true,
            ImportState::Cancelled | ImportState::Failed => self.open_jobs == 0,
            ImportState::Pending | ImportState::Processing | ImportState::Paused => false,
        }
    }

    /// Whether items lie behind the cursor: fewer were read than can become jobs.
    pub fn has_unread(&self) -> bool {
        i64::try_from(self.position).unwrap_or(i64::MAX) < self.total - self.duplicate - self.invalid
    }
}

impl FromRow<'_, SqliteRow> for ImportRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let state = ImportState::parse(row.try_get("state")?);
        let mut import = Self {
            id: row.try_get("id")?,
            state: state.ok_or_else(|| sqlx::Error::Decode("import: unknown state".into()))?,
            kind: row.try_get("kind")?,
            source: row.try_get("source")?,
            format: row.try_get("format")?,
            root: row.try_get("root")?,
            list: row.try_get("list")?,
            chunk: row.try_get("chunk")?,
            cursor: row.try_get("cursor")?,
            position: row.try_get("position")?,
            deferred: row.try_get("deferred")?,
            existing: Existing::of(row.try_get("existing")?),
            then: row
                .try_get::<Option<&str>, _>("then_job")?
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
            then_id: row.try_get("then_id")?,
            dispatched: row.try_get("dispatched")?,
            total: row.try_get("total")?,
            done: row.try_get("done")?,
            failed: row.try_get("failed")?,
            cancelled: row.try_get("cancelled")?,
            duplicate: row.try_get("duplicate")?,
            skipped: row.try_get("skipped")?,
            invalid: row.try_get("invalid")?,
            remaining: 0,
            open_jobs: row.try_get("open_jobs")?,
            error: row.try_get("error")?,
            created_at: Timestamp(row.try_get("created_at")?),
            finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(Timestamp),
            pace: None,
        };
        import.remaining = import.total
            - (import.done + import.failed + import.cancelled + import.duplicate + import.skipped + import.invalid);
        Ok(import)
    }
}
