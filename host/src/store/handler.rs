//! Handlers: the components on record, and which one does a kind.

use super::batch::json;
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection};

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
    /// `ready`, …
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
}

impl Store {
    /// Put a component on record and route its kinds to it.
    ///
    /// # Errors
    /// The database said no.
    pub async fn add_handler(&self, new: NewHandler) -> Result<(), StoreError> {
        self.send(Op::Handler(new)).await.map(|_| ())
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
        Ok(sqlx::query_as("SELECT kind, digest FROM route ORDER BY kind").fetch_all(self.readers()).await?)
    }
}

pub(super) async fn insert(conn: &mut SqliteConnection, new: &NewHandler) -> Result<Reply, StoreError> {
    sqlx::query(
        "INSERT INTO handler (digest, name, version, description, origin, state, bytes, added_at)
         VALUES ($1, $2, $3, $4, $5, 'ready', $6, $7)
         ON CONFLICT (digest) DO UPDATE SET state = 'ready', description = excluded.description",
    )
    .bind(&new.digest)
    .bind(&new.name)
    .bind(&new.version)
    .bind(&new.description)
    .bind(new.origin)
    .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
    .bind(new.now.0)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO route (kind, digest, changed_at) SELECT value, $2, $3 FROM jsonb_each($1) WHERE true
         ON CONFLICT (kind) DO UPDATE SET previous = digest, digest = excluded.digest, changed_at = excluded.changed_at
         WHERE digest <> excluded.digest",
    )
    .bind(json(&new.kinds)?)
    .bind(&new.digest)
    .bind(new.now.0)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT OR IGNORE INTO queue (name) SELECT value FROM jsonb_each($1)")
        .bind(json(&new.kinds)?)
        .execute(conn)
        .await?;
    Ok(Reply::Done)
}
