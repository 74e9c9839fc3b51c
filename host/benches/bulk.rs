//! How long an operation on 100,000 jobs takes.
//!
//! `cargo bench -p capstan --bench bulk`. `CAPSTAN_BENCH_JOBS` names another number. The jobs failed
//! through the store, with an attempt each. They are given a new round by an operation with nothing beside it; by one
//! beside a host that works on them at once; and by a command that is killed in the middle
//! and a second one that goes on, process starts included. The raw figures are one `UPDATE` of the same rows on
//! one connection, in one transaction and in one for each thousand, which neither plan nor count.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[allow(dead_code)]
mod raw;
#[allow(dead_code)]
mod support;

use capstan::host::bulk::{BulkDrive, BulkStart, What};
use capstan::host::job::JobFilter;
use capstan::host::{Host, Verb};
use capstan::project::Project;
use capstan::rules::attempt::{Class, Fault, Outcome};
use capstan::rules::job::finish;
use capstan::rules::retry::Policy;
use capstan::store::Store;
use capstan::store::attempt::AttemptRecord;
use capstan::store::boot::NewBoot;
use capstan::store::claim::{ClaimRequest, Claimed, Routes};
use capstan::store::settle::Settlement;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::Folders;
use support::noop::{NOW, job, project};

/// What the whole is to take at most.
const GOAL: Duration = Duration::from_secs(10);
/// Jobs that fail in one commit while the stage is set.
const MANY: i64 = 1_000;

fn main() {
    let jobs: i64 = std::env::var("CAPSTAN_BENCH_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    let sync = raw::fdatasync(&folders.make().join("probe"));
    println!("fdatasync                     p50 {:>8.3} ms   p99 {:>8.3} ms", sync.0, sync.1);
    runtime.block_on(async {
        let project = failures(&folders, jobs).await;
        let copy = |name: &str| {
            let to = folders.make().join(name);
            copied(project.root(), &to);
            Project::find(&to).unwrap()
        };
        let took = raw_update(&copy("raw").database(), jobs).await;
        println!("one UPDATE                    {:>8.2} s", took.as_secs_f64());
        let took = raw_update(&copy("chunks").database(), MANY).await;
        println!("one UPDATE for each {MANY}      {:>8.2} s", took.as_secs_f64());
        let (frozen, took) = operation(copy("alone"), jobs, Beside::Nothing).await;
        let goal = GOAL.as_secs();
        println!("an operation                  {took:>8.2} s, its set frozen in {frozen:.3} s   (at most {goal} s)");
        let (frozen, took) = operation(copy("beside"), jobs, Beside::Work).await;
        println!("beside a host that works      {took:>8.2} s, its set frozen in {frozen:.3} s   (at most {goal} s)");
        let took = killed(&copy("killed"), jobs);
        println!("killed in the middle, resumed {:>8.2} s, two processes   (at most {goal} s)", took.as_secs_f64());
    });
}

fn copied(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// A project with the handler `noop` and so many jobs that failed.
async fn failures(folders: &Folders, jobs: i64) -> Project {
    let project = project(folders).await;
    let store = Store::open(&project.database()).await.unwrap();
    let boot = NewBoot {
        host: "bench".to_owned(),
        machine: capstan::clock::machine_boot(),
        pid: std::process::id(),
        version: "bench",
        now: NOW,
    };
    let boot = store.boot(boot).await.unwrap();
    let request = ClaimRequest {
        free: MANY.unsigned_abs(),
        boot,
        host: "bench".to_owned(),
        now: NOW,
        routes: Arc::new(Routes::new()),
    };
    for from in (0..jobs).step_by(MANY.unsigned_abs().try_into().unwrap()) {
        store.add((from..(from + MANY).min(jobs)).map(job).collect()).await.unwrap();
        loop {
            let claimed = store.claim(request.clone()).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            store.recover(claimed.into_iter().map(|claimed| end(boot, claimed)).collect()).await.unwrap();
        }
    }
    store.stop(boot, NOW).await.unwrap();
    store.close().await;
    project
}

fn end(boot: i64, claimed: Claimed) -> Settlement {
    let message = format!("status {} of the server", 500 + claimed.facts.running.id % 8);
    let outcome = Outcome::Failed(Fault::new(Class::Permanent, message.clone()));
    let attempt = AttemptRecord {
        boot,
        finished_at: NOW,
        outcome: Class::Permanent.name(),
        message: Some(message),
        details: None,
        backtrace: None,
        usage: None,
        limits: None,
        log: None,
        log_dropped: 0,
    };
    Settlement {
        transition: finish(&claimed.facts.running, &outcome, &Policy::default(), NOW, 0.5),
        facts: claimed.facts,
        attempt,
        publication: None,
        follow: Vec::new(),
        enqueue: Vec::new(),
        progress: None,
    }
}

/// The same rows by the statement alone, so many in a transaction.
async fn raw_update(database: &Path, chunk: i64) -> Duration {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-32768")
        .disable_statement_logging();
    let mut conn = options.connect().await.unwrap();
    let began = Instant::now();
    loop {
        let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let update = "UPDATE job SET state = 'queued', wait = 'ready', why = 'retried', round = round + 1, attempt = 0,
                run_at = $2, finished_at = NULL, error_class = NULL, error_message = NULL
            WHERE id IN (SELECT id FROM job WHERE state = 'failed' ORDER BY id LIMIT $1)";
        let updated = sqlx::query(update).bind(chunk).bind(NOW.0).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        if updated.rows_affected() == 0 {
            break;
        }
    }
    let took = began.elapsed();
    conn.close().await.unwrap();
    took
}

/// What else the host does.
enum Beside {
    /// Nothing: it is opened for the operation alone.
    Nothing,
    /// It works on what is ready.
    Work,
}

/// Seconds until the set is frozen, and until the operation is over.
async fn operation(project: Project, jobs: i64, beside: Beside) -> (f64, f64) {
    let host = Host::open(project).await.unwrap();
    if matches!(beside, Beside::Work) {
        host.start().await.unwrap();
    }
    let began = Instant::now();
    let what = What::Retry { jobs: JobFilter::default() };
    let started = BulkStart { what, by: "bench".to_owned(), all: true }.call(&host).await.unwrap();
    let frozen = began.elapsed().as_secs_f64();
    let id = started.operation.unwrap().id;
    let mut bulk = BulkDrive { id, hold: None }.call(&host).await.unwrap();
    while !bulk.is_over() {
        bulk = BulkDrive { id, hold: None }.call(&host).await.unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    assert_eq!(bulk.account.done, jobs.unsigned_abs());
    host.stop().await.unwrap();
    (frozen, took)
}

/// A command that dies in the middle, and one that goes on.
fn killed(project: &Project, jobs: i64) -> Duration {
    let capstan = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
        command.arg("-C").arg(project.root()).args(args);
        command
    };
    let began = Instant::now();
    let mut dies = capstan(&["job", "retry", "--all"]);
    dies.env(capstan::crash::VARIABLE, format!("bulk.after_commit:{}", (jobs / 2_000).max(1)));
    assert!(dies.output().unwrap().status.code().is_none(), "it was not killed");
    let resumed = capstan(&["bulk", "resume", "1"]).output().unwrap();
    let took = began.elapsed();
    let said = String::from_utf8(resumed.stdout).unwrap();
    assert!(said.contains("operation 1 completed"), "{said}");
    took
}
