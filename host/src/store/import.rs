//! Imports: the list's cursor, the items' trees and the account.
//!
//! A chunk's jobs, the cursor behind it and its items are one commit, so an item
//! is dispatched exactly once however often the host dies.

use super::batch::{Batch, json};
use super::job::NewJob;
use super::op::{Op, Reply};
use super::{Store, StoreError, accept};
use crate::rules::import::{Account, ImportState, Tree};
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row};
use std::collections::BTreeMap;

/// An import whose list lies on the disk.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Its number, which is in the name of its list.
    pub id: i64,
    /// The kind of job that items become.
    pub kind: String,
    /// What was imported, for people.
    pub source: String,
    /// The folder that jobs see as `/imports`.
    pub root: Option<String>,
    /// The list, relative to the project.
    pub list: String,
    /// Its length in bytes.
    pub list_bytes: u64,
    /// Offset of the first item.
    pub cursor: u64,
    /// Items per chunk.
    pub chunk: u64,
    /// Items in the list, invalid ones included.
    pub total: u64,
    /// Items that can never become a job.
    pub invalid: u64,
    /// Items that are in the list twice: the later ones.
    pub duplicate: u64,
    /// Now.
    pub now: Timestamp,
}

/// The next items of a list.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The import.
    pub import: i64,
    /// Where the list was read from.
    pub from: u64,
    /// Where the next item begins.
    pub to: u64,
    /// The jobs that the items become.
    pub jobs: Vec<NewJob>,
    /// Now.
    pub now: Timestamp,
}

/// An import as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ImportRow {
    /// Its number.
    pub id: i64,
    /// Where it is in its life.
    pub state: ImportState,
    /// The kind of job that items become.
    pub kind: String,
    /// What was imported.
    pub source: String,
    /// The folder that jobs see as `/imports`.
    pub root: Option<String>,
    /// The list, relative to the project.
    pub list: String,
    /// Items per chunk.
    pub chunk: u64,
    /// Offset of the next item in the list.
    pub cursor: u64,
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
}

impl FromRow<'_, SqliteRow> for ImportRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let state = ImportState::parse(row.try_get("state")?);
        let mut import = Self {
            id: row.try_get("id")?,
            state: state.ok_or_else(|| sqlx::Error::Decode("import: unknown state".into()))?,
            kind: row.try_get("kind")?,
            source: row.try_get("source")?,
            root: row.try_get("root")?,
            list: row.try_get("list")?,
            chunk: row.try_get("chunk")?,
            cursor: row.try_get("cursor")?,
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
        };
        import.remaining = import.total
            - (import.done + import.failed + import.cancelled + import.duplicate + import.skipped + import.invalid);
        Ok(import)
    }
}

impl Store {
    /// Accept an import whose list lies on the disk.
    ///
    /// # Errors
    /// The database said no.
    pub async fn add_import(&self, new: NewImport) -> Result<i64, StoreError> {
        match self.send(Op::Import(new)).await? {
            Reply::Id(id) => Ok(id),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Dispatch the next items of an import; nothing if its cursor has moved.
    ///
    /// # Errors
    /// The database said no.
    pub async fn advance(&self, chunk: Chunk) -> Result<(), StoreError> {
        self.send(Op::Chunk(chunk)).await.map(|_| ())
    }

    /// Give an import up because its list cannot be read.
    ///
    /// # Errors
    /// The database said no.
    pub async fn break_import(&self, id: i64, error: String, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::BreakImport { id, error, now }).await.map(|_| ())
    }

    /// The number that the next import gets.
    ///
    /// # Errors
    /// The database said no.
    pub async fn next_import(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT coalesce(max(id), 0) + 1 FROM import").fetch_one(self.readers()).await?;
        Ok(row.try_get(0)?)
    }

    /// One import.
    ///
    /// # Errors
    /// The database said no.
    pub async fn import(&self, id: i64) -> Result<Option<ImportRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM import WHERE id = $1").bind(id);
        Ok(query.fetch_optional(self.readers()).await?)
    }

    /// A page of imports, newest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn imports(&self, before: Option<i64>, limit: u32) -> Result<Vec<ImportRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM import WHERE true");
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// The imports that still have items to dispatch, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn undispatched(&self) -> Result<Vec<ImportRow>, StoreError> {
        Ok(sqlx::query_as(UNDISPATCHED).fetch_all(self.readers()).await?)
    }
}

pub(super) const UNDISPATCHED: &str =
    "SELECT * FROM import WHERE state IN ('pending', 'processing') AND cursor < list_bytes ORDER BY id";

pub(super) async fn insert(batch: &mut Batch<'_>, new: &NewImport) -> Result<i64, StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO import (id, state, kind, source, root, list, list_bytes, chunk, cursor, dispatched, total, invalid, duplicate,
                             created_at)
         VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12)",
    )
    .bind(new.id)
    .bind(&new.kind)
    .bind(&new.source)
    .bind(&new.root)
    .bind(&new.list)
    .bind(number(new.list_bytes))
    .bind(number(new.chunk))
    .bind(number(new.cursor))
    .bind(number(new.total))
    .bind(number(new.invalid))
    .bind(number(new.duplicate))
    .bind(new.now.0)
    .execute(&mut *batch.conn)
    .await?;
    batch.view.imports += 1;
    complete(batch, &[new.id], new.now).await?;
    Ok(new.id)
}

pub(super) const ADVANCE: &str = "UPDATE import SET state = 'processing', cursor = $3, dispatched = dispatched + $4
    WHERE id = $1 AND cursor = $2 AND state IN ('pending', 'processing')";

pub(super) async fn advance(batch: &mut Batch<'_>, chunk: &Chunk) -> Result<Reply, StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let moved = sqlx::query(ADVANCE)
        .bind(chunk.import)
        .bind(number(chunk.from))
        .bind(number(chunk.to))
        .bind(number(chunk.jobs.len() as u64))
        .execute(&mut *batch.conn)
        .await?
        .rows_affected();
    if moved == 1 {
        accept::insert_rows(batch, &chunk.jobs.iter().collect::<Vec<_>>()).await?;
    }
    Ok(Reply::Done)
}

pub(super) async fn break_off(
    batch: &mut Batch<'_>,
    id: i64,
    error: &str,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let broken = sqlx::query(
        "UPDATE import SET state = 'failed', error = $2, finished_at = $3
         WHERE id = $1 AND state IN ('pending', 'processing')",
    )
    .bind(id)
    .bind(error)
    .bind(now.0)
    .execute(&mut *batch.conn)
    .await?
    .rows_affected();
    batch.view.imports = batch.view.imports.saturating_sub(broken);
    Ok(Reply::Done)
}

pub(super) const ACCOUNT: &str = "UPDATE import SET done = done + (new.value->>1), failed = failed + (new.value->>2),
       cancelled = cancelled + (new.value->>3), skipped = skipped + (new.value->>4),
       open_jobs = open_jobs + (new.value->>5)
    FROM jsonb_each($1) AS new WHERE import.id = new.value->>0";

/// Write what a batch changed in items, and what follows for their imports.
pub(super) async fn account(
    batch: &mut Batch<'_>,
    items: BTreeMap<(i64, i64), Tree>,
    open_jobs: BTreeMap<i64, i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut accounts: BTreeMap<i64, Account> = BTreeMap::new();
    for row in &write_items(batch, &items).await? {
        let key = (row.try_get("import_id")?, row.try_get("item")?);
        let after = Tree {
            open: row.try_get("open")?,
            failed: row.try_get("failed")?,
            cancelled: row.try_get("cancelled")?,
            made: row.try_get("made")?,
        };
        let before = after.minus(items.get(&key).copied().unwrap_or_default());
        // An item without jobs has not been dispatched: it remains.
        let was = if before == Tree::default() { Tree { open: 1, ..before } } else { before };
        accounts.entry(key.0).or_default().shift(was.item(), after.item());
    }
    let rows: Vec<_> = accounts
        .iter()
        .map(|(id, a)| (id, a.done, a.failed, a.cancelled, a.skipped, open_jobs.get(id).copied().unwrap_or(0)))
        .collect();
    sqlx::query(ACCOUNT).bind(json(&rows)?).execute(&mut *batch.conn).await?;
    complete(batch, &accounts.keys().copied().collect::<Vec<_>>(), now).await
}

pub(super) const ITEMS: &str = "INSERT INTO item (import_id, item, open, failed, cancelled, made)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM jsonb_each($1) WHERE true
    ON CONFLICT (import_id, item) DO UPDATE SET open = open + excluded.open, failed = failed + excluded.failed,
       cancelled = cancelled + excluded.cancelled, made = made + excluded.made
    RETURNING *";

async fn write_items(batch: &mut Batch<'_>, items: &BTreeMap<(i64, i64), Tree>) -> Result<Vec<SqliteRow>, StoreError> {
    let rows: Vec<_> =
        items.iter().map(|((import, item), t)| (import, item, t.open, t.failed, t.cancelled, t.made)).collect();
    Ok(sqlx::query(ITEMS).bind(json(&rows)?).fetch_all(&mut *batch.conn).await?)
}

pub(super) const COMPLETE: &str = "UPDATE import SET
       state = CASE state WHEN 'completed' THEN 'processing' ELSE 'completed' END,
       finished_at = CASE state WHEN 'completed' THEN NULL ELSE $2 END
    WHERE id IN (SELECT value FROM jsonb_each($1))
      AND ((state IN ('pending', 'processing')
            AND total = done + failed + cancelled + duplicate + skipped + invalid)
        OR (state = 'completed'
            AND total > done + failed + cancelled + duplicate + skipped + invalid))
    RETURNING state = 'completed'";

/// Close imports of which nothing remains, and reopen those of which something
/// does again.
async fn complete(batch: &mut Batch<'_>, ids: &[i64], now: Timestamp) -> Result<(), StoreError> {
    let turned = sqlx::query(COMPLETE).bind(json(&ids)?).bind(now.0).fetch_all(&mut *batch.conn).await?;
    for row in &turned {
        let closed: bool = row.try_get(0)?;
        batch.view.imports = if closed { batch.view.imports.saturating_sub(1) } else { batch.view.imports + 1 };
    }
    Ok(())
}
