//! Concurrency keys as people see and set them; who may come in is in [`admit`].

pub(super) mod admit;

use super::batch::{Batch, json, parse};
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::key::{self, Pace, Set};
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;

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
            batch.keys.found.remove(name);
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
    batch.keys.ask(name);
    Ok(Reply::Done)
}
