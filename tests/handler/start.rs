//! Starting with many handlers.

use super::stage::{add, close, file, open, queue, swap, until, version};
use crate::support::project::Project;
use crate::support::wait;
use capstan::config::live::{Live, Source};
use capstan::handler::loaded::digest;
use capstan::sandbox::{Engine, EngineOptions};
use capstan::service::handler::change::Registry;
use capstan::store::Store;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The files of the compile cache; one that is written anew is another file.
fn compiled(root: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(root.join("state/compiled")).unwrap().flatten();
    entries.map(|e| (e.file_name().to_string_lossy().into_owned(), e.metadata().unwrap().ino())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_twenty_handlers_compiles_nothing() {
    let project = Project::new();
    let host = open(&project).await;
    for number in 0..20 {
        let name = format!("handler-{number}");
        add(&host, file(&project, &format!("{name}.wasm"), &version(&name, "1"))).await;
    }
    close(host).await;
    let before = compiled(project.root());
    assert!(before.len() >= 22, "{before:?}");
    let began = Instant::now();
    let host = open(&project).await;
    host.start().await.unwrap();
    queue(&host, "handler-19", serde_json::json!({ "end": "done", "text": "{}" })).await;
    until(&host, |beat| beat.pulse.ended == 1).await;
    let took = began.elapsed();
    println!("from nothing to the first job with {} compiled handlers: {took:?}", before.len());
    assert_eq!(compiled(project.root()), before);
    assert!(cfg!(debug_assertions) || took <= Duration::from_millis(300), "{took:?}");
    close(host).await;
}

/// A project in which a rollback would return to a version whose compiled form is lost, and its digest.
async fn swapped() -> (Project, String) {
    let project = Project::new();
    let host = open(&project).await;
    add(&host, file(&project, "one.wasm", &version("steady", "1"))).await;
    swap(&host, file(&project, "two.wasm", &version("steady", "2"))).await;
    close(host).await;
    let first = digest(&version("steady", "1"));
    forget(&project, &first);
    (project, first)
}

fn of_digest(project: &Project, digest: &str) -> Option<(String, u64)> {
    // One that is being written has another ending.
    let is_whole = |name: &str| name.starts_with(digest) && name.ends_with(".cwasm");
    compiled(project.root()).into_iter().find(|(name, _)| is_whole(name))
}

/// Remove the compiled form of a component.
fn forget(project: &Project, digest: &str) {
    let (name, _) = of_digest(project, digest).unwrap();
    std::fs::remove_file(project.root().join("state/compiled").join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_would_return_to_is_loaded_and_needs_no_file_any_more() {
    let (project, first) = swapped().await;
    let found = capstan::project::Project::find(project.root()).unwrap();
    let config = Arc::new(Live::open(Source::file(found.config())).unwrap());
    let store = Store::open(&found.database()).await.unwrap();
    let engine = Engine::new(&EngineOptions::default()).unwrap();
    let handlers = capstan::service::handler::open(&engine, &found, &config.now(), &store).await.unwrap();
    let registry = Registry { engine, project: found, store, handlers, config };
    assert_eq!(of_digest(&project, &first), None, "only what is routed is loaded at first");
    registry.warm().await;
    forget(&project, &first);
    std::fs::remove_file(project.root().join(format!("handlers/{first}.wasm"))).unwrap();
    let changed = registry.roll_back("steady").await.unwrap();
    assert_eq!(changed[0].digest, first);
    assert_eq!(of_digest(&project, &first), None, "nothing was compiled");
    assert_eq!(registry.handlers.of("steady").unwrap().loaded.description.version, "1");
    registry.store.close().await;
}

#[test]
fn a_host_that_starts_gets_ready_what_a_rollback_would_return_to() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (project, first) = runtime.block_on(swapped());
    let host = project.serve();
    let before = wait::until("it is compiled", || of_digest(&project, &first));
    project.capstan(&["handler", "rollback", "steady"]).ok().says(&["steady 1 does steady instead of sha256:"]);
    assert_eq!(of_digest(&project, &first), Some(before));
    host.stop().ok();
}
