//! The account of imports: what a batch moved in the trees of items, and what follows.

use super::Then;
use crate::rules::import::{Account, ImportState, Tree};
use crate::rules::time::Timestamp;
use crate::store::batch::{Batch, json, parse};
use crate::store::job::{About, NewJob};
use crate::store::view::{Standing, View};
use crate::store::{StoreError, accept};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a batch moves in items.
#[derive(Debug, Default)]
pub(in crate::store) struct Moved {
    /// What is added to their trees.
    pub(in crate::store) items: BTreeMap<(i64, i64), Tree>,
    /// What is added to the open jobs of imports.
    pub(in crate::store) open_jobs: BTreeMap<i64, i64>,
}

impl Moved {
    /// Whether nothing is moved.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.open_jobs.is_empty()
    }
}

pub(in crate::store) const ACCOUNT: &str =
    "UPDATE import SET done = done + (new.value->>1), failed = failed + (new.value->>2),
       cancelled = cancelled + (new.value->>3), skipped = skipped + (new.value->>4),
       open_jobs = open_jobs + (new.value->>5)
    FROM jsonb_each($3) AS new WHERE import.id = new.value->>0";

/// Write what a batch changed in items, and what follows for their imports.
pub(in crate::store) async fn account(batch: &mut Batch<'_>, moved: Moved, now: Timestamp) -> Result<(), StoreError> {
    let Moved { items, open_jobs } = moved;
    let mut accounts: BTreeMap<i64, Account> = BTreeMap::new();
    for row in &write_items(batch, &items).await? {
        let (import, item, open, failed, cancelled, made) = parse(row.try_get(0)?)?;
        let (key, after) = ((import, item), Tree { open, failed, cancelled, made });
        let before = after.minus(items.get(&key).copied().unwrap_or_default());
        accounts.entry(key.0).or_default().shift(before.item(), after.item());
    }
    let ids: BTreeSet<i64> = accounts.keys().chain(open_jobs.keys()).copied().collect();
    let rows: Vec<_> = ids
        .iter()
        .map(|id| {
            let a = accounts.get(id).copied().unwrap_or_default();
            let open = open_jobs.get(id).copied().unwrap_or(0);
            (id, a.done, a.failed, a.cancelled, a.skipped, open)
        })
        .collect();
    let rows = json(&rows)?;
    let is_moved = |(_, account): &(i64, Account)| *account != Account::default();
    let moved: Vec<i64> = accounts.into_iter().filter(is_moved).map(|(id, _)| id).collect();
    // What is accounted for as before neither ends nor opens.
    let query = if moved.is_empty() { ACCOUNT } else { ACCOUNT_AND_COMPLETE.as_str() };
    let query = sqlx::query(query).bind(json(&moved)?).bind(now.0).bind(rows);
    let turned = query.fetch_all(&mut *batch.conn).await?;
    completed(batch, &turned, now).await?;
    let is_ending = |id: &i64| batch.view.imports.get(id).is_some_and(|s| s.state == ImportState::Cancelled);
    if ids.iter().any(is_ending) {
        reload(batch).await?;
    }
    Ok(())
}

/// An item that has no row is as it was dispatched, with one open job: most of them are
/// written once, when that job ends.
pub(in crate::store) const ITEMS: &str = "INSERT INTO item (import_id, item, open, failed, cancelled, made)
    SELECT value->>0, value->>1, 1 + (value->>2), value->>3, value->>4, value->>5 FROM jsonb_each($1) WHERE true
    ON CONFLICT (import_id, item) DO UPDATE SET open = open + excluded.open - 1, failed = failed + excluded.failed,
       cancelled = cancelled + excluded.cancelled, made = made + excluded.made
    RETURNING json_array(import_id, item, open, failed, cancelled, made)";

/// Write what moved in the trees of items, which come back.
async fn write_items(batch: &mut Batch<'_>, items: &BTreeMap<(i64, i64), Tree>) -> Result<Vec<SqliteRow>, StoreError> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<_> =
        items.iter().map(|((import, item), t)| (import, item, t.open, t.failed, t.cancelled, t.made)).collect();
    Ok(sqlx::query(ITEMS).bind(json(&rows)?).fetch_all(&mut *batch.conn).await?)
}

pub(in crate::store) const COMPLETE: &str = "UPDATE import SET
       state = CASE state WHEN 'completed' THEN 'processing' ELSE 'completed' END,
       finished_at = CASE state WHEN 'completed' THEN NULL ELSE $2 END
    WHERE id IN (SELECT value FROM jsonb_each($1))
      AND ((state IN ('pending', 'processing', 'paused')
            AND total = done + failed + cancelled + duplicate + skipped + invalid)
        OR (state = 'completed'
            AND total > done + failed + cancelled + duplicate + skipped + invalid))
    RETURNING id, state = 'completed', CASE WHEN then_id IS NULL THEN then_job END, source";

/// Both in one message to the connection.
static ACCOUNT_AND_COMPLETE: LazyLock<String> = LazyLock::new(|| format!("{ACCOUNT}; {COMPLETE}"));

/// Close imports of which nothing remains, and reopen those of which something
/// does again.
pub(super) async fn complete(batch: &mut Batch<'_>, ids: &[i64], now: Timestamp) -> Result<(), StoreError> {
    let turned = sqlx::query(COMPLETE).bind(json(&ids)?).bind(now.0).fetch_all(&mut *batch.conn).await?;
    completed(batch, &turned, now).await
}

/// Imports were closed or opened again. What is to follow a closed one is queued, once.
async fn completed(batch: &mut Batch<'_>, turned: &[SqliteRow], now: Timestamp) -> Result<(), StoreError> {
    for row in turned {
        let (id, is_closed): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(then) = row.try_get::<Option<&str>, _>(2)?.filter(|_| is_closed) {
            follow(batch, id, parse(then)?, row.try_get(3)?, now).await?;
        }
    }
    if !turned.is_empty() {
        reload(batch).await?;
    }
    Ok(())
}

/// Queue the job that follows an import.
async fn follow(batch: &mut Batch<'_>, id: i64, then: Then, source: &str, now: Timestamp) -> Result<(), StoreError> {
    let about = About { title: format!("import {id} of {source}"), ..About::source(format!("import:{id}")) };
    let new = NewJob {
        kind: then.kind,
        queue: then.queue,
        about,
        payload: then.payload.to_string(),
        priority: 0,
        max_attempts: then.max_attempts,
        run_at: now,
        parent: None,
        item: None,
        key: None,
        unique: None,
        deadline: None,
        now,
    };
    let job = batch.view.next_job;
    accept::insert_rows(batch, &[&new]).await?;
    let note = sqlx::query("UPDATE import SET then_id = $2 WHERE id = $1").bind(id).bind(job);
    note.execute(&mut *batch.conn).await?;
    Ok(())
}

pub(in crate::store) const OPEN: &str =
    "SELECT id, state, cursor < list_bytes OR deferred > 0, existing, total, chunk FROM import
        WHERE state IN ('pending', 'processing', 'paused')
    UNION ALL SELECT id, state, 0, existing, total, chunk FROM import WHERE state = 'cancelled' AND open_jobs > 0";

/// Read again which imports are open: whenever one is turned, which is rare.
pub(in crate::store) async fn reload(batch: &mut Batch<'_>) -> Result<(), StoreError> {
    batch.view.suspects_stuck = false;
    batch.view.load_imports(&mut *batch.conn).await
}

impl View {
    /// Read which imports are open.
    pub(in crate::store) async fn load_imports(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        self.imports.clear();
        for row in sqlx::query(OPEN).fetch_all(conn).await? {
            let state = ImportState::parse(row.try_get(1)?);
            let state = state.ok_or_else(|| StoreError::Corrupt("import: unknown state".into()))?;
            let existing = super::Existing::of(row.try_get(3)?);
            let (has_more, total, chunk) = (row.try_get(2)?, row.try_get(4)?, row.try_get(5)?);
            self.imports.insert(row.try_get(0)?, Standing { state, has_more, total, chunk, existing });
        }
        Ok(())
    }
}
