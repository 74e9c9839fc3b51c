//! Opening: what was closed is found again, and what is not ours or too new is refused.

use super::import::{chunk, listed};
use super::stage::{Stage, done, failed, file, job};
use capstan::rules::attempt::Class;
use capstan::rules::import::ImportState;
use capstan::rules::time::Timestamp;
use capstan::store::Store;
use capstan::store::pulse::Ends;
use capstan::store::sqlite::newest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// A connection that the store knows nothing of.
async fn beside(folder: &tempfile::TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file(folder)).create_if_missing(true).connect().await.unwrap()
}

async fn run(conn: &mut SqliteConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

#[tokio::test]
async fn everything_is_there_again_and_work_goes_on() {
    let mut stage = Stage::new().await;
    for n in 0..6 {
        stage.add("page", &format!("s{}", n / 2)).await;
    }
    let mut later = job("page", "later", stage.now);
    later.run_at = Timestamp(stage.now.0 + 9);
    stage.store.add(vec![later]).await.unwrap();
    let claimed = stage.claim(6).await;
    stage.publish(&claimed[0]).await;
    stage.settle(&claimed[1], &failed(Class::Permanent)).await;
    let (rows, stats) = (stage.rows().await, stage.store.stats().await.unwrap());
    let mut pulse = *stage.store.pulse().borrow();
    stage.reopen().await;
    (pulse.commits, pulse.ends) = (0, Ends::default());
    assert_eq!(*stage.store.pulse().borrow(), pulse);
    assert_eq!((stage.rows().await, stage.store.stats().await.unwrap()), (rows, stats));
    stage.assert_sound().await;
    assert_eq!(stage.add("page", "new").await, 8);
    stage.settle(&claimed[2], &done()).await;
    assert_eq!(stage.claim(9).await.len(), 4, "two that were woken, one that was parked behind the third, the new one");
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&file(&folder)).await.unwrap();
    store.add(vec![job("page", "x", Timestamp(1))]).await.unwrap();
    // Readers that were used hold the log open too.
    assert_eq!(store.check().await.unwrap(), []);
    store.close().await;
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["capstan.db"]);
}

#[tokio::test]
async fn a_newer_database_is_refused_by_name_and_version_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(&file(&folder)).await.unwrap().close().await;
    let mut conn = beside(&folder).await;
    run(&mut conn, format!("UPDATE _sqlx_migrations SET version = version + 1 WHERE version = {}", newest())).await;
    conn.close().await.unwrap();
    let before = std::fs::read(file(&folder)).unwrap();
    let said = Store::open(&file(&folder)).await.unwrap_err().to_string();
    let expected = format!(
        "database {} has schema version {}, this capstan knows up to {}: \
         use the newer capstan, or restore the backup in state/backups",
        file(&folder).display(),
        newest() + 1,
        newest()
    );
    assert_eq!(said, expected);
    assert_eq!(std::fs::read(file(&folder)).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    for foreign in ["CREATE TABLE notes (id INTEGER)", "PRAGMA application_id = 77"] {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = beside(&folder).await;
        run(&mut conn, foreign.to_owned()).await;
        conn.close().await.unwrap();
        let said = Store::open(&file(&folder)).await.unwrap_err().to_string();
        let path = file(&folder);
        let expected =
            format!("database {} is not capstan's: move it away, or name another project folder", path.display());
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(file(&folder), vec![b'x'; 8_192]).unwrap();
    let said = Store::open(&file(&folder)).await.unwrap_err().to_string();
    assert!(said.contains("file is not a database"), "{said}");
}

/// A hundred thousand finished jobs are in nobody's way: claims still find what
/// is ready, in order, and recounting still agrees.
#[tokio::test]
async fn a_hundred_thousand_finished_jobs_are_in_nobodys_way() {
    let stage = Stage::new().await;
    for part in 0..10 {
        let jobs = (0..10_000).map(|n| job("page", &format!("{part}/{n}"), stage.now)).collect();
        stage.store.add(jobs).await.unwrap();
        let ends = stage.claim(10_000).await.iter().map(|claimed| stage.end(&claimed.facts, &done())).collect();
        stage.store.recover(ends).await.unwrap();
    }
    assert_eq!(stage.store.pulse().borrow().ended, 100_000);
    let ids = stage.store.add((0..3).map(|n| job("page", &format!("new{n}"), stage.now)).collect()).await.unwrap();
    let claimed: Vec<i64> = stage.claim(9).await.iter().map(|job| job.facts.running.id).collect();
    assert_eq!(claimed, ids);
    stage.assert_sound().await;
}

#[tokio::test]
async fn items_that_an_earlier_version_gave_a_row_when_it_dispatched_them_are_counted_once() {
    let stage = Stage::new().await;
    let id = listed(&stage, 3, 0).await;
    stage.store.advance(chunk(&stage, id, 0, 3, 3)).await.unwrap();
    let mut other = beside(&stage.folder).await;
    for item in 0..3 {
        run(&mut other, format!("INSERT INTO item VALUES ({id}, {item}, 1, 0, 0, 0)")).await;
    }
    for (claimed, outcome) in stage.claim(3).await.iter().zip([done(), failed(Class::Permanent), done()]) {
        stage.settle(claimed, &outcome).await;
        stage.assert_sound().await;
    }
    let import = stage.store.import(id).await.unwrap().unwrap();
    assert_eq!((import.done, import.failed, import.state), (2, 1, ImportState::Completed));
}
