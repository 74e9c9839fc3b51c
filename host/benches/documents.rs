//! How many documents a second the bundled handlers take, beside the same code run natively.
//!
//! `cargo bench --bench documents`. The pages are rustup's installed documentation, or the folder that
//! `CAPSTAN_BENCH_PAGES` names; `CAPSTAN_BENCH_DOCUMENTS` of them, evenly spaced (default 500). The host imports,
//! ingests and normalises them as `capstan run` does: sandboxes, artifacts fsynced and renamed, full durability. The
//! native run calls the same two handlers through the SDK's test bench, on as many threads as the host has guest
//! threads, with neither sandbox nor fsync nor database.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use capstan::host::import::ImportStart;
use capstan::host::{Host, Verb};
use capstan_ingest::Ingest;
use capstan_normalise::Normalise;
use capstan_sdk::testing::Bench;
use std::path::Path;
use std::time::Instant;
use support::{Folders, drained, pages};

fn main() {
    let wanted = std::env::var("CAPSTAN_BENCH_DOCUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    let Some(pages) = pages() else {
        println!("no pages: install rust-docs with rustup, or name a folder in CAPSTAN_BENCH_PAGES");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folders = Folders::default();
    let (list, sandboxed) = runtime.block_on(host(&folders, &pages, wanted));
    let native = native(&pages, &list);
    println!("{} documents of {}", list.len(), pages.display());
    println!("host, ingest + normalise      {sandboxed:>8.0} documents/s");
    println!("the same code, native         {native:>8.0} documents/s   ({:.2} x the host)", native / sandboxed);
}

/// The documents that were taken, relative to the folder, and how many a second.
async fn host(folders: &Folders, pages: &Path, wanted: u64) -> (Vec<String>, f64) {
    let folder = folders.make();
    let (project, _) = Host::create(&folder.join("library")).await.unwrap();
    // What comes behind them is measured by `handlers`.
    let text = std::fs::read_to_string(project.config()).unwrap();
    let line = text.lines().find(|line| line.starts_with("normalise = ")).unwrap();
    std::fs::write(project.config(), text.replacen(line, "normalise = []", 1)).unwrap();
    let host = Host::open(project.clone()).await.unwrap();
    let start = ImportStart { sample: Some(wanted), ..ImportStart::of(pages.to_owned()) };
    let started = start.call(&host).await.unwrap();
    host.start().await.unwrap();
    let began = Instant::now();
    drained(&host).await;
    let rate = rate(usize::try_from(started.import.total).unwrap(), began);
    host.stop().await.unwrap();
    let list = std::fs::read_to_string(project.root().join(&started.import.list)).unwrap();
    let items: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    (items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect(), rate)
}

fn rate(documents: usize, began: Instant) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let number = documents as f64;
    number / began.elapsed().as_secs_f64()
}

fn native(pages: &Path, list: &[String]) -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in list.chunks(list.len().div_ceil(threads)) {
            scope.spawn(move || part.iter().for_each(|path| document(pages, path)));
        }
    });
    rate(list.len(), began)
}

fn document(pages: &Path, path: &str) {
    let source = format!("file://{}", pages.join(path).display());
    let bytes = std::fs::read(pages.join(path)).unwrap();
    let payload = serde_json::json!({ "path": path });
    let ingested = Bench::<Ingest>::new().source(&source).payload(payload).import(path, bytes).run().unwrap();
    assert!(ingested.done().is_some(), "{path}: {:?}", ingested.failure());
    let normalised = Bench::<Normalise>::new().source(&source).generation("ingest", &ingested).run().unwrap();
    assert!(normalised.done().is_some(), "{path}: {:?}", normalised.failure());
}
