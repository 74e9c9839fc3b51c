//! Starting with many handlers.

use super::stage::{add, close, file, open, queue, until, version};
use crate::support::project::Project;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
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
