//! Concurrency keys: parking their jobs, and letting in those that have room.
//!
//! Whatever would make a job with a key ready parks it instead, and notes what that
//! moves; once a batch, before its claims, the keys that were moved let in as many as
//! [`Key::admits`] says. A batch without such jobs does nothing here.

use super::batch::{Batch, Queued, json, parse};
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::job::Wait;
use crate::rules::key::{self, Key, Pace, Set, rest_after_start};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};

/// What a batch moves of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moves {
    pub(super) idle: i64,
    pub(super) running: i64,
    pub(super) waiting: i64,
    /// It rests until then; zero when nobody said so.
    pub(super) rest: Timestamp,
}

/// What an operator does to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Another pace: what is named of it.
    Set(Set),
    /// The pace of the configuration again.
    Reset,
    /// It rests no longer.
    Release,
}

/// A key as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its name.
    pub name: String,
    /// Jobs that were let in and have not begun.
    pub idle: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that wait for it.
    pub waiting: u64,
    /// It lets nobody in before this time (ms); none when it does not rest.
    pub next_at: Option<Timestamp>,
    /// What was set by an operator.
    pub set: Set,
    /// What holds: what was set, and the rest from the configuration.
    pub pace: Pace,
}

impl Store {
    /// Change a key.
    ///
    /// # Errors
    /// The database said no.
    pub async fn change_key(&self, name: String, change: KeyChange, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::Key { name, change, now }).await.map(|_| ())
    }

    /// A page of the keys that have open jobs, rest, or were set, by name.
    ///
    /// # Errors
    /// The database said no.
    pub async fn keys(
        &self,
        configured: &key::Configured,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let query = sqlx::query(
            "SELECT name, idle, running, waiting, next_at, own FROM key
             WHERE name > $1 AND (idle + running + waiting > 0 OR next_at > $2 OR own <> '{}')
             ORDER BY name LIMIT $3",
        );
        let rows = query.bind(after.unwrap_or("")).bind(now.0).bind(i64::from(limit)).fetch_all(self.readers()).await?;
        rows.iter().map(|row| of(row, configured, now)).collect()
    }

    /// One key; none when no job ever had it and nothing was set for it.
    ///
    /// # Errors
    /// The database said no.
    pub async fn key(
        &self,
        configured: &key::Configured,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<KeyRow>, StoreError> {
        let query = sqlx::query("SELECT name, idle, running, waiting, next_at, own FROM key WHERE name = $1");
        let row = query.bind(name).fetch_optional(self.readers()).await?;
        row.map(|row| of(&row, configured, now)).transpose()
    }
}

fn of(row: &sqlx::sqlite::SqliteRow, configured: &key::Configured, now: Timestamp) -> Result<KeyRow, StoreError> {
    let (name, set): (String, Set) = (row.try_get(0)?, parse(row.try_get(5)?)?);
    let next_at = Timestamp(row.try_get(4)?);
    Ok(KeyRow {
        idle: row.try_get(1)?,
        running: row.try_get(2)?,
        waiting: row.try_get(3)?,
        next_at: (next_at > now).then_some(next_at),
        set,
        pace: set.over(configured.of(&name)),
        name,
    })
}

/// Change a key; who may come in does so in the same batch.
pub(super) async fn change(
    batch: &mut Batch<'_>,
    name: &str,
    change: &KeyChange,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    batch.at(now);
    let mut set = batch.view.key_sets.get(name).copied().unwrap_or_default();
    match change {
        KeyChange::Set(new) => {
            set.limit = new.limit.or(set.limit);
            set.min_interval = new.min_interval.or(set.min_interval);
        }
        KeyChange::Reset => set = Set::default(),
        KeyChange::Release => {
            let release = sqlx::query("UPDATE key SET next_at = 0 WHERE name = $1").bind(name);
            release.execute(&mut *batch.conn).await?;
        }
    }
    if *change != KeyChange::Release {
        sqlx::query("INSERT INTO key (name, own) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET own = excluded.own")
            .bind(name)
            .bind(json(&set)?)
            .execute(&mut *batch.conn)
            .await?;
    }
    if set == Set::default() {
        batch.view.key_sets.remove(name);
    } else {
        batch.view.key_sets.insert(name.to_owned(), set);
    }
    batch.key(name);
    Ok(Reply::Done)
}

pub(super) const DUE: &str =
    "UPDATE key SET next_at = 0 WHERE waiting > 0 AND next_at > 0 AND next_at <= $1 RETURNING name";
pub(super) const NEXT: &str = "SELECT min(next_at) FROM key WHERE waiting > 0 AND next_at > 0";
pub(super) const ALL: &str = "SELECT name FROM key WHERE waiting > 0";
pub(super) const LOAD: &str = "SELECT name, idle, running, waiting, next_at FROM key
    WHERE name IN (SELECT value FROM jsonb_each($1))";

/// Let in those who have room, of every key that this batch moved and of those whose
/// rest is over.
pub(super) async fn release(batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
    let mut names: BTreeSet<String> = batch.moved_keys();
    if batch.view.next_key.is_some_and(|next| next <= now) {
        names.extend(due(batch, now).await?);
    }
    if names.is_empty() {
        return Ok(());
    }
    let mut keys: BTreeMap<String, Key> = names.into_iter().map(|name| (name, Key::default())).collect();
    let known = sqlx::query(LOAD).bind(json(&keys.keys().collect::<Vec<_>>())?).fetch_all(&mut *batch.conn).await?;
    for row in &known {
        let next_at = Timestamp(row.try_get(4)?);
        let (idle, running, waiting) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        keys.insert(row.try_get(0)?, Key { idle, running, waiting, next_at });
    }
    let mut wanted: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (name, key) in &mut keys {
        let moves = *batch.key(name);
        key.idle = key.idle.saturating_add_signed(moves.idle);
        key.running = key.running.saturating_add_signed(moves.running);
        key.waiting = key.waiting.saturating_add_signed(moves.waiting);
        key.next_at = key.next_at.max(moves.rest);
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

pub(super) const ADMIT: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT next.value FROM jsonb_each($1) AS wanted, json_each((
            SELECT json_group_array(id) FROM (
                SELECT id FROM job WHERE wait = 'key' AND key = wanted.value ORDER BY priority, id LIMIT $2))) AS next)
    RETURNING json_array(key, queue, kind, coalesce(import_id, 0), priority)";

/// The same past the jobs of imports that rest.
pub(super) const ADMIT_PAST: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
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

pub(super) const SEND_BACK: &str = "UPDATE job SET wait = 'key'
    WHERE wait = 'ready' AND queue = $1 AND kind = $2 AND import_id = $3 AND priority = $4 AND key IS NOT NULL
    RETURNING key";

/// An import rests: those of its jobs that were let in make room for others.
pub(super) async fn send_back(batch: &mut Batch<'_>, import: i64) -> Result<(), StoreError> {
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

pub(super) const OF_IMPORT: &str =
    "SELECT DISTINCT key FROM job INDEXED BY job_behind_key WHERE wait = 'key' AND import_id = $1";

/// An import goes on: the keys that its jobs wait for are looked at.
pub(super) async fn look_for(batch: &mut Batch<'_>, import: i64) -> Result<(), StoreError> {
    for row in sqlx::query(OF_IMPORT).bind(import).fetch_all(&mut *batch.conn).await? {
        batch.key(row.try_get(0)?);
    }
    Ok(())
}

/// An admitted job of a key begins.
pub(super) fn started(batch: &mut Batch<'_>, name: &str, now: Timestamp) {
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

pub(super) const WRITE: &str = "INSERT INTO key (name, idle, running, waiting, next_at)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($1) WHERE true
    ON CONFLICT (name) DO UPDATE SET idle = idle + excluded.idle, running = running + excluded.running,
       waiting = waiting + excluded.waiting, next_at = max(next_at, excluded.next_at)";

/// Write what was moved.
pub(super) async fn write(batch: &mut Batch<'_>, moved: &BTreeMap<String, Moves>) -> Result<(), StoreError> {
    let rows: Vec<_> = moved
        .iter()
        .filter(|(_, moves)| **moves != Moves::default())
        .map(|(name, m)| (name, m.idle, m.running, m.waiting, m.rest))
        .collect();
    if !rows.is_empty() {
        sqlx::query(WRITE).bind(json(&rows)?).execute(&mut *batch.conn).await?;
    }
    Ok(())
}
