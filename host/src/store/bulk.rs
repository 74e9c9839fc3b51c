//! Bulk operations: the frozen set, and the steps that work through it.
//!
//! Freezing is one statement in one commit: the targets that match in that moment, each with the
//! round that it is in. A step is one commit too: what becomes of the next targets, the cursor
//! behind them, the counts, and the targets that need nothing more are gone from the set. It says
//! from which cursor it starts, so one that is given twice does nothing the second time. Jobs that
//! run are asked to end and stay in the set, behind the cursor, until they have.

use super::batch::{Batch, json, parse};
use super::edit::{self, Edit};
use super::failure::{FailureFilter, FailureRow};
use super::job::{self, COLUMNS, JobFilter, JobRow};
use super::op::{Op, Reply};
use super::settle::Applied;
use super::{Store, StoreError, failure, turn};
use crate::rules::bulk::{Account, Act, BulkState, Found, Item, Step};
use crate::rules::job::State;
use crate::rules::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqliteConnection};

/// An act, and which targets it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
pub enum What {
    /// Cancel open jobs.
    Cancel {
        /// Which.
        jobs: JobFilter,
    },
    /// Give jobs that failed or were cancelled a new round.
    Retry {
        /// Which.
        jobs: JobFilter,
    },
    /// Give queued jobs another priority.
    Prioritise {
        /// Which.
        jobs: JobFilter,
        /// The smaller is claimed first.
        priority: i64,
    },
    /// Give the jobs of unresolved failures a new round.
    Resubmit {
        /// Which.
        failures: FailureFilter,
    },
    /// Take note of unresolved failures.
    Delete {
        /// Which.
        failures: FailureFilter,
    },
}

/// Which targets are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets<'a> {
    /// Jobs.
    Jobs(&'a JobFilter),
    /// Failures.
    Failures(&'a FailureFilter),
}

impl What {
    /// What is done to each target.
    pub fn act(&self) -> Act {
        match self {
            Self::Cancel { .. } => Act::Cancel,
            Self::Retry { .. } => Act::Retry,
            Self::Prioritise { priority, .. } => Act::Prioritise(*priority),
            Self::Resubmit { .. } => Act::Resubmit,
            Self::Delete { .. } => Act::Delete,
        }
    }

    /// Which targets are meant.
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Cancel { jobs } | Self::Retry { jobs } | Self::Prioritise { jobs, .. } => Targets::Jobs(jobs),
            Self::Resubmit { failures } | Self::Delete { failures } => Targets::Failures(failures),
        }
    }

    /// Select number and round of the jobs that match now, and whatever else.
    fn push_select(&self, query: &mut QueryBuilder<Sqlite>, what: &str) {
        match self.targets() {
            Targets::Jobs(jobs) => jobs.push_select(query, &format!("id AS target, round{what}"), self.act().states()),
            Targets::Failures(failures) => {
                let index = match failures {
                    FailureFilter { group: Some(_), .. } => "failure_group",
                    FailureFilter { import: Some(_), .. } => "failure_of_import",
                    _ => "failure_open",
                };
                let from = format!("SELECT job_id AS target, round{what} FROM failure INDEXED BY {index} WHERE ");
                failures.push_where(query.push(from));
            }
        }
    }
}

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

/// The statement that freezes what matches.
pub(super) fn freezing(id: i64, what: &What) -> QueryBuilder<Sqlite> {
    let mut items = QueryBuilder::new("INSERT INTO bulk_item (target, round, bulk_id) ");
    what.push_select(&mut items, &format!(", {id}"));
    items
}

/// Freeze what matches, and put the operation on record if anything does.
pub(super) async fn freeze(batch: &mut Batch<'_>, new: &NewBulk) -> Result<Reply, StoreError> {
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

pub(super) const NEXT: &str = "SELECT json_array(item.target, item.round, item.lease, job.state, job.round, job.lease)
    FROM bulk_item AS item LEFT JOIN job ON job.id = item.target
    WHERE item.bulk_id = $1 AND item.target > $2 ORDER BY item.target LIMIT $3";

/// Those behind the cursor that were asked to end.
pub(super) const ASKED: &str = "SELECT json_array(item.target, item.round, item.lease, job.state, job.round, job.lease)
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
pub(super) async fn step(batch: &mut Batch<'_>, step: &BulkStep) -> Result<Reply, StoreError> {
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

pub(super) const COUNT: &str =
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

pub(super) const ASK: &str = "UPDATE bulk_item SET lease = (SELECT lease FROM job WHERE job.id = bulk_item.target)
    WHERE bulk_id = $1 AND target IN (SELECT value FROM jsonb_each($2))";

pub(super) const DROP: &str =
    "DELETE FROM bulk_item WHERE bulk_id = $1 AND target IN (SELECT value FROM jsonb_each($2))";

pub(super) const FINISH: &str =
    "UPDATE bulk SET state = CASE state WHEN 'running' THEN 'completed' ELSE state END, finished_at = $2
    WHERE id = $1 AND finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM bulk_item WHERE bulk_id = $1)";

/// An operation is over when each of its targets is accounted for.
async fn finish(batch: &mut Batch<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let finished = sqlx::query(FINISH).bind(id).bind(now.0).execute(&mut *batch.conn).await?.rows_affected();
    batch.view.bulks = batch.view.bulks.saturating_sub(finished);
    Ok(())
}

/// Stop an operation: targets that had no turn are let go. Runs that were asked to end will, and are counted.
pub(super) async fn cancel(batch: &mut Batch<'_>, id: i64, by: &str, now: Timestamp) -> Result<Reply, StoreError> {
    let cancelled =
        sqlx::query("UPDATE bulk SET state = 'cancelled', cancelled_by = $2 WHERE id = $1 AND state = 'running'");
    if cancelled.bind(id).bind(by).execute(&mut *batch.conn).await?.rows_affected() == 1 {
        let rest = sqlx::query("DELETE FROM bulk_item WHERE bulk_id = $1 AND lease IS NULL");
        rest.bind(id).execute(&mut *batch.conn).await?;
        finish(batch, id, now).await?;
    }
    Ok(Reply::Done)
}
