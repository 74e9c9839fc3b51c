//! What the machine and the driver can do with nothing around them.

use capstan::rules::time::Timestamp;
use capstan::store::Store;
use capstan::store::job::{About, NewJob};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The median and the 99th percentile of a 4 KiB write and its fdatasync, in ms.
pub(crate) fn fdatasync(path: &Path) -> (f64, f64) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut times: Vec<f64> = (0..500)
        .map(|_| {
            let began = Instant::now();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(&[7; 4_096]).unwrap();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// CPU time of this process so far.
pub(crate) fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Jobs a second of one connection that ends a batch, claims the next, commits.
pub(crate) async fn drain(file: &Path, jobs: i64, batch: i64) -> f64 {
    fill(file, jobs).await;
    let mut conn = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory")
        .row_buffer_size(4_096)
        .disable_statement_logging()
        .connect()
        .await
        .unwrap();
    let began = Instant::now();
    let (mut claimed, mut lease, mut done) = (Vec::new(), 1, 0);
    while done < jobs {
        let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await.unwrap();
        done += claimed.len() as i64;
        end(&mut transaction, &claimed).await;
        let ended = claimed.len() as i64;
        claimed = claim(&mut transaction, batch, lease).await;
        lease += claimed.len() as i64;
        count(&mut transaction, ended, claimed.len() as i64, lease).await;
        transaction.commit().await.unwrap();
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = jobs as f64 / began.elapsed().as_secs_f64();
    conn.close().await.unwrap();
    rate
}

async fn fill(file: &Path, jobs: i64) {
    let store = Store::open(file).await.unwrap();
    let now = Timestamp(1_700_000_000_000);
    for from in (0..jobs).step_by(1_000) {
        let job = |n: i64| {
            let payload = serde_json::json!({"n": n, "write": false}).to_string();
            NewJob {
                kind: "noop".to_owned(),
                queue: "noop".to_owned(),
                about: About::payload("noop", &payload),
                payload,
                priority: 0,
                max_attempts: 5,
                run_at: now,
                parent: None,
                item: None,
                key: None,
                unique: None,
                deadline: None,
                now,
            }
        };
        store.add((from..(from + 1_000).min(jobs)).map(job).collect()).await.unwrap();
    }
    store.close().await;
}

type Claimed = (i64, i64);

async fn claim(conn: &mut SqliteConnection, batch: i64, first: i64) -> Vec<Claimed> {
    let rows = sqlx::query(
        "SELECT id, kind, subject, payload FROM job WHERE wait = 'ready' AND queue = 'noop' AND kind = 'noop'
            AND import_id IS NULL AND priority = 0 ORDER BY id LIMIT $1",
    )
    .bind(batch)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let rows: Vec<Claimed> = rows.iter().zip(first..).map(|(row, lease)| (row.get(0), lease)).collect();
    sqlx::query(
        "UPDATE job SET state = 'running', wait = NULL, attempt = attempt + 1, lease = new.value->>1,
            digest = $4, host_id = $2, boot_id = 1, started_at = $3
         FROM jsonb_each($1) AS new WHERE job.id = new.value->>0",
    )
    .bind(serde_json::to_string(&rows).unwrap())
    .bind("0123456789abcdef0123456789abcdef")
    .bind(1_700_000_000_000_i64)
    .bind("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
    .execute(conn)
    .await
    .unwrap();
    rows
}

/// The usage document that an attempt row carries.
const USAGE: &str = r#"{"cpu_us":12,"host_us":3,"wall_us":40,"memory":1114112,"scratch_bytes":0,"scratch_files":0,"host_calls":2,"log_bytes":0,"result_bytes":4}"#;

async fn end(conn: &mut SqliteConnection, claimed: &[Claimed]) {
    if claimed.is_empty() {
        return;
    }
    let rows = serde_json::to_string(claimed).unwrap();
    sqlx::query(
        "UPDATE job SET state = 'completed', finished_at = $2, unchanged = 0
         FROM jsonb_each($1) AS new
         WHERE job.id = new.value->>0 AND job.state = 'running' AND job.lease = new.value->>1 RETURNING job.id",
    )
    .bind(&rows)
    .bind(1_700_000_000_000_i64)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO attempt (lease, job_id, round, attempt, boot_id, digest, started_at, finished_at, outcome, usage)
         SELECT value->>1, value->>0, 1, 1, 1, $2, $3, $3, 'done', $4 FROM jsonb_each($1)",
    )
    .bind(&rows)
    .bind("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
    .bind(1_700_000_000_000_i64)
    .bind(USAGE)
    .execute(conn)
    .await
    .unwrap();
}

async fn count(conn: &mut SqliteConnection, ended: i64, claimed: i64, lease: i64) {
    for (state, by) in [("queued", -claimed), ("running", claimed - ended), ("completed", ended)] {
        sqlx::query(
            "INSERT INTO tally (kind, state, jobs) VALUES ('noop', $1, $2)
             ON CONFLICT (kind, state) DO UPDATE SET jobs = jobs + excluded.jobs",
        )
        .bind(state)
        .bind(by)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    sqlx::query("UPDATE sequence SET next = $1 WHERE name = 'lease'").bind(lease).execute(conn).await.unwrap();
}
