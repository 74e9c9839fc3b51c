//! What each bundled handler costs a document in its sandbox, beside the same code run natively.
//!
//! `cargo bench -p capstan --bench handlers`. The pages are rustup's installed documentation, or the folder that
//! `CAPSTAN_BENCH_PAGES` names; `CAPSTAN_BENCH_DOCUMENTS` of them, evenly spaced (default 300). The host works on them as
//! `capstan run` does; what is compared is CPU time: of the guest and of the host for it, as the attempts have it on
//! record, and of the thread that runs the same handler through the SDK's test bench, which makes folders and files too.
//! Both are done three times, in turns, and of each kind the cheapest pass counts on either side: what is slower than that
//! was something else on the machine, above all ext4 after many files were deleted.

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
use rustix::time::{ClockId, clock_gettime};
use sqlx::{Connection, Row};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use support::{Folders, drained, pages};

/// What all documents cost one kind.
#[derive(Default, Clone, Copy)]
struct Cost {
    documents: i64,
    cpu: Duration,
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
        let mut here = BTreeMap::new();
        list.iter().for_each(|path| document(&mut here, &pages, path));
        documents = list.len();
        cheapest(&mut sandboxed, there);
        cheapest(&mut native, here.into_iter().map(|(kind, cost)| (kind.to_owned(), cost)).collect());
    }
    println!("{documents} documents of {}; CPU a document, the cheapest of {PASSES} passes", pages.display());
    for (kind, there) in &sandboxed {
        let Some(here) = native.get(kind.as_str()) else { continue };
        let each = |cost: &Cost| cost.cpu.as_secs_f64() * 1_000.0 / f64::from(i32::try_from(cost.documents).unwrap());
        let (there_ms, here_ms, mib) = (each(there), each(here), there.memory >> 20);
        let ratio = there_ms / here_ms;
        println!(
            "{kind:<10} {there_ms:>8.2} ms, native {here_ms:>8.2} ms   ({ratio:.2} x native), memory up to {mib} MiB"
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
        "SELECT job.kind, count(*), sum(usage->>'cpu_us' + usage->>'host_us'), max(usage->>'memory')
         FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.outcome = 'done' GROUP BY job.kind",
    );
    let rows = rows.fetch_all(&mut conn).await.unwrap();
    let cost = |row: &sqlx::sqlite::SqliteRow| {
        let cpu = Duration::from_micros(u64::try_from(row.get::<i64, _>(2)).unwrap());
        (row.get(0), Cost { documents: row.get(1), cpu, memory: row.get(3) })
    };
    (items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect(), rows.iter().map(cost).collect())
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
    let began = thread_time();
    let run = bench.run().unwrap();
    let took = thread_time() - began;
    run.done()?;
    let cost = costs.entry(H::KIND).or_default();
    cost.documents += 1;
    cost.cpu += took;
    Some(run)
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap(), u32::try_from(now.tv_nsec).unwrap())
}
