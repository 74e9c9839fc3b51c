//! Bulk operations: the frozen set, and the steps that work through it.
//!
//! Freezing is one statement in one commit: the targets that match in that moment, each with the
//! round that it is in. A step is one commit too: what becomes of the next targets, the cursor
//! behind them, the counts, and the targets that need nothing more are gone from the set. It says
//! from which cursor it starts, so one that is given twice does nothing the second time. Jobs that
//! run are asked to end and stay in the set, behind the cursor, until they have.

pub(super) mod step;
mod what;

use super::failure::FailureRow;
use super::job::{COLUMNS, JobRow};
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::bulk::{Account, BulkState};
use crate::rules::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, SqliteConnection};
pub use what::{Targets, What};

/// An operation that is to begin.
#[derive(Debug, Clone)]
pub struct NewBulk {
    /// What it does to which targets.
    pub what: What,
    /// Who wants it.
    pub by: String,
    /// Now.
    pub now: Timestamp,
}

/// A step of an operation.
#[derive(Debug, Clone, Copy)]
pub struct BulkStep {
    /// The operation.
    pub id: i64,
    /// Where its cursor has to be.
    pub cursor: i64,
    /// Targets in it at most.
    pub chunk: u32,
    /// How long the step before took.
    pub worked: Millis,
    /// Now.
    pub now: Timestamp,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stepped {
    /// Jobs whose runs it asked to end: they are to be stopped.
    pub asked: Vec<i64>,
    /// Targets that had their turn in it; when fewer than a chunk, none is before the cursor.
    pub targets: u64,
}

/// An operation as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRow {
    /// Its number.
    pub id: i64,
    /// What it does to which targets.
    pub what: What,
    /// Where it is in its life.
    pub state: BulkState,
    /// Its targets: those of the frozen set, those it acted on, those no longer fit.
    #[serde(flatten)]
    pub account: Account,
    /// Targets that are not accounted for.
    pub remaining: u64,
    /// Each target up to this one had its turn.
    pub cursor: i64,
    /// How long its steps took (ms).
    pub worked: Millis,
    /// How long the rest takes at that pace (ms).
    pub left: Option<Millis>,
    /// Who wanted it.
    pub by: String,
    /// When its set was frozen (ms).
    pub created_at: Timestamp,
    /// Who cancelled it.
    pub cancelled_by: Option<String>,
    /// When nothing of it was left to account for (ms).
    pub finished_at: Option<Timestamp>,
}

impl BulkRow {
    /// Whether nothing of it will move any more.
    pub fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }
}

impl FromRow<'_, SqliteRow> for BulkRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let broken = |what: &str| sqlx::Error::Decode(format!("bulk: unknown {what}").into());
        let account =
            Account { total: row.try_get("total")?, done: row.try_get("done")?, stale: row.try_get("stale")? };
        let worked = Millis(row.try_get("worked")?);
        let finished_at = row.try_get::<Option<i64>, _>("finished_at")?.map(Timestamp);
        Ok(Self {
            id: row.try_get("id")?,
            what: serde_json::from_str(row.try_get("what")?).map_err(|_| broken("what"))?,
            state: BulkState::parse(row.try_get("state")?).ok_or_else(|| broken("state"))?,
            account,
            remaining: account.remaining(),
            cursor: row.try_get("cursor")?,
            worked,
            left: if finished_at.is_some() { None } else { account.left(worked) },
            by: row.try_get("started_by")?,
            created_at: Timestamp(row.try_get("created_at")?),
            cancelled_by: row.try_get("cancelled_by")?,
            finished_at,
        })
    }
}

/// The newest of what matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Newest {
    /// Jobs.
    Jobs(Vec<JobRow>),
    /// Failures.
    Failures(Vec<FailureRow>),
}

impl Store {
    /// How much an operation would freeze now, and the newest of it, so many at most; writes nothing.
    ///
    /// # Errors
    /// The database said no.
    pub async fn matching(&self, what: &What, sample: u32) -> Result<(u64, Newest), StoreError> {
        let mut count = QueryBuilder::new("SELECT count(*) FROM (");
        what.push_select(&mut count, "");
        let total = count.push(")").build().fetch_one(self.readers()).await?.try_get(0)?;
        if let Targets::Failures(failures) = what.targets() {
            return Ok((total, Newest::Failures(self.failures(failures, None, sample).await?)));
        }
        let mut newest = QueryBuilder::new("SELECT ");
        newest.push(COLUMNS).push(" FROM job WHERE id IN (SELECT target FROM (");
        what.push_select(&mut newest, "");
        newest.push(") ORDER BY target DESC LIMIT ").push_bind(i64::from(sample)).push(") ORDER BY id DESC");
        Ok((total, Newest::Jobs(newest.build_query_as().fetch_all(self.readers()).await?)))
    }

    /// Begin an operation on what matches now; its number, or none when nothing does.
    ///
    /// # Errors
    /// The database said no; then nothing was changed.
    pub async fn freeze(&self, new: NewBulk) -> Result<Option<i64>, StoreError> {
        match self.send(Op::Freeze(new)).await? {
            Reply::Frozen(id) => Ok(id),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Take a step of an operation; none if it has moved on, or is over.
    ///
    /// # Errors
    /// The database said no; then nothing was changed.
    pub async fn step(&self, step: BulkStep) -> Result<Option<Stepped>, StoreError> {
        match self.send(Op::BulkStep(step)).await? {
            Reply::Stepped(stepped) => Ok(stepped),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Stop an operation where it is. What it did stays done.
    ///
    /// # Errors
    /// The database said no.
    pub async fn cancel_bulk(&self, id: i64, by: String, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::CancelBulk { id, by, now }).await.map(|_| ())
    }

    /// One operation.
    ///
    /// # Errors
    /// The database said no.
    pub async fn bulk(&self, id: i64) -> Result<Option<BulkRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM bulk WHERE id = $1").bind(id);
        Ok(query.fetch_optional(self.readers()).await?)
    }

    /// A page of operations, newest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn bulks(&self, before: Option<i64>, limit: u32) -> Result<Vec<BulkRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM bulk WHERE id < $1 ORDER BY id DESC LIMIT $2");
        Ok(query.bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit)).fetch_all(self.readers()).await?)
    }

    /// The operations that are not over, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn open_bulks(&self) -> Result<Vec<BulkRow>, StoreError> {
        Ok(sqlx::query_as(OPEN).fetch_all(self.readers()).await?)
    }

    /// The jobs that an operation asked to end: those whose run goes on, and how many others there are.
    ///
    /// # Errors
    /// The database said no.
    pub async fn asked(&self, id: i64) -> Result<(Vec<i64>, usize), StoreError> {
        let rows = sqlx::query(RUN_ON).bind(id).fetch_all(self.readers()).await?;
        let mut running = Vec::new();
        for row in &rows {
            if row.try_get(1)? {
                running.push(row.try_get(0)?);
            }
        }
        let ended = rows.len() - running.len();
        Ok((running, ended))
    }
}

pub(super) const OPEN: &str = "SELECT * FROM bulk INDEXED BY bulk_open WHERE finished_at IS NULL ORDER BY id";

pub(super) const RUN_ON: &str = "SELECT item.target, job.state = 'running' AND job.lease = item.lease
    FROM bulk_item AS item INDEXED BY bulk_asked JOIN job ON job.id = item.target
    WHERE item.bulk_id = $1 AND item.lease IS NOT NULL";

/// How many operations are not over.
pub(super) async fn open(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    let open = "SELECT count(*) FROM bulk INDEXED BY bulk_open WHERE finished_at IS NULL";
    Ok(sqlx::query(open).fetch_one(conn).await?.try_get(0)?)
}
