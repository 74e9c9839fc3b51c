//! What is particular to SQLite: how the file is opened, upgraded and refused.
//!
//! WAL, `synchronous=FULL` (a commit is on the disk when it is answered), no
//! memory mapping, foreign databases refused by `application_id`. A newer schema
//! is refused; an older one is copied to `state/backups` (`VACUUM INTO`, checked)
//! before it is migrated.

use super::view::View;
use super::writer::{self, Place};
use super::{Store, StoreError, failure};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// What the header of a file says whose database is capstan's: `CPST`.
const APPLICATION: i64 = 0x4350_5354;

/// Rows that the driver's thread may read ahead of whoever takes them: all that a
/// batch changed, so that the two threads do not wake each other for every row.
const ROWS_AHEAD: usize = 4_096;

/// What the writer keeps of the file in memory, 16 MiB as a negative number of KiB: an
/// import of a million items goes no faster with 32.
const WRITER_CACHE: &str = "-16384";
/// What a read-only connection keeps, 2 MiB. They look at what was just written, which the
/// system has in memory.
const READERS_CACHE: &str = "-2048";
/// Read-only connections of the pool.
const READERS: u32 = 4;

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("mmap_size", "0")
        .pragma("cache_size", WRITER_CACHE)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

impl Store {
    /// Open the database of a project, making or upgrading it.
    ///
    /// # Errors
    /// The file cannot be opened, is newer than this program, or the upgrade
    /// failed (the backup is then beside it).
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        Self::on(upgraded(file).await?, file, Place::Thread).await
    }

    /// The same with the writer as a task of this runtime: on one with a single thread, what
    /// is sent before that thread waits is written in one commit. Slower beside other tasks.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_here(file: &Path) -> Result<Self, StoreError> {
        Self::on(upgraded(file).await?, file, Place::Runtime).await
    }

    /// The store that writes through this connection.
    async fn on(mut conn: SqliteConnection, file: &Path, place: Place) -> Result<Self, StoreError> {
        let view = View::load(&mut conn).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(
            options(file).read_only(true).pragma("query_only", "1").pragma("cache_size", READERS_CACHE),
        );
        let (ops, pulse, dispatching) = writer::start(conn, view, place).map_err(|cause| StoreError::Io {
            doing: "starting the writer of",
            path: file.to_owned(),
            cause: cause.to_string(),
        })?;
        Ok(Self { ops, pulse, dispatching, readers })
    }
}

async fn upgraded(file: &Path) -> Result<SqliteConnection, StoreError> {
    let mut conn = options(file).create_if_missing(true).connect().await?;
    upgrade(&mut conn, file, &MIGRATIONS).await?;
    failure::entry::fill(&mut conn).await?;
    Ok(conn)
}

/// The newest schema version that this program knows.
pub fn newest() -> i64 {
    last_of(&MIGRATIONS)
}

fn last_of(migrations: &Migrator) -> i64 {
    migrations.iter().map(|m| m.version).max().unwrap_or(0)
}

/// The schema version of an open database; 0 when it is empty.
async fn version(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let known = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if number(conn, known).await? == 0 {
        return Ok(0);
    }
    number(conn, "SELECT coalesce(max(version), 0) FROM _sqlx_migrations").await
}

async fn number(conn: &mut SqliteConnection, query: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(query).fetch_one(conn).await?.try_get(0)
}

/// Refuse a file that belongs to something else, and mark one that is empty.
async fn own(conn: &mut SqliteConnection, file: &Path) -> Result<(), StoreError> {
    let owner = number(conn, "PRAGMA application_id").await?;
    if owner == APPLICATION {
        return Ok(());
    }
    if owner != 0 || number(conn, "SELECT count(*) FROM sqlite_schema").await? != 0 {
        return Err(StoreError::Foreign { path: file.to_owned() });
    }
    let mark = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION}"));
    sqlx::query(mark).execute(conn).await?;
    Ok(())
}

async fn upgrade(conn: &mut SqliteConnection, file: &Path, migrations: &Migrator) -> Result<(), StoreError> {
    own(conn, file).await?;
    let (found, known) = (version(conn).await?, last_of(migrations));
    if found > known {
        return Err(StoreError::Newer { path: file.to_owned(), found, known });
    }
    if found != 0 && found < known {
        back_up(conn, file, found).await?;
    }
    if found < known {
        migrations.run_direct(None, conn, false).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rules::time::Timestamp;
    use crate::store::boot::NewBoot;
    use crate::store::job::{About, NewJob};
    use sqlx::migrate::{Migration, MigrationType};

    fn boot(now: i64) -> NewBoot {
        NewBoot { host: "h".into(), machine: "m".into(), pid: 1, version: "0", now: Timestamp(now) }
    }

    fn jobs(n: usize) -> Vec<NewJob> {
        let job = |n: usize| NewJob {
            kind: "k".into(),
            queue: "k".into(),
            about: About::source(format!("file:///{n}")),
            payload: "x".repeat(4_000),
            priority: 0,
            max_attempts: 5,
            run_at: Timestamp(0),
            parent: None,
            item: None,
            key: None,
            unique: None,
            deadline: None,
            now: Timestamp(0),
        };
        (0..n).map(job).collect()
    }

    /// The migrations that there are, and one more.
    fn one_more(sql: &'static str) -> Migrator {
        let mut all: Vec<Migration> = MIGRATIONS.iter().cloned().collect();
        let next =
            Migration::new(newest() + 1, "next".into(), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false);
        all.push(next);
        Migrator::with_migrations(all)
    }

    #[tokio::test]
    async fn an_upgrade_leaves_a_sound_copy_of_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        let store = Store::open(&file).await.unwrap();
        store.add(jobs(3)).await.unwrap();
        store.close().await;
        let mut conn = options(&file).connect().await.unwrap();
        upgrade(&mut conn, &file, &one_more("CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT")).await.unwrap();
        assert_eq!(version(&mut conn).await.unwrap(), newest() + 1);
        conn.close().await.unwrap();
        let copy = folder.path().join("backups").join(format!("capstan-v{}.db", newest()));
        let old = Store::open(&copy).await.unwrap();
        assert_eq!(old.stats().await.unwrap().waiting.get("ready"), Some(&3));
        assert_eq!(old.check().await.unwrap(), []);
        old.close().await;
        let refused = Store::open(&file).await.unwrap_err().to_string();
        assert!(
            refused.contains(&format!("has schema version {}, this capstan knows up to {}", newest() + 1, newest())),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_database_of_the_first_version_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        let first = Migrator::with_migrations(MIGRATIONS.iter().take(1).cloned().collect());
        let mut conn = options(&file).create_if_missing(true).connect().await.unwrap();
        upgrade(&mut conn, &file, &first).await.unwrap();
        for statement in [
            "INSERT INTO job (id, kind, queue, subject, source, title, tags, payload, priority, depth, state, wait,
                run_at, round, attempt, max_attempts, created_at)
             VALUES (1, 'k', 'k', 's', '', '', '[]', '{}', 0, 0, 'queued', 'ready', 0, 1, 0, 5, 0)",
            "INSERT INTO tally VALUES ('k', 'queued', 1)",
            "UPDATE sequence SET next = 2 WHERE name = 'job'",
        ] {
            sqlx::query(statement).execute(&mut conn).await.unwrap();
        }
        conn.close().await.unwrap();
        let store = Store::open(&file).await.unwrap();
        assert!(folder.path().join("backups/capstan-v1.db").is_file());
        assert_eq!(store.job(1).await.unwrap().unwrap().progress, None);
        assert_eq!(store.checkpoint(1).await.unwrap(), None);
        assert_eq!(store.check().await.unwrap(), []);
        store.close().await;
    }

    #[tokio::test]
    async fn a_job_is_in_one_of_the_states_that_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        let store = Store::open(&file).await.unwrap();
        store.add(jobs(1)).await.unwrap();
        store.close().await;
        let mut conn = options(&file).connect().await.unwrap();
        let verdict: String = sqlx::query("PRAGMA integrity_check").fetch_one(&mut conn).await.unwrap().get(0);
        assert_eq!(verdict, "ok");
        for wrong in ["state = 'odd', wait = NULL", "wait = 'odd'", "state = 'completed'", "wait = NULL"] {
            let update = sqlx::AssertSqlSafe(format!("UPDATE job SET {wrong}"));
            let refused = sqlx::query(update).execute(&mut conn).await.unwrap_err().to_string();
            assert!(refused.contains("CHECK constraint failed"), "{wrong}: {refused}");
        }
        for right in ["timer", "subject", "suspect", "key", "ready"] {
            let update = sqlx::AssertSqlSafe(format!("UPDATE job SET wait = '{right}'"));
            sqlx::query(update).execute(&mut conn).await.unwrap();
        }
        for right in ["completed", "failed", "cancelled"] {
            let update = sqlx::AssertSqlSafe(format!("UPDATE job SET state = '{right}', wait = NULL"));
            sqlx::query(update).execute(&mut conn).await.unwrap();
        }
        conn.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_failed_before_there_was_a_log_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        let before = Migrator::with_migrations(MIGRATIONS.iter().take(5).cloned().collect());
        let mut conn = options(&file).create_if_missing(true).connect().await.unwrap();
        upgrade(&mut conn, &file, &before).await.unwrap();
        for statement in [
            "INSERT INTO job (id, kind, queue, subject, source, title, tags, payload, priority, depth, state, run_at,
                round, attempt, max_attempts, created_at, finished_at, digest, error_class, error_message)
             SELECT value, 'k', 'k', 's' || value, '', '', '[]', '{}', 0, 0,
                    CASE value % 2 WHEN 1 THEN 'failed' ELSE 'cancelled' END, 0, 2, 1, 5, 0, 9, 'd', 'trap', 'at ' || value
             FROM json_each('[1, 2, 3]')",
            "INSERT INTO tally VALUES ('k', 'failed', 2), ('k', 'cancelled', 1)",
            "INSERT INTO attempt (lease, job_id, round, attempt, boot_id, started_at, finished_at, outcome, usage, backtrace)
             VALUES (1, 1, 1, 1, 1, 0, 1, 'trap', 'null', 'f'), (2, 1, 2, 1, 1, 0, 1, 'trap', 'null', 'g'),
                    (3, 3, 2, 1, 1, 0, 1, 'trap', 'null', 'g')",
            "UPDATE sequence SET next = 4",
        ] {
            sqlx::query(statement).execute(&mut conn).await.unwrap();
        }
        conn.close().await.unwrap();
        // Killed between the two steps, it goes on with the second one.
        let mut conn = options(&file).connect().await.unwrap();
        upgrade(&mut conn, &file, &MIGRATIONS).await.unwrap();
        conn.close().await.unwrap();
        let store = Store::open(&file).await.unwrap();
        let log = store.failures(&failure::FailureFilter::default(), None, 10).await.unwrap();
        let said: Vec<_> =
            log.iter().map(|f| (f.job_id, f.round, f.message.as_str(), f.top_frame.as_deref())).collect();
        assert_eq!(said, [(3, 2, "at 3", Some("g")), (1, 2, "at 1", Some("g"))]);
        assert!(log[0].fingerprint.len() == 12 && log[0].fingerprint == log[1].fingerprint);
        assert_eq!(store.check().await.unwrap(), []);
        store.close().await;
    }

    #[tokio::test]
    async fn an_upgrade_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        Store::open(&file).await.unwrap().close().await;
        let mut conn = options(&file).connect().await.unwrap();
        let wrong = one_more("CREATE TABLE later (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1)");
        upgrade(&mut conn, &file, &wrong).await.unwrap_err();
        assert_eq!(version(&mut conn).await.unwrap(), newest());
        conn.close().await.unwrap();
        Store::open(&file).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn a_full_disk_fails_what_does_not_fit_and_nothing_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        Store::open(&file).await.unwrap().close().await;
        // The limit counts what is there: a hundred pages are a little more than the empty schema.
        let conn = options(&file).pragma("max_page_count", "100").connect().await.unwrap();
        let store = Store::on(conn, &file, Place::Thread).await.unwrap();
        let number = store.boot(boot(1)).await.unwrap();
        let before = *store.pulse().borrow();
        let full = store.add(jobs(500)).await.unwrap_err().to_string();
        assert!(full.contains("full"), "{full}");
        assert_eq!(*store.pulse().borrow(), before);
        store.stop(number, Timestamp(2)).await.unwrap();
        store.add(jobs(1)).await.unwrap();
        assert_eq!(store.check().await.unwrap(), []);
        assert_eq!(store.pulse().borrow().ready, 1);
        store.close().await;
    }

    #[tokio::test]
    async fn a_database_that_another_holds_fails_a_batch_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capstan.db");
        Store::open(&file).await.unwrap().close().await;
        let conn = options(&file).busy_timeout(Duration::ZERO).connect().await.unwrap();
        let store = Store::on(conn, &file, Place::Thread).await.unwrap();
        let mut other = options(&file).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let held = store.add(jobs(1)).await.unwrap_err().to_string();
        assert!(held.contains("locked"), "{held}");
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        assert_eq!(store.add(jobs(1)).await.unwrap(), [1]);
        other.close().await.unwrap();
        store.close().await;
    }
}
