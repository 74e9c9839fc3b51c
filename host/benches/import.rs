//! An import of a million items: whether its chunks cost the same at the beginning and at
//! the end, and what it takes of memory and of the queue.
//!
//! `cargo bench -p capstan --bench import`. `CAPSTAN_BENCH_ITEMS` is the number of items
//! (default 1,000,000). The list is a text with one URL a line; the items become jobs of
//! the handler `noop`, which does nothing, so that only the host's own work is measured. A
//! process of its own serves the project, as an operator has it, and the list is taken in
//! over its socket; beside it stands, in the same run, what the same host does with no-op
//! jobs that were added to the queue before it began (`CAPSTAN_BENCH_JOBS`, default 100,000):
//! once before the import and once behind it, because the speed of a machine drifts.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use capstan::host::import::{ImportRow, ImportShow, ImportStart};
use capstan::host::job::{JobAdd, JobAddMany, Mode};
use capstan::host::pulse::PulseWait;
use capstan::host::{Host, Verb};
use capstan::http::client;
use capstan::project::Project;
use capstan::rules::import::ImportState;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::Folders;
use support::noop::project;

fn main() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(or);
    let (items, jobs) = (number("CAPSTAN_BENCH_ITEMS", 1_000_000), number("CAPSTAN_BENCH_JOBS", 100_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    runtime.block_on(async {
        let before = queue(&folders, jobs).await;
        let rate = import(&folders, items).await;
        let after = queue(&folders, jobs).await;
        println!("an import has {:.0} % of the queue's rate", rate / ((before + after) / 2.0) * 100.0);
    });
}

#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}

/// No-op jobs a second that were in the queue before the host began.
async fn queue(folders: &Folders, jobs: u64) -> f64 {
    let project = project(folders).await;
    let host = Host::open(project.clone()).await.unwrap();
    for from in (0..jobs).step_by(1_000) {
        let job = |n: u64| (0, JobAdd::new("noop", serde_json::json!({ "n": n })));
        let jobs = (from..(from + 1_000).min(jobs)).map(job).collect();
        JobAddMany { jobs, mode: Mode::Add }.call(&host).await.unwrap();
    }
    host.stop().await.unwrap();
    // It holds the lock as long as it lives.
    drop(host);
    let began = Instant::now();
    let served = Served::new(&project).await;
    let mut after = None;
    loop {
        let beat = client::say(&served.socket, &PulseWait { after }).await.unwrap();
        if beat.is_idle() {
            let (rate, part) = (float(jobs) / began.elapsed().as_secs_f64(), float(jobs) / float(beat.pulse.commits));
            println!("{jobs} no-op jobs of the queue       {rate:>8.0} jobs/s   {part:.0} in a commit");
            return rate;
        }
        after = Some(beat.pulse.commits);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A list of so many pages of a thousand sites.
fn list(path: &Path, items: u64) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for n in 0..items {
        writeln!(out, "https://site-{}.example.org/articles/2026/{n}", n % 1_000).unwrap();
    }
    out.flush().unwrap();
}

/// What is seen of an import while it goes on.
#[derive(Default)]
struct Seen {
    /// Seconds since it was taken in, and items that were accounted for.
    progress: Vec<(f64, u64)>,
    /// Jobs that were queued at most.
    queued: u64,
    /// Resident memory at most, in KiB.
    memory: f64,
    /// Commits.
    commits: u64,
}

/// Items a second of an import.
async fn import(folders: &Folders, items: u64) -> f64 {
    let project = project(folders).await;
    let from = folders.make().join("list.txt");
    list(&from, items);
    let served = Served::new(&project).await;
    let idle = served.memory();
    let began = Instant::now();
    let start = ImportStart { kind: Some("noop".to_owned()), ..ImportStart::of(from) };
    let started = client::say(&served.socket, &start).await.unwrap().import;
    let taken_in = began.elapsed().as_secs_f64();
    let taking = served.peak() - idle;
    println!(
        "taking {items} items in           {:>8.0} items/s   {taking:.1} MiB at most above idle ({idle:.1} MiB)",
        float(items) / taken_in
    );
    let (import, seen) = watch(&served, started, idle).await;
    assert_eq!((import.state, import.done), (ImportState::Completed, i64::try_from(items).unwrap()));
    let whole = seen.progress.last().unwrap().0;
    let rate = float(items) / whole;
    let part = float(items) / float(seen.commits);
    println!("importing them                  {rate:>8.0} items/s   {part:.0} in a commit");
    let chunk = |from: u64, to: u64| {
        let at = |part: u64| seen.progress.iter().find(|(_, done)| *done >= items * part / 100).unwrap();
        let ((t0, n0), (t1, n1)) = (at(from), at(to));
        (t1 - t0) / float(n1 - n0) * float(import.chunk) * 1e3
    };
    let (first, last) = (chunk(1, 10), chunk(90, 99));
    println!(
        "a chunk of {}: {first:.3} ms in the first tenth, {last:.3} ms in the last ({:.2} times)",
        import.chunk,
        last / first
    );
    println!("jobs that were queued at most   {:>8}", seen.queued);
    println!("memory at most                  {:>8.1} MiB above idle   (at most 64)", seen.memory);
    rate
}

/// Look at an import until it is over.
async fn watch(served: &Served, mut import: ImportRow, idle: f64) -> (ImportRow, Seen) {
    let (mut seen, began) = (Seen::default(), Instant::now());
    while import.state != ImportState::Completed {
        tokio::time::sleep(Duration::from_millis(50)).await;
        import = client::say(&served.socket, &ImportShow { id: import.id }).await.unwrap();
        seen.progress.push((began.elapsed().as_secs_f64(), u64::try_from(import.accounted()).unwrap()));
        let beat = client::say(&served.socket, &PulseWait { after: None }).await.unwrap();
        seen.queued = seen.queued.max(beat.pulse.queued);
        seen.memory = seen.memory.max(served.peak() - idle);
        seen.commits = beat.pulse.commits;
    }
    (import, seen)
}

/// A process that serves a project.
struct Served {
    process: Child,
    socket: PathBuf,
}

impl Served {
    async fn new(project: &Project) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
        let mut process = command.arg("-C").arg(project.root()).arg("serve").stderr(Stdio::null()).spawn().unwrap();
        let socket = project.socket();
        while tokio::net::UnixStream::connect(&socket).await.is_err() {
            assert!(process.try_wait().unwrap().is_none(), "the host ended before it answered");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { process, socket }
    }

    /// A field of `/proc/PID/status`, in MiB.
    fn status(&self, name: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
    }

    /// What is resident now.
    fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// What was resident at most.
    fn peak(&self) -> f64 {
        self.status("VmHWM:")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its project is thrown away.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
