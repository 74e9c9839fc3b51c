//! How the queue does with much in it: taking jobs in, starting them, claiming past what is
//! blocked, and coming back after a death.
//!
//! `cargo bench -p capstan --bench queue`. `CAPSTAN_BENCH_PARTS` names the parts to run
//! (`add,start,claim,finished,memory,recovery`; all by default), `CAPSTAN_BENCH_SCALE` is
//! the percentage of the full sizes (default 100). Everything goes through the verbs that
//! the command line says, or through the store where only the store is meant; bounds are
//! those that the project set itself.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[allow(dead_code)]
mod raw;
mod support;

use capstan::config::DEFAULT;
use capstan::host::job::{JobAdd, JobAddMany, Mode};
use capstan::host::pulse::PulseWait;
use capstan::host::{Host, Verb};
use capstan::project::Project;
use capstan::rules::time::Timestamp;
use capstan::store::Store;
use capstan::store::boot::NewBoot;
use capstan::store::claim::{ClaimRequest, Routes};
use capstan::store::job::NewJob;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::noop::{NOW, job, project};
use support::{Folders, drained};

fn main() {
    let parts =
        std::env::var("CAPSTAN_BENCH_PARTS").unwrap_or_else(|_| "add,start,claim,finished,memory,recovery".into());
    let scale: i64 = std::env::var("CAPSTAN_BENCH_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let of = |full: i64| (full * scale / 100).max(1);
    let wants = |part: &str| parts.split(',').any(|named| named == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    let sync = raw::fdatasync(&folders.make().join("probe"));
    println!("fdatasync                     p50 {:>8.3} ms   p99 {:>8.3} ms", sync.0, sync.1);
    runtime.block_on(async {
        if wants("add") {
            add(&folders, of(60_000), of(400_000)).await;
        }
        if wants("start") {
            start(&folders, 500, sync.0).await;
        }
        if wants("claim") {
            claim(&folders, of(1_000_000)).await;
        }
        if wants("finished") {
            finished(&folders, of(10_000_000), of(30_000)).await;
        }
        if wants("memory") {
            memory(&folders, of(1_000_000)).await;
        }
        if wants("recovery") {
            recovery(&folders, of(10_000)).await;
        }
    });
}

fn number(count: i64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let number = count as f64;
    number
}

fn noop(n: i64) -> JobAdd {
    JobAdd::new("noop", serde_json::json!({ "n": n }))
}

/// Taking jobs in: one by one from 64 callers, and a thousand at a time.
async fn add(folders: &Folders, single: i64, many: i64) {
    let host = Arc::new(Host::open(project(folders).await).await.unwrap());
    noop(-1).call(&host).await.unwrap();
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let host = Arc::clone(&host);
        callers.spawn(async move {
            for n in (0..single).filter(|n| n % 64 == caller) {
                noop(n).call(&host).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    let rate = number(single) / began.elapsed().as_secs_f64();
    println!("one by one from 64 callers    {rate:>8.0} jobs/s   (must 20,000, aim 40,000)");
    let began = Instant::now();
    for from in (0..many).step_by(1_000) {
        let jobs = (from..(from + 1_000).min(many)).map(|n| (0, noop(single + n))).collect();
        JobAddMany { jobs, mode: Mode::Add }.call(&host).await.unwrap();
    }
    let rate = number(many) / began.elapsed().as_secs_f64();
    println!("in bulk, 1,000 at a time      {rate:>8.0} jobs/s   (must 100,000, aim 200,000)");
    Arc::into_inner(host).unwrap().stop().await.unwrap();
}

/// From the call that adds a job to an idle host until the job runs, and until it has ended.
async fn start(folders: &Folders, times: usize, sync: f64) {
    let host = Arc::new(Host::open(project(folders).await).await.unwrap());
    host.start().await.unwrap();
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    for n in 0..times {
        drained(&host).await;
        let before = PulseWait { after: None }.call(&host).await.unwrap().pulse;
        let began = Instant::now();
        let adding = tokio::spawn({
            let host = Arc::clone(&host);
            async move { noop(n.try_into().unwrap()).call(&host).await.unwrap() }
        });
        let (mut after, mut has_started) = (before.commits, false);
        loop {
            let pulse = PulseWait { after: Some(after) }.call(&host).await.unwrap().pulse;
            after = pulse.commits;
            if !has_started && (pulse.running > 0 || pulse.ended > before.ended) {
                has_started = true;
                started.push(began.elapsed().as_secs_f64() * 1e3);
            }
            if pulse.ended > before.ended {
                ended.push(began.elapsed().as_secs_f64() * 1e3);
                break;
            }
        }
        adding.await.unwrap();
    }
    let bound = 2.0 * sync + 1.0;
    let quantile = |times: &mut Vec<f64>, percent: usize| {
        times.sort_by(f64::total_cmp);
        times[(times.len() * percent / 100).min(times.len() - 1)]
    };
    println!(
        "added until it runs           p50 {:>8.3} ms   p99 {:>8.3} ms   (p50 at most two fdatasyncs and 1 ms: {bound:.3})",
        quantile(&mut started, 50),
        quantile(&mut started, 99)
    );
    println!(
        "added until it has ended      p50 {:>8.3} ms   p99 {:>8.3} ms",
        quantile(&mut ended, 50),
        quantile(&mut ended, 99)
    );
    Arc::into_inner(host).unwrap().stop().await.unwrap();
}

/// What a claim of a hundred takes past jobs that cannot run.
async fn claim(folders: &Folders, blocked: i64) {
    let none = claims(folders, 0, job).await;
    println!("a claim of 100                p50 {none:>8.3} ms");
    let future = |n| NewJob { priority: -1, run_at: Timestamp(NOW.0 + 86_400_000), ..job(n) };
    let behind = claims(folders, blocked, future).await;
    println!("  past {blocked} for later    p50 {behind:>8.3} ms   {:.2} times   (at most 1.5)", behind / none);
    let keyed = |n| NewJob { priority: -1, key: Some("one.example".to_owned()), ..job(n) };
    let behind = claims(folders, blocked, keyed).await;
    println!("  past {blocked} of one key   p50 {behind:>8.3} ms   {:.2} times   (at most 1.5)", behind / none);
}

async fn claims(folders: &Folders, blocked: i64, of: fn(i64) -> NewJob) -> f64 {
    let store = Store::open(&folders.make().join("capstan.db")).await.unwrap();
    let boot = boot(&store).await;
    let request = ClaimRequest { free: 100, boot, host: "bench".to_owned(), now: NOW, routes: Arc::new(Routes::new()) };
    for from in (0..blocked).step_by(2_000) {
        store.add((from..(from + 2_000).min(blocked)).map(of).collect()).await.unwrap();
    }
    // What a busy key lets in is out of the way before the clock runs.
    while !store.claim(ClaimRequest { free: 1_000, ..request.clone() }).await.unwrap().is_empty() {}
    store.add((blocked..blocked + 40_000).map(job).collect()).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..400 {
        let began = Instant::now();
        let claimed = store.claim(request.clone()).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(claimed.len(), 100);
    }
    store.close().await;
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn boot(store: &Store) -> i64 {
    let new = NewBoot {
        host: "bench".to_owned(),
        machine: capstan::clock::machine_boot(),
        pid: std::process::id(),
        version: "bench",
        now: NOW,
    };
    store.boot(new).await.unwrap()
}

/// No-op jobs a second through the whole host beside so many that have ended.
async fn finished(folders: &Folders, ended: i64, jobs: i64) {
    let none = drain(&project(folders).await, jobs).await;
    let crowded = project(folders).await;
    let began = Instant::now();
    bury(&crowded.database(), ended).await;
    let took = began.elapsed().as_secs();
    let rate = drain(&crowded, jobs).await;
    println!("end to end                    {none:>8.0} jobs/s");
    println!(
        "  beside {ended} that ended   {rate:>8.0} jobs/s   {:.2} times as long   (at most 1.2; made in {took} s)",
        none / rate
    );
}

async fn drain(project: &Project, jobs: i64) -> f64 {
    let host = Host::open(project.clone()).await.unwrap();
    for from in (0..jobs).step_by(1_000) {
        let many = (from..(from + 1_000).min(jobs)).map(|n| (0, noop(n))).collect();
        JobAddMany { jobs: many, mode: Mode::Add }.call(&host).await.unwrap();
    }
    let began = Instant::now();
    host.start().await.unwrap();
    drained(&host).await;
    let rate = number(jobs) / began.elapsed().as_secs_f64();
    host.stop().await.unwrap();
    rate
}

/// Completed jobs with an attempt each, as the host leaves them, written past it.
async fn bury(database: &Path, jobs: i64) {
    let mut conn = SqliteConnectOptions::new().filename(database).pragma("synchronous", "off").connect().await.unwrap();
    for from in (0..jobs).step_by(1_000_000) {
        let until = (from + 1_000_000).min(jobs);
        for statement in [
            "WITH RECURSIVE n(id) AS (SELECT $1 UNION ALL SELECT id + 1 FROM n WHERE id + 1 < $2)
             INSERT INTO job (id, kind, queue, subject, source, title, tags, payload, priority, depth, state, run_at,
                round, attempt, max_attempts, created_at, lease, boot_id, started_at, finished_at, digest)
             SELECT id, 'noop', 'noop', printf('%032x', id), '', '', '[]', json_object('n', id), 0, 0, 'completed', 0,
                1, 1, 5, 0, id, 1, 0, 0, printf('%064x', 7) FROM n",
            "WITH RECURSIVE n(id) AS (SELECT $1 UNION ALL SELECT id + 1 FROM n WHERE id + 1 < $2)
             INSERT INTO attempt (lease, job_id, round, attempt, boot_id, digest, started_at, finished_at, outcome, usage)
             SELECT id, id, 1, 1, 1, printf('%064x', 7), 0, 0, 'done', '{}' FROM n",
        ] {
            // The first job has the number 1.
            sqlx::query(statement).bind(from + 1).bind(until + 1).execute(&mut conn).await.unwrap();
        }
    }
    for statement in [
        "INSERT INTO tally VALUES ('noop', 'completed', $1)",
        "UPDATE sequence SET next = $1 + 1 WHERE name = 'job'",
        "UPDATE sequence SET next = $1 + 1 WHERE name = 'lease'",
    ] {
        sqlx::query(statement).bind(jobs).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
}

/// What a host occupies with so many queued, above one with none.
async fn memory(folders: &Folders, jobs: i64) {
    let text = format!("{DEFAULT}\n[queue.noop]\nconcurrency = 1\n");
    let (empty, full) = (project(folders).await, project(folders).await);
    for project in [&empty, &full] {
        std::fs::write(project.config(), &text).unwrap();
    }
    let store = Store::open(&full.database()).await.unwrap();
    for from in (0..jobs).step_by(2_000) {
        let later = |n| NewJob { run_at: Timestamp(i64::MAX / 2), ..job(n) };
        let ready = |n| NewJob { queue: "held".to_owned(), ..job(n) };
        let job = |n: i64| if n % 2 == 0 { later(n) } else { ready(n) };
        store.add((from..(from + 2_000).min(jobs)).map(job).collect()).await.unwrap();
    }
    store.change_queue("held".to_owned(), capstan::store::queue::QueueChange::Pause).await.unwrap();
    store.close().await;
    let idle = resident(&empty).await;
    let loaded = resident(&full).await;
    println!(
        "{jobs} queued, half ready in a paused queue, half for later: {:>6.1} MiB above idle ({:.1} MiB)   (at most 150)",
        (loaded - idle) / 1_024.0,
        idle / 1_024.0
    );
}

/// The proportional set size of a host that serves a project, in KiB, once it answers.
async fn resident(project: &Project) -> f64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
    command.arg("-C").arg(project.root()).arg("serve").stderr(Stdio::null());
    let host = Served(command.spawn().unwrap());
    let socket: PathBuf = project.socket();
    while tokio::net::UnixStream::connect(&socket).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It reads its counts, and looks once at what is due, before it answers this.
    capstan::http::client::say(&socket, &capstan::host::stats::StatsShow {}).await.unwrap();
    let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", host.0.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        // It holds nothing that the next part needs.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a host takes to account for what a dead one left running.
async fn recovery(folders: &Folders, running: i64) {
    let project = project(folders).await;
    let store = Store::open(&project.database()).await.unwrap();
    let boot = boot(&store).await;
    for from in (0..running).step_by(2_000) {
        store.add((from..(from + 2_000).min(running)).map(job).collect()).await.unwrap();
    }
    let request = ClaimRequest {
        free: running.try_into().unwrap(),
        boot,
        host: "bench".to_owned(),
        now: NOW,
        routes: Arc::new(Routes::new()),
    };
    assert_eq!(store.claim(request).await.unwrap().len(), usize::try_from(running).unwrap());
    store.close().await;
    let began = Instant::now();
    let host = Host::open(project).await.unwrap();
    let took = began.elapsed();
    assert_eq!(host.recovered().orphans, usize::try_from(running).unwrap());
    println!("recovery of {running} running jobs   {:>8.3} s   (at most 1)", took.as_secs_f64());
    host.stop().await.unwrap();
}
