//! A project that an older version of capstan made, under this one.

use super::stage::{component, version};
use crate::support::pages::folder;
use crate::support::project::Project;
use capstan::handler::bundled::ALL;
use capstan::handler::loaded::{digest, named};
use capstan::rules::time::Timestamp;
use capstan::store::Store;
use capstan::store::handler::{NewHandler, Standing};
use serde_json::{Value, json};
use std::fs;

/// The digest of `ingest` as this version has it.
fn current() -> String {
    digest(ALL.iter().find(|bundled| bundled.name == "ingest").unwrap().wasm)
}

/// A component on record, with its file, doing the kind `ingest`.
async fn record(project: &Project, store: &Store, wasm: &[u8], name: &str, origin: &'static str) -> String {
    let digest = digest(wasm);
    fs::write(project.root().join(format!("handlers/{digest}.wasm")), wasm).unwrap();
    let description = json!({ "name": name, "version": "0.0.1", "kinds": [{ "kind": "ingest" }] });
    let new = NewHandler {
        digest: digest.clone(),
        name: name.to_owned(),
        version: "0.0.1".to_owned(),
        description: description.to_string(),
        origin,
        bytes: wasm.len() as u64,
        kinds: vec!["ingest".to_owned()],
        standing: Standing::Ready,
        now: Timestamp(1),
    };
    store.add_handler(new).await.unwrap();
    digest
}

async fn store(project: &Project) -> Store {
    Store::open(&project.root().join("state/capstan.db")).await.unwrap()
}

/// A project whose `ingest` came with an older version, and its digest; `capstan.toml` grants that one what
/// `init` granted. The first thing that is done about the project is left to the test.
async fn older() -> (Project, String) {
    let project = Project::new();
    let store = store(&project).await;
    let old =
        record(&project, &store, &component("ingest", "0.0.1", &["ingest"], &json!({})), "ingest", "bundled").await;
    assert_eq!(store.remove_handler(&current()).await.unwrap(), [0; 0]);
    store.close().await;
    fs::remove_file(project.root().join(format!("handlers/{}.wasm", current()))).unwrap();
    let text = config(&project);
    assert!(text.contains(&named(&current())));
    fs::write(project.root().join("capstan.toml"), text.replace(&named(&current()), &named(&old))).unwrap();
    (project, old)
}

fn config(project: &Project) -> String {
    fs::read_to_string(project.root().join("capstan.toml")).unwrap()
}

/// State and kinds of a handler, by its digest.
fn standing(project: &Project, digest: &str) -> Value {
    let detail = project.json(&["handler", "inspect", digest]);
    json!([detail["state"], detail["kinds"]])
}

/// Jobs of an imported page complete.
#[track_caller]
fn works(project: &Project) {
    let pages = folder(&project.beside().join("pages"), 1);
    project.import(&pages);
    project.capstan(&["run"]).ok().says(&["2 jobs completed, 0 failed"]);
    assert_eq!(project.job(1)["attempts"][0]["digest"], current());
    project.is_sound();
}

#[tokio::test]
async fn it_gets_the_new_handlers_and_their_grants_carry_over() {
    let (project, old) = older().await;
    let text = config(&project);
    assert_eq!(standing(&project, &current()), json!(["ready", ["ingest"]]));
    assert_eq!(standing(&project, &old), json!(["ready", []]));
    project.capstan(&["config", "check"]).ok();
    works(&project);
    assert_eq!(config(&project), text);
    // An operator who goes back stays there.
    project.capstan(&["handler", "rollback", "ingest"]).ok().says(&["ingest 0.0.1 does ingest instead of sha256:"]);
    for _ in 0..2 {
        assert_eq!(standing(&project, &old), json!(["ready", ["ingest"]]));
    }
}

#[tokio::test]
async fn a_grant_does_not_carry_over_to_what_asks_for_more() {
    let (project, old) = older().await;
    let text = config(&project);
    let granted = "imports = true\nartifacts = [\"ingest\"]\n";
    assert!(text.contains(granted), "{text}");
    fs::write(project.root().join("capstan.toml"), text.replace(granted, "imports = true\n")).unwrap();
    let pages = folder(&project.beside().join("pages"), 1);
    project.import(&pages);
    project.capstan(&["run"]).exits(1);
    let error = project.job(1)["error"].clone();
    assert_eq!(error["class"], "denied");
    let (what, lines) = error["message"].as_str().unwrap().split_once(" put this into capstan.toml:\n").unwrap();
    assert_eq!(what, "handler ingest asks for artifacts of `ingest`, which is not granted; to allow it");
    assert!(lines.contains(&named(&current())) && !lines.contains(&old), "{lines}");
    project.paste(lines);
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok().says(&["2 jobs completed, 0 failed"]);
}

#[tokio::test]
async fn what_was_disabled_stays_so() {
    let (project, old) = older().await;
    let store = store(&project).await;
    store.stand(&old, Standing::Disabled).await.unwrap();
    store.close().await;
    project.import(&folder(&project.beside().join("pages"), 1));
    project.capstan(&["run"]).ok().says(&["1 jobs wait, because their handler is disabled"]);
    assert_eq!(standing(&project, &current()), json!(["disabled", ["ingest"]]));
    project.capstan(&["handler", "enable", "ingest"]).ok();
    project.capstan(&["run"]).ok().says(&["2 jobs completed, 0 failed"]);
    assert_eq!(project.job(1)["attempts"][0]["digest"], current());
}

#[tokio::test]
async fn what_was_disabled_stays_so_when_the_first_start_is_killed() {
    for point in &capstan::crash::HANDLER_POINTS[2..] {
        let (project, old) = older().await;
        let store = store(&project).await;
        store.stand(&old, Standing::Disabled).await.unwrap();
        store.close().await;
        project.capstan_with(capstan::crash::VARIABLE, point, &["handler", "list"]).killed();
        assert_eq!(standing(&project, &current()), json!(["disabled", ["ingest"]]), "killed at {point}");
    }
}

#[tokio::test]
async fn a_kind_that_an_operator_gave_away_stays_there() {
    let (project, _) = older().await;
    let store = store(&project).await;
    let own = record(&project, &store, &component("own", "1", &["ingest"], &json!({})), "own", "added").await;
    store.close().await;
    assert_eq!(standing(&project, &current()), json!(["ready", []]));
    assert_eq!(standing(&project, &own), json!(["ready", ["ingest"]]));
    project.add("ingest", r#"{"end": "described"}"#);
    project.set("pipeline", "own = []");
    project.capstan(&["run"]).exits(1);
    assert_eq!(project.job(1)["attempts"][0]["digest"], own);
}

#[tokio::test]
async fn an_added_handler_of_a_bundled_name_is_no_older_version() {
    let (project, _) = older().await;
    let store = store(&project).await;
    let own = record(&project, &store, &version("ingest", "9"), "ingest", "added").await;
    store.close().await;
    assert_eq!(standing(&project, &own), json!(["ready", ["ingest"]]));
    assert_eq!(standing(&project, &current()), json!(["ready", []]));
}
