//! What is particular to SQLite: how the file is opened, upgraded and refused.
//!
//! WAL, `synchronous=FULL` (a commit is on the disk when it is answered), no
//! memory mapping, foreign databases refused by `application_id`. A newer schema
//! is refused; an older one is copied to `state/backups` (`VACUUM INTO`, checked)
//! before it is migrated.

use super::view::View;
use super::{Store, StoreError, writer};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// Read-only connections of the pool.
const READERS: u32 = 4;

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("mmap_size", "0")
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

impl Store {
    /// Open the database of a project, making or upgrading it.
    ///
    /// # Errors
    /// The file cannot be opened, is newer than this program, or the upgrade
    /// failed (the backup is then beside it).
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let mut conn = options(file).create_if_missing(true).connect().await?;
        upgrade(&mut conn, file).await?;
        let view = View::load(&mut conn).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options(file).read_only(true).pragma("query_only", "1"));
        let (ops, pulse) = writer::start(conn, view);
        Ok(Self { ops, pulse, readers })
    }
}

/// The newest schema version that this program knows.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

/// The schema version of an open database; 0 when it is empty.
async fn version(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let known = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if sqlx::query(known).fetch_one(&mut *conn).await?.try_get::<i64, _>(0)? == 0 {
        return Ok(0);
    }
    sqlx::query("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(conn).await?.try_get(0)
}

async fn upgrade(conn: &mut SqliteConnection, file: &Path) -> Result<(), StoreError> {
    let (found, known) = (version(conn).await?, newest());
    if found > known {
        return Err(StoreError::Newer { path: file.to_owned(), found, known });
    }
    if found != 0 && found < known {
        back_up(conn, file, found).await?;
    }
    if found < known {
        MIGRATIONS.run_direct(None, conn, false).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    }
    Ok(())
}

async fn back_up(conn: &mut SqliteConnection, file: &Path, version: i64) -> Result<PathBuf, StoreError> {
    let folder = file.with_file_name("backups");
    std::fs::create_dir_all(&folder).map_err(|error| StoreError::Io {
        doing: "make folder",
        path: folder.clone(),
        cause: error.to_string(),
    })?;
    let copy = folder.join(format!("capstan-v{version}.db"));
    // A copy of the same version is from an upgrade that did not finish.
    let _ = std::fs::remove_file(&copy);
    sqlx::query("VACUUM INTO $1").bind(copy.to_string_lossy().into_owned()).execute(conn).await?;
    let mut check = options(&copy).read_only(true).journal_mode(SqliteJournalMode::Delete).connect().await?;
    let verdict: String = sqlx::query("PRAGMA integrity_check").fetch_one(&mut check).await?.try_get(0)?;
    check.close().await?;
    if verdict == "ok" { Ok(copy) } else { Err(StoreError::Corrupt(format!("backup {}: {verdict}", copy.display()))) }
}
