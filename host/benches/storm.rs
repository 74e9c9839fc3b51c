//! What other kinds keep of their throughput while everything of one kind fails.
//!
//! `cargo bench -p capstan --bench storm`; `CAPSTAN_BENCH_JOBS` sets the number of jobs of the other kind (default 50,000). First
//! they run alone; then beside a storm: as many jobs as a tenth of them, each of which fails as transient in every attempt.
//! What is compared is the time until the other kind is done, on the same disk in the same minute, the best of three.
//! The storm is measured with the backoff that it has by default and with a short one, and has to settle by its policy
//! either way; and with none to speak of, to say what then holds: lanes take turns, so the other kind keeps its half.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use capstan::clock;
use capstan::host::handler::change::HandlerAdd;
use capstan::host::job::{JobAdd, JobAddMany, JobFilter, JobList, MAX_PAGE, Mode};
use capstan::host::stats::StatsShow;
use capstan::host::{Host, Verb};
use capstan::project::Project;
use capstan::rules::job::State;
use capstan::rules::time::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use support::{Folders, drained};

/// What the other kind is to keep, in percent.
const KEPT: f64 = 90.0;
/// Charged attempts of a job of the storm.
const ATTEMPTS: i64 = 3;
/// Jobs in one request.
const MANY: i64 = 1_000;

fn main() {
    let jobs: i64 = std::env::var("CAPSTAN_BENCH_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(50_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    runtime.block_on(async {
        let alone = best(&folders, jobs, 0, "5s").await;
        println!("{jobs} jobs alone                        {:>8.0} jobs/s", rate(jobs, alone));
        for (backoff, goal) in [("5s", Some(KEPT)), ("1s", Some(KEPT)), ("1ms", None)] {
            let storm = jobs / 10;
            let beside = best(&folders, jobs, storm, backoff).await;
            let kept = alone.as_secs_f64() / beside.as_secs_f64() * 100.0;
            let goal = goal.map_or_else(String::new, |goal| format!(" (must {goal:.0} %)"));
            println!(
                "beside {storm} that fail, backoff {backoff:>3}   {:>8.0} jobs/s   {kept:>5.1} %{goal}",
                rate(jobs, beside)
            );
        }
    });
}

fn rate(jobs: i64, took: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let jobs = jobs as f64;
    jobs / took.as_secs_f64()
}

async fn best(folders: &Folders, jobs: i64, storm: i64, backoff: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(measure(&folders.make(), jobs, storm, backoff).await);
    }
    best
}

/// Until all jobs of the other kind are done; the storm is waited for and has to settle by its policy.
async fn measure(folder: &Path, jobs: i64, storm: i64, backoff: &str) -> Duration {
    let project = Project::prepare(&folder.join("project")).unwrap();
    let policy = format!("[kind.storm.retry]\nmax_attempts = {ATTEMPTS}\nbackoff = \"fixed\"\nbase = \"{backoff}\"\n");
    project.configure(&format!("{}\n{policy}", capstan::config::DEFAULT)).unwrap();
    let host = Host::open(project).await.unwrap();
    for (name, wasm) in [("noop", capstan_test_guests::noop().to_vec()), ("storm", failing())] {
        let file = folder.join(format!("{name}.wasm"));
        std::fs::write(&file, wasm).unwrap();
        HandlerAdd { file, manifest: None, agree: false }.call(&host).await.unwrap();
    }
    add(&host, "storm", storm, json!({"end": "transient", "message": "no"})).await;
    add(&host, "noop", jobs, json!({})).await;
    let began = clock::now();
    host.start().await.unwrap();
    drained(&host).await;
    let took = last_end(&host, jobs).await.since(began).duration();
    let stats = StatsShow {}.call(&host).await.unwrap();
    assert_eq!(stats.jobs.get(&State::Failed).copied().unwrap_or(0), storm, "{stats:?}");
    host.stop().await.unwrap();
    took
}

/// A handler whose jobs end as their payload says.
fn failing() -> Vec<u8> {
    let text = json!({"name": "storm", "version": "1", "kinds": [{"kind": "storm"}], "asks": {}}).to_string();
    capstan_test_guests::liar(&text).unwrap()
}

async fn add(host: &Host, kind: &str, jobs: i64, payload: Value) {
    for first in (0..jobs).step_by(usize::try_from(MANY).unwrap()) {
        let job = |n: i64| {
            let mut payload = payload.clone();
            payload["n"] = n.into();
            (u64::try_from(n).unwrap(), JobAdd::new(kind, payload))
        };
        let jobs = (first..jobs.min(first + MANY)).map(job).collect();
        JobAddMany { jobs, mode: Mode::Add }.call(host).await.unwrap();
    }
}

/// When the last job of the other kind ended; all of them were completed.
async fn last_end(host: &Host, jobs: i64) -> Timestamp {
    let (mut last, mut seen, mut before) = (Timestamp(0), 0, None);
    loop {
        let filter = JobFilter {
            kind: Some("noop".to_owned()),
            state: Some(State::Completed),
            before,
            limit: MAX_PAGE,
            ..JobFilter::default()
        };
        let page = JobList { filter }.call(host).await.unwrap();
        seen += i64::try_from(page.items.len()).unwrap();
        last = page.items.iter().filter_map(|job| job.finished_at).max().unwrap_or(last).max(last);
        match page.next {
            Some(next) => before = Some(next.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, jobs);
    last
}
