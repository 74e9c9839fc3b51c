//! What each bundled handler costs a document in its sandbox, beside the same code run natively.
//!
//! `cargo bench -p capstan --bench handlers`. The pages are rustup's installed documentation, or the folder that
//! `CAPSTAN_BENCH_PAGES` names; `CAPSTAN_BENCH_DOCUMENTS` of them, evenly spaced (default 300). The host works on them as
//! `capstan run` does; what is compared is CPU time: of the guest and of the host for it, as the attempts have it on
//! record, and of the same handler on the SDK's test bench (`Run::cpu`: the folders are made before and looked at
//! after), on as many threads. Both read and write files, the host on the project's disk, the bench in `TMPDIR`. Both
//! are done three times, in turns, and of each kind the cheapest pass counts on either side: what is slower than that was
//! something else on the machine, above all ext4 after many files were deleted.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use capstan::host::import::ImportStart;
use capstan::host::{Host, Verb};
use capstan_analyse::Analyse;
use capstan_embed::Embed;
use capstan_index::Index;
use capstan_ingest::Ingest;
use capstan_normalise::Normalise;
use capstan_sdk::Handler;
use capstan_sdk::testing::{Bench, Run};
use capstan_summarise::Summarise;
use sqlx::{Connection, Row};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use support::{Folders, drained, pages};

/// What all documents cost one kind.
#[derive(Default, Clone, Copy)]
struct Cost {
    documents: i64,
    cpu: Duration,
    /// What of it the host took for the guest; nothing natively.
    host: Duration,
    /// Of the largest attempt, in bytes.
    memory: i64,
}

/// Passes, in turns.
const PASSES: usize = 3;

fn main() {
    let wanted = std::env::var("CAPSTAN_BENCH_DOCUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let Some(pages) = pages() else {
        println!("no pages: install rust-docs with rustup, or name a folder in CAPSTAN_BENCH_PAGES");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    let (mut sandboxed, mut native, mut documents) = (BTreeMap::new(), BTreeMap::new(), 0);
    for _ in 0..PASSES {
        let (list, there) = runtime.block_on(host(&folders, &pages, wanted));
        documents = list.len();
        cheapest(&mut sandboxed, there);
        cheapest(&mut native, natively(&pages, &list));
    }
    println!("{documents} documents of {}; CPU a document, the cheapest of {PASSES} passes", pages.display());
    for (kind, there) in &sandboxed {
        let Some(here) = native.get(kind.as_str()) else { continue };
        let each =
            |cpu: Duration, of: &Cost| cpu.as_secs_f64() * 1_000.0 / f64::from(i32::try_from(of.documents).unwrap());
        let (there_ms, host_ms, here_ms) = (each(there.cpu, there), each(there.host, there), each(here.cpu, here));
        let (ratio, mib) = (there_ms / here_ms, there.memory >> 20);
        println!(
            "{kind:<10} {there_ms:>6.2} ms, {host_ms:.2} of them the host's, native {here_ms:>6.2} ms \
             ({ratio:.2} x native), memory up to {mib} MiB"
        );
    }
}

/// Keep of each kind the pass that cost least.
fn cheapest(all: &mut BTreeMap<String, Cost>, pass: BTreeMap<String, Cost>) {
    for (kind, cost) in pass {
        let best = all.entry(kind).or_insert(cost);
        if cost.cpu < best.cpu {
            *best = cost;
        }
    }
}

/// The documents that were taken, relative to the folder, and what each kind cost.
async fn host(folders: &Folders, pages: &Path, wanted: u64) -> (Vec<String>, BTreeMap<String, Cost>) {
    let folder = folders.make();
    let (project, _) = Host::create(&folder.join("library")).await.unwrap();
    let host = Host::open(project.clone()).await.unwrap();
    let start = ImportStart { sample: Some(wanted), ..ImportStart::of(pages.to_owned()) };
    let started = start.call(&host).await.unwrap();
    host.start().await.unwrap();
    drained(&host).await;
    host.stop().await.unwrap();
    let list = std::fs::read_to_string(project.root().join(&started.import.list)).unwrap();
    let items: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let file = format!("sqlite:{}?mode=ro", project.database().display());
    let mut conn = sqlx::SqliteConnection::connect(&file).await.unwrap();
    let rows = sqlx::query(
        "SELECT job.kind, count(*), sum(usage->>'cpu_us' + usage->>'host_us'), max(usage->>'memory'), sum(usage->>'host_us')
         FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.outcome = 'done' GROUP BY job.kind",
    );
    let rows = rows.fetch_all(&mut conn).await.unwrap();
    let cost = |row: &sqlx::sqlite::SqliteRow| {
        let micros = |column| Duration::from_micros(u64::try_from(row.get::<i64, _>(column)).unwrap());
        (row.get(0), Cost { documents: row.get(1), cpu: micros(2), host: micros(4), memory: row.get(3) })
    };
    (items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect(), rows.iter().map(cost).collect())
}

/// The same documents on as many threads as the host has for guests: two busy cores may share what one has alone.
fn natively(pages: &Path, list: &[String]) -> BTreeMap<String, Cost> {
    let (threads, next) = (std::thread::available_parallelism().unwrap().get(), AtomicUsize::new(0));
    let work = || {
        let mut costs = BTreeMap::new();
        while let Some(path) = list.get(next.fetch_add(1, Relaxed)) {
            document(&mut costs, pages, path);
        }
        costs
    };
    let mut all = BTreeMap::<String, Cost>::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for (kind, cost) in running.into_iter().flat_map(|thread| thread.join().unwrap()) {
            let sum = all.entry(kind.to_owned()).or_default();
            sum.documents += cost.documents;
            sum.cpu += cost.cpu;
        }
    });
    all
}

fn document(costs: &mut BTreeMap<&'static str, Cost>, pages: &Path, path: &str) {
    let source = format!("file://{}", pages.join(path).display());
    let bytes = std::fs::read(pages.join(path)).unwrap();
    let ingest = Bench::<Ingest>::new().source(&source).payload(serde_json::json!({ "path": path }));
    let Some(ingested) = measured(costs, &ingest.import(path, bytes)) else { return };
    let normalise = Bench::<Normalise>::new().source(&source).generation("ingest", &ingested);
    let Some(normalised) = measured(costs, &normalise) else { return };
    measured(costs, &Bench::<Summarise>::new().source(&source).generation("normalise", &normalised));
    measured(costs, &Bench::<Embed>::new().source(&source).generation("normalise", &normalised));
    measured(costs, &Bench::<Analyse>::new().source(&source).generation("normalise", &normalised));
    measured(costs, &Bench::<Index>::new().source(&source).generation("normalise", &normalised));
}

/// Run a handler on this thread and add what it cost, if it succeeded.
fn measured<H: Handler>(costs: &mut BTreeMap<&'static str, Cost>, bench: &Bench<H>) -> Option<Run> {
    let run = bench.run().unwrap();
    run.done()?;
    let cost = costs.entry(H::KIND).or_default();
    cost.documents += 1;
    cost.cpu += run.cpu();
    Some(run)
}
