//! Dispatching items: the cursor, the ranges and the jobs in one commit.

use super::{Advance, Chunk, Dispatch, Existing, Origin, Refill, number};
use crate::rules::deferred::{MAX_GAP, Range, join};
use crate::rules::import::ImportState;
use crate::store::accept::{self, Entry};
use crate::store::batch::{Batch, json};
use crate::store::op::Reply;
use crate::store::settle::Applied;
use crate::store::{Store, StoreError};
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// How many jobs of each of these keys are queued or run; keys without any may be left out.
    ///
    /// # Errors
    /// The database said no.
    pub async fn open_jobs_of_keys(&self, keys: &[&str]) -> Result<BTreeMap<String, u64>, StoreError> {
        let open = "SELECT name, idle + running + waiting FROM key WHERE name IN (SELECT value FROM jsonb_each($1))";
        let rows = sqlx::query(open).bind(json(&keys)?).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Which of these keys have items that wait in the list of this import.
    ///
    /// # Errors
    /// The database said no.
    pub async fn deferred_keys(&self, import: i64, keys: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let query =
            "SELECT DISTINCT key FROM deferred WHERE import_id = $1 AND key IN (SELECT value FROM jsonb_each($2))";
        let rows = sqlx::query(query).bind(import).bind(json(&keys)?).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }

    /// The first ranges of the keys of an import that have at most so many open jobs;
    /// at most 32 of them.
    ///
    /// # Errors
    /// The database said no.
    pub async fn refills(&self, import: i64, most: u64) -> Result<Vec<Refill>, StoreError> {
        let rows = sqlx::query(REFILLS).bind(import).bind(number(most)).fetch_all(self.readers()).await?;
        let refill = |row: &sqlx::sqlite::SqliteRow| {
            let range = Range {
                key: row.try_get(0)?,
                start: row.try_get(1)?,
                position: row.try_get(2)?,
                stop: row.try_get(3)?,
                items: row.try_get(4)?,
            };
            Ok(Refill { range, open: row.try_get(5)? })
        };
        Ok(rows.iter().map(refill).collect::<Result<_, sqlx::Error>>()?)
    }
}

const REFILLS: &str =
    "SELECT d.key, d.start, d.position, d.stop, d.items, coalesce(key.idle + key.running + key.waiting, 0) AS open
    FROM deferred AS d LEFT JOIN key ON key.name = d.key
    WHERE d.import_id = $1
      AND d.start = (SELECT min(start) FROM deferred AS f WHERE f.import_id = d.import_id AND f.key = d.key)
      AND coalesce(key.idle + key.running + key.waiting, 0) <= $2
    LIMIT 32";

/// Apply chunks, in their order, each if its cursor or its range is where it was read.
/// Those that follow each other in one list are one: they cost the statements of one.
pub(in crate::store) async fn advance(batch: &mut Batch<'_>, chunks: &[&Dispatch]) -> Result<Vec<Reply>, StoreError> {
    let mut replies = Vec::with_capacity(chunks.len());
    for run in chunks.chunk_by(|one, next| follows(&one.chunk, &next.chunk)) {
        let applied = if go(batch, run).await? { Applied::Yes } else { Applied::Stale };
        replies.extend(run.iter().map(|_| Reply::Applied(vec![applied])));
    }
    Ok(replies)
}

/// Whether a chunk begins where the one before it ends.
fn follows(one: &Chunk, next: &Chunk) -> bool {
    match (&one.from, &next.from) {
        (Origin::Cursor { to, .. }, Origin::Cursor { from, .. }) => one.import == next.import && to == from,
        _ => false,
    }
}

/// Apply chunks that follow each other; whether the first was where it was read.
async fn go(batch: &mut Batch<'_>, run: &[&Dispatch]) -> Result<bool, StoreError> {
    let chunks = || run.iter().map(|dispatch| &dispatch.chunk);
    let (Some(first), Some(last)) = (chunks().next(), chunks().next_back()) else { return Ok(false) };
    let entries: Vec<Entry<'_>> = run.iter().flat_map(|dispatch| dispatch.entries()).collect();
    let ranges = join(chunks().flat_map(|chunk| chunk.deferred.iter().cloned()));
    let is_there = match (&first.from, &last.from) {
        (Origin::Cursor { from, .. }, Origin::Cursor { to, .. }) => {
            let items = |chunk: &Chunk| if let Origin::Cursor { items, .. } = chunk.from { items } else { 0 };
            let deferred = ranges.iter().map(|range| range.items).sum();
            let (items, dispatched) = (chunks().map(items).sum(), entries.len() as u64);
            move_cursor(batch, first.import, *from, Advance { to: *to, items, dispatched, deferred })
        }
        (Origin::Range { was, left }, _) => drain(batch, first, was, left.as_ref()).await?,
        (Origin::Cursor { .. }, Origin::Range { .. }) => false,
    };
    if !is_there {
        return Ok(false);
    }
    defer(batch, first.import, &ranges).await?;
    let skipped = skip(batch, first.import, &entries).await?;
    let (skip, entries): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
        entries.into_iter().partition(|entry| skipped.contains(&entry.job.about.subject));
    for Entry { job, .. } in skip {
        batch.at(job.now);
        if let Some(item) = job.item {
            batch.skipped(item);
        }
    }
    accept::insert_entries(batch, &entries).await?;
    Ok(true)
}

/// Move a cursor that is where it was read. The import learns it with the counts of the batch: nobody else
/// writes cursors, so the view knows where they are.
fn move_cursor(batch: &mut Batch<'_>, import: i64, from: u64, by: Advance) -> bool {
    let Some(standing) = batch.view.imports.get_mut(&import).filter(|s| s.is_open() && s.cursor == from) else {
        return false;
    };
    (standing.state, standing.cursor) = (ImportState::Processing, by.to);
    standing.deferred += by.deferred;
    batch.advanced(import, by);
    true
}

pub(in crate::store) const DRAIN: &str =
    "UPDATE import SET state = 'processing', dispatched = dispatched + $2, deferred = deferred - $2
    WHERE id = $1 AND state IN ('pending', 'processing')
      AND EXISTS (SELECT 1 FROM deferred WHERE import_id = $1 AND key = $3 AND start = $4 AND items = $5)";

/// Take the first items out of a range.
async fn drain(batch: &mut Batch<'_>, chunk: &Chunk, was: &Range, left: Option<&Range>) -> Result<bool, StoreError> {
    let jobs = chunk.jobs.len() as u64;
    let query = sqlx::query(DRAIN).bind(chunk.import).bind(number(jobs));
    let query = query.bind(&was.key).bind(number(was.start)).bind(number(was.items));
    if query.execute(&mut *batch.conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(standing) = batch.view.imports.get_mut(&chunk.import) {
        standing.state = ImportState::Processing;
        standing.deferred = standing.deferred.saturating_sub(jobs);
    }
    let gone = sqlx::query("DELETE FROM deferred WHERE import_id = $1 AND key = $2 AND start = $3");
    gone.bind(chunk.import).bind(&was.key).bind(number(was.start)).execute(&mut *batch.conn).await?;
    if let Some(left) = left {
        insert(batch, chunk.import, &[left]).await?;
    }
    Ok(true)
}

const EXTEND: &str = "UPDATE deferred SET stop = new.value->>2, items = items + (new.value->>3)
    FROM jsonb_each($2) AS new
    WHERE deferred.import_id = $1 AND deferred.key = new.value->>0
      AND deferred.start = (SELECT max(start) FROM deferred AS last WHERE last.import_id = $1 AND last.key = new.value->>0)
      AND stop >= (new.value->>1) - $3
    RETURNING key";

/// Put items aside: behind the last range of their key, or in a new one.
async fn defer(batch: &mut Batch<'_>, import: i64, ranges: &[Range]) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    // Only the first of a key can follow one that is on record.
    let first: Vec<&Range> = ranges.iter().filter(|range| seen.insert(range.key.as_str())).collect();
    if first.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = first.iter().map(|range| (&range.key, range.start, range.stop, range.items)).collect();
    let extend = sqlx::query(EXTEND).bind(import).bind(json(&rows)?).bind(number(MAX_GAP));
    let extended = extend.fetch_all(&mut *batch.conn).await?;
    let extended = extended.iter().map(|row| row.try_get(0)).collect::<Result<BTreeSet<String>, _>>()?;
    let is_new = |range: &&Range| !(extended.contains(&range.key) && first.contains(range));
    insert(batch, import, &ranges.iter().filter(is_new).collect::<Vec<_>>()).await
}

async fn insert(batch: &mut Batch<'_>, import: i64, ranges: &[&Range]) -> Result<(), StoreError> {
    if ranges.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = ranges.iter().map(|r| (&r.key, r.start, r.position, r.stop, r.items)).collect();
    sqlx::query(
        "INSERT INTO deferred (import_id, key, start, position, stop, items)
         SELECT $1, value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($2)",
    )
    .bind(import)
    .bind(json(&rows)?)
    .execute(&mut *batch.conn)
    .await?;
    Ok(())
}

pub(in crate::store) const EXISTING: &str = "SELECT subject FROM current
    WHERE kind = $1 AND subject IN (SELECT value FROM jsonb_each($2))";

/// The subjects of items that are to be skipped, because they exist.
async fn skip(batch: &mut Batch<'_>, import: i64, entries: &[Entry<'_>]) -> Result<BTreeSet<String>, StoreError> {
    let wanted = batch.view.imports.get(&import).map(|standing| standing.existing);
    let (Some(Existing::Skip), Some(first)) = (wanted, entries.first()) else { return Ok(BTreeSet::new()) };
    let subjects: Vec<&str> = entries.iter().map(|entry| entry.job.about.subject.as_str()).collect();
    let found = sqlx::query(EXISTING).bind(&first.job.kind).bind(json(&subjects)?).fetch_all(&mut *batch.conn).await?;
    Ok(found.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
}
