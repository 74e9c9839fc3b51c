//! What was seen already, kept on the disk: for lists that are longer than memory.
//!
//! A set of hashes in a database file of its own, which is made for one list and thrown
//! away. Nothing of it needs to survive: it is written without journal and without
//! fsync. What it cannot promise: to tell two keys apart whose first 128 bits of SHA-256
//! are the same.

use super::StoreError;
use super::batch::json;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What was seen already.
#[derive(Debug)]
pub struct Seen {
    conn: SqliteConnection,
    path: PathBuf,
}

/// Bytes of hashes that are held in memory: 16 MiB, as a negative number of KiB.
const CACHE: &str = "-16384";

impl Seen {
    /// Nothing yet. Whatever lies at `path` is thrown away.
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn new(path: &Path) -> Result<Self, StoreError> {
        remove(path);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .pragma("locking_mode", "exclusive")
            .pragma("cache_size", CACHE)
            .disable_statement_logging();
        let mut conn = options.connect().await?;
        sqlx::query("CREATE TABLE seen (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID").execute(&mut conn).await?;
        Ok(Self { conn, path: path.to_owned() })
    }

    /// Which of these are seen for the first time, in their order; of two that are the
    /// same, the first.
    ///
    /// # Errors
    /// The disk said no.
    pub async fn are_new<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) -> Result<Vec<bool>, StoreError> {
        let hashes: Vec<String> = keys.into_iter().map(hash).collect();
        let new = sqlx::query(
            "INSERT INTO seen SELECT value FROM jsonb_each($1) WHERE true ON CONFLICT DO NOTHING RETURNING hash",
        );
        let new = new.bind(json(&hashes)?).fetch_all(&mut self.conn).await?;
        let mut new = new.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<String>, _>>()?;
        Ok(hashes.iter().map(|hash| new.remove(hash)).collect())
    }

    /// Throw it away.
    pub async fn forget(self) {
        // It is a file that nobody reads again, whatever closing it says.
        let _ = self.conn.close().await;
        remove(&self.path);
    }
}

fn hash(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn remove(path: &Path) {
    // It may not be there.
    let _ = std::fs::remove_file(path);
}
