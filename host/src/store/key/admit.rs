//! Letting jobs in by their concurrency keys.
//!
//! A new job is let in at once where its key has room and nobody waits. Whatever else
//! would make a job with a key ready parks it, and notes what that moves; once a batch,
//! before its claims, the keys that may let somebody in are looked at, and let in as many
//! as [`Key::admits`] says. So after each batch nobody waits who could come in by what
//! the batch did, and a key of which nothing made room is not looked at
//! ([`Moves::makes_room`]): a claim costs the row of its key no read.

use crate::rules::job::Wait;
use crate::rules::key::{Key, Moves, rest_after_start};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use crate::store::StoreError;
use crate::store::batch::{Batch, Queued, json, parse};
use crate::store::job::NewJob;
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};

/// What a batch knows of keys.
#[derive(Debug, Default)]
pub(in crate::store) struct Keys {
    /// What it moves.
    pub(in crate::store) moves: BTreeMap<String, Moves>,
    /// What it found on record, which is there until the moves are written.
    pub(in crate::store) found: BTreeMap<String, Key>,
    /// Those that are looked at, whatever is moved.
    asked: BTreeSet<String>,
}

impl Keys {
    /// A key is to be looked at.
    pub(in crate::store) fn ask(&mut self, name: &str) {
        self.asked.insert(name.to_owned());
    }

    /// A key as it is with what was moved.
    fn now(&self, name: &str) -> Key {
        let moves = self.moves.get(name).copied().unwrap_or_default();
        self.found.get(name).copied().unwrap_or_default().after(moves)
    }
}

/// Read these keys, unless they are known.
async fn find<'n>(batch: &mut Batch<'_>, names: impl IntoIterator<Item = &'n str>) -> Result<(), StoreError> {
    let new: BTreeSet<&str> = names.into_iter().filter(|name| !batch.keys.found.contains_key(*name)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let known = sqlx::query(LOAD).bind(json(&new)?).fetch_all(&mut *batch.conn).await?;
    batch.keys.found.extend(new.into_iter().map(|name| (name.to_owned(), Key::default())));
    for row in &known {
        let (name, idle, running, waiting, next_at) = parse(row.try_get(0)?)?;
        batch.keys.found.insert(name, Key { idle, running, waiting, next_at });
    }
    Ok(())
}

/// Which of these new jobs, by their place, are let in at once: nobody waits for their
/// key, and it has room; of those that share one, the most urgent ones. Jobs of an
/// import that rests are not.
pub(in crate::store) async fn at_once(batch: &mut Batch<'_>, jobs: &[&NewJob]) -> Result<BTreeSet<usize>, StoreError> {
    let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        let rests = job.item.is_some_and(|(import, _)| batch.view.rests(import));
        if let Some(key) = job.key.as_deref().filter(|_| job.run_at <= job.now && !rests) {
            by_key.entry(key).or_default().push(at);
        }
    }
    find(batch, by_key.keys().copied()).await?;
    let mut let_in = BTreeSet::new();
    for (name, mut places) in by_key {
        let key = batch.keys.now(name);
        if key.waiting == 0 {
            let line = Key { waiting: places.len() as u64, ..key };
            let now = jobs.get(places[0]).map_or_else(|| batch.now(), |job| job.now);
            let admits = usize::try_from(line.admits(batch.view.pace(name), now)).unwrap_or(usize::MAX);
            places.sort_by_key(|at| jobs[*at].priority);
            let_in.extend(places.into_iter().take(admits));
        }
    }
    Ok(let_in)
}

pub(in crate::store) const DUE: &str =
    "UPDATE key SET next_at = 0 WHERE waiting > 0 AND next_at > 0 AND next_at <= $1 RETURNING name";
pub(in crate::store) const NEXT: &str = "SELECT min(next_at) FROM key WHERE waiting > 0 AND next_at > 0";
pub(in crate::store) const ALL: &str = "SELECT name FROM key WHERE waiting > 0";
pub(in crate::store) const LOAD: &str = "SELECT json_array(name, idle, running, waiting, next_at) FROM key
    WHERE name IN (SELECT value FROM jsonb_each($1))";

/// Let in those who have room, of every key of which this batch made room and of those
/// whose rest is over.
pub(in crate::store) async fn release(batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
    let mut names = std::mem::take(&mut batch.keys.asked);
    let makes_room = |(name, moves): &(&String, &Moves)| moves.makes_room(batch.view.pace(name));
    names.extend(batch.keys.moves.iter().filter(makes_room).map(|(name, _)| name.clone()));
    if batch.view.next_key.is_some_and(|next| next <= now) {
        names.extend(due(batch, now).await?);
    }
    find(batch, names.iter().map(String::as_str)).await?;
    let mut wanted: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for name in &names {
        let key = batch.keys.now(name);
        let admits = key.admits(batch.view.pace(name), now);
        if admits > 0 {
            wanted.entry(admits).or_default().push(name);
        } else if key.waiting > 0 && key.rests(now) {
            batch.view.key_rests(key.next_at);
        }
    }
    for (many, names) in &wanted {
        admit(batch, names, *many, now).await?;
    }
    Ok(())
}

/// The keys whose rest is over, or all of them.
async fn due(batch: &mut Batch<'_>, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let everybody = batch.view.next_key == Some(Timestamp(0));
    let mut names = Vec::new();
    for row in sqlx::query(DUE).bind(now.0).fetch_all(&mut *batch.conn).await? {
        names.push(row.try_get(0)?);
    }
    if everybody {
        for row in sqlx::query(ALL).fetch_all(&mut *batch.conn).await? {
            names.push(row.try_get(0)?);
        }
    }
    let next = sqlx::query(NEXT).fetch_one(&mut *batch.conn).await?;
    batch.view.next_key = next.try_get::<Option<i64>, _>(0)?.map(Timestamp);
    Ok(names)
}

pub(in crate::store) const ADMIT: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT next.value FROM jsonb_each($1) AS wanted, json_each((
            SELECT json_group_array(id) FROM (
                SELECT id FROM job WHERE wait = 'key' AND key = wanted.value ORDER BY priority, id LIMIT $2))) AS next)
    RETURNING json_array(key, queue, kind, coalesce(import_id, 0), priority)";

/// The same past the jobs of imports that rest.
pub(in crate::store) const ADMIT_PAST: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT next.value FROM jsonb_each($1) AS wanted, json_each((
            SELECT json_group_array(id) FROM (
                SELECT id FROM job WHERE wait = 'key' AND key = wanted.value
                    AND coalesce(import_id, 0) NOT IN (SELECT value FROM jsonb_each($3))
                ORDER BY priority, id LIMIT $2))) AS next)
    RETURNING json_array(key, queue, kind, coalesce(import_id, 0), priority)";

/// Let in so many of each of these keys.
async fn admit(batch: &mut Batch<'_>, names: &[&str], many: u64, now: Timestamp) -> Result<(), StoreError> {
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    let resting = batch.view.resting_imports();
    let query = sqlx::query(if resting.is_empty() { ADMIT } else { ADMIT_PAST }).bind(json(&names)?).bind(many);
    let query = if resting.is_empty() { query } else { query.bind(json(&resting)?) };
    let rows = query.fetch_all(&mut *batch.conn).await?;
    for row in &rows {
        let (key, queue, kind, import, priority): (String, String, String, i64, i64) = parse(row.try_get(0)?)?;
        let moves = batch.key(&key);
        moves.waiting -= 1;
        moves.idle += 1;
        batch.view.made_ready(Lane { queue: queue.into(), kind: kind.into(), import, priority }, now);
    }
    Ok(())
}

pub(in crate::store) const SEND_BACK: &str = "UPDATE job SET wait = 'key'
    WHERE wait = 'ready' AND queue = $1 AND kind = $2 AND import_id = $3 AND priority = $4 AND key IS NOT NULL
    RETURNING key";

/// An import rests: those of its jobs that were let in make room for others.
pub(in crate::store) async fn send_back(batch: &mut Batch<'_>, import: i64) -> Result<(), StoreError> {
    let lanes: Vec<Lane> = batch.view.lanes.keys().filter(|lane| lane.import == import).cloned().collect();
    for lane in lanes {
        let query = sqlx::query(SEND_BACK).bind(lane.queue.to_string()).bind(lane.kind.to_string());
        let sent = query.bind(import).bind(lane.priority).fetch_all(&mut *batch.conn).await?;
        for row in &sent {
            let key: String = row.try_get(0)?;
            batch.leave(Wait::Ready, &lane, Some(&key));
            let job = Queued { lane: lane.clone(), key: Some(&key), deadline: None };
            batch.enter(Wait::Key, job, batch.now());
        }
    }
    Ok(())
}

pub(in crate::store) const OF_IMPORT: &str =
    "SELECT DISTINCT key FROM job INDEXED BY job_behind_key WHERE wait = 'key' AND import_id = $1";

/// An import goes on: the keys that its jobs wait for are looked at.
pub(in crate::store) async fn look_for(batch: &mut Batch<'_>, import: i64) -> Result<(), StoreError> {
    for row in sqlx::query(OF_IMPORT).bind(import).fetch_all(&mut *batch.conn).await? {
        batch.keys.ask(row.try_get(0)?);
    }
    Ok(())
}

/// An admitted job of a key begins.
pub(in crate::store) fn started(batch: &mut Batch<'_>, name: &str, now: Timestamp) {
    let rest = rest_after_start(batch.view.pace(name), now);
    let moves = batch.key(name);
    moves.idle -= 1;
    moves.running += 1;
    moves.rest = moves.rest.max(rest);
    if rest > now {
        // Somebody may wait; it rings for nothing if nobody does.
        batch.view.key_rests(rest);
    }
}

pub(in crate::store) const WRITE: &str = "INSERT INTO key (name, idle, running, waiting, next_at)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($6) WHERE true
    ON CONFLICT (name) DO UPDATE SET idle = idle + excluded.idle, running = running + excluded.running,
       waiting = waiting + excluded.waiting, next_at = max(next_at, excluded.next_at)";

/// What is written of a key.
pub(in crate::store) type Written<'a> = (&'a str, i64, i64, i64, Timestamp);

/// What is written of the keys that were moved.
pub(in crate::store) fn rows(moved: &BTreeMap<String, Moves>) -> Vec<Written<'_>> {
    let moved = moved.iter().filter(|(_, moves)| **moves != Moves::default());
    moved.map(|(name, m)| (name.as_str(), m.idle, m.running, m.waiting, m.rest)).collect()
}
