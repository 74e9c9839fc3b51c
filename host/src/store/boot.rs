//! Boots: each time a process held the project's lock.

use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::time::Timestamp;
use sqlx::{Row, SqliteConnection};

/// A process that took the lock.
#[derive(Debug, Clone)]
pub struct NewBoot {
    /// The project's host id.
    pub host: String,
    /// The kernel's boot id.
    pub machine: String,
    /// Its process id.
    pub pid: u32,
    /// The version of capstan.
    pub version: &'static str,
    /// Now.
    pub now: Timestamp,
}

/// The boot before this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBoot {
    /// Its number.
    pub id: i64,
    /// The kernel's boot id then.
    pub machine: String,
    /// When it said that it ended cleanly.
    pub stopped_at: Option<Timestamp>,
}

impl Store {
    /// Record that a process took the lock; the boot's number.
    ///
    /// # Errors
    /// The database said no.
    pub async fn boot(&self, new: NewBoot) -> Result<i64, StoreError> {
        match self.send(Op::Boot(new)).await? {
            Reply::Id(id) => Ok(id),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Record that it ends cleanly.
    ///
    /// # Errors
    /// The database said no.
    pub async fn stop(&self, boot: i64, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::Stop { boot, now }).await.map(|_| ())
    }

    /// The newest boot on record.
    ///
    /// # Errors
    /// The database said no.
    pub async fn last_boot(&self) -> Result<Option<LastBoot>, StoreError> {
        let row = sqlx::query("SELECT id, machine, stopped_at FROM boot ORDER BY id DESC LIMIT 1");
        let Some(row) = row.fetch_optional(self.readers()).await? else { return Ok(None) };
        Ok(Some(LastBoot {
            id: row.try_get(0)?,
            machine: row.try_get(1)?,
            stopped_at: row.try_get::<Option<i64>, _>(2)?.map(Timestamp),
        }))
    }
}

pub(super) async fn insert(conn: &mut SqliteConnection, new: &NewBoot) -> Result<i64, StoreError> {
    sqlx::query("INSERT OR IGNORE INTO host (id, created_at) VALUES ($1, $2)")
        .bind(&new.host)
        .bind(new.now.0)
        .execute(&mut *conn)
        .await?;
    let row = sqlx::query(
        "INSERT INTO boot (host_id, machine, pid, version, started_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(&new.host)
    .bind(&new.machine)
    .bind(new.pid)
    .bind(new.version)
    .bind(new.now.0)
    .fetch_one(conn)
    .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn stop(conn: &mut SqliteConnection, boot: i64, now: Timestamp) -> Result<Reply, StoreError> {
    sqlx::query("UPDATE boot SET stopped_at = $2 WHERE id = $1").bind(boot).bind(now.0).execute(conn).await?;
    Ok(Reply::Done)
}
