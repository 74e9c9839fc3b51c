//! How many jobs a second go through the whole host, beside the raw loop.
//!
//! Everything runs on the same disk in the same minute, with `synchronous=FULL`:
//! the raw loop is one connection that ends a batch, claims the next and commits
//! once, on the same schema, indexes and rows, with nothing around it; the best of
//! three batch sizes counts. The host goes the way that `capstan run` goes:
//! verbs, claims, sandboxes, captured output, attempt rows, group commits.
//! `CAPSTAN_BENCH_JOBS` sets the number of jobs (default 50,000).

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod raw;
mod support;

use capstan::host::Host;
use capstan::host::handler::change::HandlerAdd;
use capstan::host::job::JobAdd;
use capstan::host::{Verb, job::JobList};
use capstan::project::Project;
use capstan::rules::job::State;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Folders, drained};

fn main() {
    let jobs: i64 = std::env::var("CAPSTAN_BENCH_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(50_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    runtime.block_on(async {
        let sync = raw::fdatasync(&folders.make().join("probe"));
        println!("fdatasync                     p50 {:>8.3} ms   p99 {:>8.3} ms", sync.0, sync.1);
        let mut best = 0.0_f64;
        for batch in [100, 256, 1_000] {
            let folder = folders.make();
            let rate = raw::drain(&folder.join("raw.db"), jobs, batch).await;
            println!("raw loop, batches of {batch:>5}    {rate:>8.0} jobs/s");
            best = best.max(rate);
        }
        for (name, wasm, payload) in [
            ("noop", capstan_test_guests::noop(), "plain"),
            ("noop-output", capstan_test_guests::noop_output(), "plain"),
            ("noop-output", capstan_test_guests::noop_output(), "write"),
        ] {
            let jobs = if payload == "write" { jobs / 20 } else { jobs };
            let (added, drained, cpu) = host(&folders, name, wasm, payload, jobs).await;
            let label = if payload == "write" { format!("{name}, a file each") } else { name.to_owned() };
            println!(
                "host, {label:<24} {drained:>8.0} jobs/s   {:>3.0} % of raw   {cpu:>5.1} µs CPU a job   (added one by one from 64 callers: {added:.0}/s)",
                drained / best * 100.0
            );
        }
    });
}

/// Jobs a second added and drained, and CPU time of the whole process per job.
async fn host(folders: &Folders, name: &str, wasm: &[u8], payload: &str, jobs: i64) -> (f64, f64, f64) {
    let folder = folders.make();
    let project = Project::prepare(&folder.join("project")).unwrap();
    project.configure(capstan::config::DEFAULT).unwrap();
    let host = Arc::new(Host::open(project).await.unwrap());
    let file = folder.join("handler.wasm");
    std::fs::write(&file, wasm).unwrap();
    HandlerAdd { file, manifest: None, agree: false }.call(&host).await.unwrap();
    let added = add(&host, name, payload, jobs).await;
    let cpu = raw::process_cpu();
    let began = Instant::now();
    host.start().await.unwrap();
    drained(&host).await;
    let took = began.elapsed();
    let used = raw::process_cpu() - cpu;
    let filter = capstan::host::job::JobFilter { limit: 1, ..Default::default() };
    let last = JobList { filter }.call(&host).await.unwrap().items.remove(0);
    assert_eq!((last.id, last.state), (jobs, State::Completed), "{:?}", last.error);
    Arc::into_inner(host).unwrap().stop().await.unwrap();
    #[allow(clippy::cast_precision_loss)]
    let number = jobs as f64;
    (number / added.as_secs_f64(), number / took.as_secs_f64(), used.as_secs_f64() * 1e6 / number)
}

/// Add jobs one by one from 64 callers.
async fn add(host: &Arc<Host>, kind: &str, payload: &str, jobs: i64) -> Duration {
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let (host, kind, write) = (Arc::clone(host), kind.to_owned(), payload == "write");
        callers.spawn(async move {
            for n in (0..jobs).filter(|n| n % 64 == caller) {
                let payload = serde_json::json!({"n": n, "write": write});
                JobAdd::new(kind.clone(), payload).call(&host).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    began.elapsed()
}
