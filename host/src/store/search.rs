//! The index of the library: a database of its own, made from what handlers published, and made anew at will.
//!
//! `state/search.db` holds documents, their passages, an inverted index of the words (FTS5, without a copy of the
//! text) and the vectors. Nothing in it is the only copy of anything, so commits are not waited for, only the moments in
//! which the log is put into the file (`synchronous = NORMAL`): after a power cut the last commits may be missing, and are
//! folded again, because how far it is (`Position`) is written with what it says.
//! A file that is no such index or of another version is thrown away. What this cannot promise: to notice every damage;
//! making it anew is one command.
//!
//! `feed` reads from the project's database what is new, `fold` writes it here, `find` looks things up.

pub mod feed;
pub mod find;
pub mod fold;

use super::StoreError;
use feed::Position;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor, Row, SqlitePool};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// The form of the file: another number makes it anew.
const VERSION: i64 = 2;
/// Read-only connections of the pool.
const READERS: u32 = 2;

const SCHEMA: &str = "
CREATE TABLE position (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    upto  INTEGER NOT NULL,
    open  TEXT NOT NULL,                    -- JSON array of leases
    kinds TEXT NOT NULL                     -- JSON array: whose generations these are
) STRICT;
INSERT INTO position VALUES (1, 0, '[]', '[]');
CREATE TABLE document (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    subject  TEXT NOT NULL UNIQUE,
    source   TEXT NOT NULL,
    title    TEXT NOT NULL DEFAULT '',
    url      TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    tags     TEXT NOT NULL DEFAULT '[]',    -- JSON array
    entry    INTEGER,                       -- the generation that its passages are from
    vectors  INTEGER,                       -- the generation that its vectors are from
    model    INTEGER                        -- what made those
) STRICT;
CREATE TABLE passage (
    id       INTEGER PRIMARY KEY,
    document INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    stop     INTEGER NOT NULL,
    heading  TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX passage_of ON passage (document, start);
CREATE VIRTUAL TABLE word USING fts5(title, heading, text, content='', contentless_delete=1,
                                     tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE page USING fts5(title, heading, text, content='', contentless_delete=1,
                                     tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(word, row);
CREATE TABLE model (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL) STRICT;
CREATE TABLE vector (
    document INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    scale    REAL NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (document, start)
) STRICT, WITHOUT ROWID;
";

/// The index of a project.
#[derive(Debug)]
pub struct Index {
    file: PathBuf,
    writer: Mutex<SqliteConnection>,
    /// Brings words into the form that the index has them in.
    stemmer: Mutex<SqliteConnection>,
    readers: RwLock<SqlitePool>,
}

/// How much there is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Size {
    /// Documents that can be found by words.
    pub documents: i64,
    /// Their passages.
    pub passages: i64,
    /// Vectors of passages.
    pub vectors: i64,
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .pragma("mmap_size", "0")
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

impl Index {
    /// Open the index, making it anew if it cannot be used.
    ///
    /// # Errors
    /// The file can neither be used nor made.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let conn = match usable(file).await {
            Ok(conn) => conn,
            Err(why) => {
                if file.exists() {
                    tracing::warn!(%why, "the search index is made anew");
                }
                make(file).await?
            }
        };
        let stemmer = Mutex::new(find::stemmer().await?);
        Ok(Self { file: file.to_owned(), writer: Mutex::new(conn), stemmer, readers: RwLock::new(readers(file)) })
    }

    /// Throw the file away, damaged or not; everything is folded again from the beginning.
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let mut conn = self.writer.lock().await;
        let fresh = readers(&self.file);
        let old = std::mem::replace(&mut *self.readers.write().unwrap_or_else(PoisonError::into_inner), fresh);
        old.close().await;
        *conn = make(&self.file).await?;
        Ok(())
    }

    /// Close the readers, and put what was written into the file itself.
    pub async fn close(&self) {
        self.readers().close().await;
        let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut *self.writer.lock().await).await;
        if let Err(error) = folded {
            tracing::warn!(%error, "closing the search index");
        }
    }

    fn readers(&self) -> SqlitePool {
        self.readers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far it is.
    ///
    /// # Errors
    /// The database said no.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let row = sqlx::query("SELECT upto, open, kinds FROM position").fetch_one(&self.readers()).await?;
        let (open, kinds) = (super::batch::parse(row.try_get(1)?)?, super::batch::parse(row.try_get(2)?)?);
        Ok(Position { upto: row.try_get(0)?, open, kinds })
    }

    /// How much there is in it.
    ///
    /// # Errors
    /// The database said no.
    pub async fn size(&self) -> Result<Size, StoreError> {
        let count = "SELECT (SELECT count(DISTINCT document) FROM passage), (SELECT count(*) FROM passage),
            (SELECT count(*) FROM vector)";
        let row = sqlx::query(count).fetch_one(&self.readers()).await?;
        Ok(Size { documents: row.try_get(0)?, passages: row.try_get(1)?, vectors: row.try_get(2)? })
    }
}

fn readers(file: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_lazy_with(options(file).read_only(true).pragma("query_only", "1"))
}

/// An index that can be used as it is.
async fn usable(file: &Path) -> Result<SqliteConnection, StoreError> {
    let mut conn = options(file).connect().await?;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut conn).await?.try_get(0)?;
    if version != VERSION {
        return Err(StoreError::Corrupt(format!("search index of version {version}, not {VERSION}")));
    }
    Ok(conn)
}

async fn make(file: &Path) -> Result<SqliteConnection, StoreError> {
    for ending in ["", "-wal", "-shm"] {
        let mut part = file.as_os_str().to_owned();
        part.push(ending);
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io { doing: "remove", path: part.into(), cause: error.to_string() });
            }
            _ => {}
        }
    }
    let mut conn = options(file).create_if_missing(true).connect().await?;
    conn.execute(SCHEMA).await?;
    let mark = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {VERSION}"));
    sqlx::query(mark).execute(&mut conn).await?;
    Ok(conn)
}
