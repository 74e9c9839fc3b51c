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

/// An item as it was dispatched.
const DISPATCHED: Tree = Tree { open: 1, failed: 0, cancelled: 0, made: 0 };

/// What a batch moves in items.
#[derive(Debug, Default)]
pub(in crate::store) struct Moved {
    /// What is added to their trees.
    pub(in crate::store) items: BTreeMap<(i64, i64), Tree>,
    /// Those of them that are as they were dispatched: the first job of each ends in this batch, in its first
    /// round.
    pub(in crate::store) unwritten: BTreeSet<(i64, i64)>,
    /// What is added to the open jobs of imports.
    pub(in crate::store) open_jobs: BTreeMap<i64, i64>,
    /// How far the cursors of imports went.
    pub(in crate::store) advanced: BTreeMap<i64, Advance>,
}

/// How far the cursor of an import goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Advance {
    /// To this byte of the list.
    pub(in crate::store) to: u64,
    /// Past so many items.
    pub(in crate::store) items: u64,
    /// Of which so many became jobs, or need none.
    pub(in crate::store) dispatched: u64,
    /// And so many were put aside.
    pub(in crate::store) deferred: u64,
}

impl Advance {
    /// Both, this one first.
    pub(in crate::store) const fn and(self, next: Self) -> Self {
        Self {
            to: next.to,
            items: self.items + next.items,
            dispatched: self.dispatched + next.dispatched,
            deferred: self.deferred + next.deferred,
        }
    }
}

impl Moved {
    /// Whether nothing is moved.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.open_jobs.is_empty() && self.advanced.is_empty()
    }
}

pub(in crate::store) const ACCOUNT: &str =
    "UPDATE import SET done = done + (new.value->>1), failed = failed + (new.value->>2),
       cancelled = cancelled + (new.value->>3), skipped = skipped + (new.value->>4),
       open_jobs = open_jobs + (new.value->>5),
       state = CASE WHEN new.value->>6 IS NULL THEN state ELSE 'processing' END,
       cursor = coalesce(new.value->>6, cursor), position = position + (new.value->>7),
       dispatched = dispatched + (new.value->>8), deferred = deferred + (new.value->>9)
    FROM jsonb_each($3) AS new WHERE import.id = new.value->>0";

/// A row of [`ACCOUNT`]: the import, its items that are done, failed, cancelled and skipped, its open jobs, its
/// cursor if it moves, past how many items, how many of them were dispatched and how many put aside.
pub(in crate::store) type Written = (i64, i64, i64, i64, i64, i64, Option<u64>, u64, u64, u64);

/// Write how far cursors went, before the end of the batch.
pub(in crate::store) async fn write_cursors(
    batch: &mut Batch<'_>,
    advanced: &BTreeMap<i64, Advance>,
) -> Result<(), StoreError> {
    let row = |(id, by): (&i64, &Advance)| -> Written {
        (*id, 0, 0, 0, 0, 0, Some(by.to), by.items, by.dispatched, by.deferred)
    };
    let rows: Vec<Written> = advanced.iter().map(row).collect();
    // Its list is the third value, as in the message that it is part of elsewhere.
    let query = sqlx::query(ACCOUNT).bind("[]").bind(batch.now().0).bind(json(&rows)?);
    query.execute(&mut *batch.conn).await?;
    Ok(())
}

/// What a batch moves in imports.
#[derive(Debug)]
pub(in crate::store) struct Accounts {
    /// The rows of [`ACCOUNT`].
    pub(in crate::store) rows: Vec<Written>,
    /// Those that may be completed by it, or opened again: what is accounted for as before does neither.
    pub(in crate::store) turnable: Vec<i64>,
}

/// Write what a batch changed in items; what that moves in their imports.
pub(in crate::store) async fn account(batch: &mut Batch<'_>, moved: &Moved) -> Result<Accounts, StoreError> {
    let Moved { items, open_jobs, advanced, .. } = moved;
    let mut accounts: BTreeMap<i64, Account> = BTreeMap::new();
    let known = write_items(batch, moved).await?;
    for (key, moved) in items {
        let (before, after) = match known.get(key) {
            Some(after) => (after.minus(*moved), *after),
            None => (DISPATCHED, DISPATCHED.plus(*moved)),
        };
        accounts.entry(key.0).or_default().shift(before.item(), after.item());
    }
    let ids: BTreeSet<i64> = accounts.keys().chain(open_jobs.keys()).chain(advanced.keys()).copied().collect();
    let row = |id: &i64| {
        let a = accounts.get(id).copied().unwrap_or_default();
        let open = open_jobs.get(id).copied().unwrap_or(0);
        let (to, by) = (advanced.get(id).map(|by| by.to), advanced.get(id).copied().unwrap_or_default());
        (*id, a.done, a.failed, a.cancelled, a.skipped, open, to, by.items, by.dispatched, by.deferred)
    };
    let is_moved = |(_, account): &(&i64, &Account)| **account != Account::default();
    let turnable = accounts.iter().filter(is_moved).map(|(id, _)| *id).collect();
    Ok(Accounts { rows: ids.iter().map(row).collect(), turnable })
}

/// What follows from accounts that were written, for imports that they completed or opened again.
pub(in crate::store) async fn accounted(
    batch: &mut Batch<'_>,
    moved: &Accounts,
    turned: &[SqliteRow],
) -> Result<(), StoreError> {
    let now = batch.now();
    completed(batch, turned, now).await?;
    let is_ending = |id: &i64| batch.view.imports.get(id).is_some_and(|s| s.state == ImportState::Cancelled);
    if moved.rows.iter().any(|(id, ..)| is_ending(id)) {
        reload(batch).await?;
    }
    Ok(())
}

/// Items that have a row, which come back.
pub(in crate::store) const KNOWN_ITEMS: &str = "UPDATE item SET open = open + (new.value->>2),
       failed = failed + (new.value->>3), cancelled = cancelled + (new.value->>4), made = made + (new.value->>5)
    FROM jsonb_each($1) AS new WHERE item.import_id = new.value->>0 AND item.item = new.value->>1
    RETURNING json_array(import_id, item, open, failed, cancelled, made)";

/// The others: an item that has no row is as it was dispatched, with one open job. Most are
/// written once, when that job ends.
pub(in crate::store) const OTHER_ITEMS: &str = "INSERT INTO item (import_id, item, open, failed, cancelled, made)
    SELECT value->>0, value->>1, 1 + (value->>2), value->>3, value->>4, value->>5 FROM jsonb_each($1) WHERE true
    ON CONFLICT (import_id, item) DO NOTHING";

/// Both in one message to the connection.
static ITEMS: LazyLock<String> = LazyLock::new(|| format!("{KNOWN_ITEMS}; {OTHER_ITEMS}"));

/// Items that are as they were dispatched. A row says so only if a version before wrote it, when it dispatched
/// the item.
pub(in crate::store) const NEW_ITEMS: &str = "INSERT INTO item (import_id, item, open, failed, cancelled, made)
    SELECT value->>0, value->>1, 1 + (value->>2), value->>3, value->>4, value->>5 FROM jsonb_each($1) WHERE true
    ON CONFLICT (import_id, item) DO UPDATE SET open = open + excluded.open - 1, failed = failed + excluded.failed,
       cancelled = cancelled + excluded.cancelled, made = made + excluded.made";

/// Write what moved in the trees of items; those that had a row before come back as they are now,
/// unless all are as they were dispatched.
async fn write_items(batch: &mut Batch<'_>, moved: &Moved) -> Result<BTreeMap<(i64, i64), Tree>, StoreError> {
    if moved.items.is_empty() {
        return Ok(BTreeMap::new());
    }
    let row = |((import, item), t): (&(i64, i64), &Tree)| (*import, *item, t.open, t.failed, t.cancelled, t.made);
    let rows = json(&moved.items.iter().map(row).collect::<Vec<_>>())?;
    if moved.items.keys().all(|item| moved.unwritten.contains(item)) {
        sqlx::query(NEW_ITEMS).bind(rows).execute(&mut *batch.conn).await?;
        return Ok(BTreeMap::new());
    }
    let known = sqlx::query(ITEMS.as_str()).bind(rows).fetch_all(&mut *batch.conn).await?;
    let tree = |row: &SqliteRow| {
        let (import, item, open, failed, cancelled, made) = parse(row.try_get(0)?)?;
        Ok(((import, item), Tree { open, failed, cancelled, made }))
    };
    known.iter().map(tree).collect()
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
    "SELECT id, state, cursor, list_bytes, deferred, existing, total, chunk FROM import
        WHERE state IN ('pending', 'processing', 'paused')
    UNION ALL SELECT id, state, cursor, list_bytes, deferred, existing, total, chunk FROM import
        WHERE state = 'cancelled' AND open_jobs > 0";

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
            let (cursor, list_bytes, deferred) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
            let existing = super::Existing::of(row.try_get(5)?);
            let (total, chunk) = (row.try_get(6)?, row.try_get(7)?);
            let standing = Standing { state, cursor, list_bytes, deferred, total, chunk, existing };
            self.imports.insert(row.try_get(0)?, standing);
        }
        Ok(())
    }
}
