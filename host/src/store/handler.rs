//! Handlers: the components on record, and which one does a kind.
//!
//! A change of routes is one transaction, carries its time, and leaves behind what
//! was before it: `route.previous`, where a rollback goes. Which kinds have a
//! disabled handler is known to the writer ([`super::view`]), so a claim leaves
//! them out without asking.

use super::batch::{Batch, json};
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row};
use std::collections::BTreeMap;

/// A component that was checked and is to be used from now on.
#[derive(Debug, Clone)]
pub struct NewHandler {
    /// SHA-256 of the component in lower-case hex.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What `describe` said.
    pub description: String,
    /// `bundled` or `added`.
    pub origin: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The kinds that it does from now on.
    pub kinds: Vec<String>,
    /// Whether it may be used.
    pub standing: Standing,
    /// Now.
    pub now: Timestamp,
}

/// A component on record.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, FromRow)]
pub struct HandlerRow {
    /// SHA-256 of the component in lower-case hex.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What `describe` said.
    pub description: String,
    /// `bundled` or `added`.
    pub origin: String,
    /// `ready`, `disabled` or `broken`.
    pub state: String,
    /// Its size in bytes.
    pub bytes: i64,
    /// When it was added (ms).
    pub added_at: i64,
}

/// Which handler does a kind.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, FromRow)]
pub struct RouteRow {
    /// The kind.
    pub kind: String,
    /// The handler's digest.
    pub digest: String,
    /// The digest that did it before, to which a rollback returns.
    pub previous: Option<String>,
    /// Since when the handler does it (ms).
    pub changed_at: i64,
}

/// Whether a component on record may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Ready,
    /// An operator said no: jobs of its kinds stay queued.
    Disabled,
    /// It cannot be loaded.
    Broken,
}

impl Standing {
    /// The word in the column `state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Disabled => "disabled",
            Self::Broken => "broken",
        }
    }
}

impl Store {
    /// Put a component on record and route its kinds to it.
    ///
    /// # Errors
    /// The database said no.
    pub async fn add_handler(&self, new: NewHandler) -> Result<(), StoreError> {
        self.send(Op::Handler(new)).await.map(|_| ())
    }

    /// Give kinds back to the handler that did each before; a kind without one is
    /// left as it is.
    ///
    /// # Errors
    /// The database said no; then nothing changed.
    pub async fn roll_back(&self, kinds: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::RollBack { kinds, now }).await.map(|_| ())
    }

    /// Say whether a component may be used.
    ///
    /// # Errors
    /// The database said no.
    pub async fn stand(&self, digest: &str, standing: Standing) -> Result<(), StoreError> {
        self.send(Op::Stand { digest: digest.to_owned(), standing }).await.map(|_| ())
    }

    /// Forget a component with its routes, unless attempts run on it: their jobs, or
    /// none when it is gone. Its attempts stay on record.
    ///
    /// # Errors
    /// The database said no; then nothing changed.
    pub async fn remove_handler(&self, digest: &str) -> Result<Vec<i64>, StoreError> {
        match self.send(Op::RemoveHandler(digest.to_owned())).await? {
            Reply::Ids(jobs) => Ok(jobs),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Every component on record, by name and age.
    ///
    /// # Errors
    /// The database said no.
    pub async fn handlers(&self) -> Result<Vec<HandlerRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM handler ORDER BY name, added_at, digest");
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// Which handler does which kind.
    ///
    /// # Errors
    /// The database said no.
    pub async fn routes(&self) -> Result<Vec<RouteRow>, StoreError> {
        let query = sqlx::query_as("SELECT kind, digest, previous, changed_at FROM route ORDER BY kind");
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// The name of the handler for which jobs of this kind wait because it is
    /// disabled.
    ///
    /// # Errors
    /// The database said no.
    pub async fn held_by(&self, kind: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query(
            "SELECT handler.name FROM route JOIN handler ON handler.digest = route.digest
             WHERE route.kind = $1 AND handler.state = 'disabled'",
        );
        let row = query.bind(kind).fetch_optional(self.readers()).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// How many jobs are queued of each kind that has any.
    ///
    /// # Errors
    /// The database said no.
    pub async fn queued(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let query = sqlx::query("SELECT kind, jobs FROM tally WHERE state = 'queued' AND jobs > 0");
        let rows = query.fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

pub(super) async fn insert(batch: &mut Batch<'_>, new: &NewHandler) -> Result<Reply, StoreError> {
    sqlx::query(
        "INSERT INTO handler (digest, name, version, description, origin, state, bytes, added_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (digest) DO UPDATE SET state = excluded.state, description = excluded.description",
    )
    .bind(&new.digest)
    .bind(&new.name)
    .bind(&new.version)
    .bind(&new.description)
    .bind(new.origin)
    .bind(new.standing.name())
    .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
    .bind(new.now.0)
    .execute(&mut *batch.conn)
    .await?;
    sqlx::query(
        "INSERT INTO route (kind, digest, changed_at) SELECT value, $2, $3 FROM jsonb_each($1) WHERE true
         ON CONFLICT (kind) DO UPDATE SET previous = digest, digest = excluded.digest, changed_at = excluded.changed_at
         WHERE digest <> excluded.digest",
    )
    .bind(json(&new.kinds)?)
    .bind(&new.digest)
    .bind(new.now.0)
    .execute(&mut *batch.conn)
    .await?;
    batch.view.hold(&mut *batch.conn).await?;
    Ok(Reply::Done)
}

pub(super) async fn roll_back(batch: &mut Batch<'_>, kinds: &[String], now: Timestamp) -> Result<Reply, StoreError> {
    sqlx::query(
        "UPDATE route SET digest = previous, previous = digest, changed_at = $2
         WHERE previous IS NOT NULL AND kind IN (SELECT value FROM jsonb_each($1))",
    )
    .bind(json(&kinds)?)
    .bind(now.0)
    .execute(&mut *batch.conn)
    .await?;
    batch.view.hold(&mut *batch.conn).await?;
    Ok(Reply::Done)
}

pub(super) async fn stand(batch: &mut Batch<'_>, digest: &str, standing: Standing) -> Result<Reply, StoreError> {
    let update = sqlx::query("UPDATE handler SET state = $2 WHERE digest = $1").bind(digest).bind(standing.name());
    update.execute(&mut *batch.conn).await?;
    batch.view.hold(&mut *batch.conn).await?;
    Ok(Reply::Done)
}

pub(super) async fn remove(batch: &mut Batch<'_>, digest: &str) -> Result<Reply, StoreError> {
    let running =
        sqlx::query("SELECT id FROM job INDEXED BY job_running WHERE state = 'running' AND digest = $1 ORDER BY id");
    let running = running.bind(digest).fetch_all(&mut *batch.conn).await?;
    if !running.is_empty() {
        let jobs = running.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?;
        return Ok(Reply::Ids(jobs));
    }
    sqlx::query("UPDATE route SET previous = NULL WHERE previous = $1").bind(digest).execute(&mut *batch.conn).await?;
    for statement in ["DELETE FROM route WHERE digest = $1", "DELETE FROM handler WHERE digest = $1"] {
        sqlx::query(statement).bind(digest).execute(&mut *batch.conn).await?;
    }
    batch.view.hold(&mut *batch.conn).await?;
    Ok(Reply::Ids(Vec::new()))
}
