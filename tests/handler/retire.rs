//! Going back, and taking handlers out of use.

use super::stage::{component, file, version};
use crate::support::BUNDLED;
use crate::support::command::Ran;
use crate::support::pages::folder;
use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

fn take(project: &Project, verb: &str, wasm: &[u8]) -> Ran {
    let path = file(project, "component.wasm", wasm);
    project.capstan(&["handler", verb, path.to_str().unwrap()])
}

fn digest(project: &Project, name: &str) -> String {
    project.json(&["handler", "inspect", name])["digest"].as_str().unwrap().to_owned()
}

fn state(project: &Project, name: &str) -> Value {
    project.json(&["handler", "inspect", name])["state"].clone()
}

#[test]
fn a_rollback_goes_back_and_forth_and_says_when_it_cannot() {
    let project = Project::new();
    project.capstan(&["handler", "rollback", "nobody"]).exits(3).complains(&["nothing that does a kind is called"]);
    project.capstan(&["handler", "rollback", "ingest"]).exits(1).complains(&["ingest has no version before this one"]);
    take(&project, "swap", &version("steady", "1"))
        .exits(1)
        .complains(&["no handler steady does any kind that this component does", "`capstan handler add FILE` adds it"]);
    take(&project, "add", &version("steady", "1")).ok();
    take(&project, "add", &version("steady", "2"))
        .exits(1)
        .complains(&["kind \"steady\" is done by handler steady already", "`capstan handler swap FILE` replaces it"]);
    let first = digest(&project, "steady");
    take(&project, "swap", &version("steady", "2")).ok();
    let second = digest(&project, "steady");
    for (target, now, before) in [("steady", "1", &second), (&first, "2", &first), ("steady", "1", &second)] {
        let says = format!("steady {now} does steady instead of sha256:{}", &before[..12]);
        project.capstan(&["handler", "rollback", target]).ok().says(&[&says]);
    }
    let route = &project.json(&["handler", "inspect", "steady"])["routes"][0];
    assert_eq!((&route["kind"], &route["previous"]), (&json!("steady"), &json!(second)));
    assert!(route["changed_at"].as_i64().unwrap() > 0);
    project.capstan(&["handler", "disable", &second]).ok();
    project
        .capstan(&["handler", "rollback", "steady"])
        .exits(1)
        .complains(&["handler steady (sha256:", ") is disabled\nhint: `capstan handler enable sha256:"]);
    take(&project, "swap", &version("steady", "2")).exits(1).complains(&["is disabled"]);
    project.capstan(&["handler", "enable", &second]).ok().says(&["is ready"]);
    project.capstan(&["handler", "rollback", "steady"]).ok();
}

#[test]
fn another_name_takes_a_kind_only_from_a_handler_that_is_disabled() {
    let project = Project::new();
    take(&project, "add", &version("steady", "1")).ok();
    let other = component("other", "1", &["steady", "more"], &json!({}));
    for verb in ["add", "swap"] {
        take(&project, verb, &other).exits(1).complains(&[
            "kind \"steady\" is done by handler steady, and this component calls itself other",
            "hint: `capstan handler disable steady` first",
        ]);
    }
    project.capstan(&["handler", "disable", "steady"]).ok();
    take(&project, "add", &other).ok().says(&["other 1 does more, steady\n"]);
    project.add("steady", r#"{"end": "described"}"#);
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(1)["result"]["name"], "other");
}

#[test]
fn jobs_of_a_disabled_handler_wait_and_say_so() {
    let project = Project::new();
    take(&project, "add", &version("steady", "1")).ok();
    project.capstan(&["handler", "disable", "steady"]).ok().says(&["handler steady is disabled: 0 jobs wait for it"]);
    let host = project.serve();
    let id = project.add("steady", r#"{"end": "described"}"#);
    // Whoever waits for all there is to do does not wait for this one.
    let run = project.capstan(&["run"]).ok();
    run.says(&["nothing to do", "1 jobs wait, because their handler is disabled: capstan handler list"]);
    let detail = project.job(id);
    assert_eq!(
        json!([detail["state"], detail["wait"], detail["attempt"], detail["held"]]),
        json!(["queued", "ready", 0, "handler steady is disabled: `capstan handler enable steady`"])
    );
    project.capstan(&["job", "show", "1"]).ok().says(&["held      handler steady is disabled"]);
    project
        .capstan(&["handler", "list"])
        .ok()
        .says(&["disabled", "1 jobs wait for it; `capstan handler enable steady`"]);
    project.capstan(&["handler", "enable", "steady"]).ok().says(&["steady 1 (", ") is ready"]);
    project.capstan(&["job", "wait", "1"]).ok();
    assert_eq!(project.job(id)["held"], Value::Null);
    host.stop().ok();
    project.is_sound();
}

#[test]
fn a_disabled_handler_stays_so_and_an_import_that_needs_it_goes_on_later() {
    let project = Project::new();
    project.capstan(&["handler", "disable", "normalise"]).ok();
    project.import(&folder(&project.beside().join("pages"), 60));
    project.set("import", "window = 2");
    let run = project.capstan(&["run"]).ok();
    run.says(&["jobs wait, because their handler is disabled"]);
    assert_eq!(state(&project, "normalise"), "disabled");
    assert!(project.json(&["import", "show", "1"])["remaining"].as_i64().unwrap() > 0);
    project.capstan(&["handler", "enable", "normalise"]).ok();
    project.capstan(&["run"]).ok();
    assert_eq!(project.json(&["import", "show", "1"])["done"], 60);
    project.is_sound();
}

#[test]
fn suspects_of_a_disabled_handler_wait_and_hold_up_nobody() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "sleep", "ms": 600000}"#);
    until("the job runs", || (project.job(id)["state"] == "running").then_some(()));
    host.kill().killed();
    project.capstan(&["handler", "disable", "odd"]).ok();
    take(&project, "add", &version("steady", "1")).ok();
    project.add("steady", r#"{"end": "described"}"#);
    project.capstan(&["run"]).ok().says(&["1 jobs completed", "1 jobs wait"]);
    let job = project.job(id);
    assert_eq!(json!([job["state"], job["wait"]]), json!(["queued", "suspect"]));
    project.is_sound();
}

#[test]
fn only_what_nothing_uses_is_removed() {
    let project = Project::new();
    let remove = |handler: &str| project.capstan(&["handler", "remove", handler]);
    remove("nobody").exits(3).complains(&["there is no handler \"nobody\""]);
    remove("ingest").exits(1).complains(&["it comes with this version of capstan", "capstan handler disable ingest"]);
    take(&project, "add", &version("steady", "1")).ok();
    let first = digest(&project, "steady");
    remove("steady").exits(1).complains(&["handler steady cannot be removed: it does steady", "disable it first"]);
    project.add("steady", r#"{"end": "described"}"#);
    project.capstan(&["run"]).ok();
    take(&project, "swap", &version("steady", "2")).ok();
    remove("steady").exits(1).complains(&["it has 2 versions", "name one by its digest: "]);
    remove(&first).ok().says(&[&format!("removed sha256:{first}")]);
    assert!(!project.root().join(format!("handlers/{first}.wasm")).exists());
    let mut compiled = std::fs::read_dir(project.root().join("state/compiled")).unwrap().flatten();
    assert!(!compiled.any(|entry| entry.file_name().to_string_lossy().starts_with(&first)));
    assert_eq!(project.job(1)["attempts"][0]["digest"], first);
    project.capstan(&["handler", "rollback", "steady"]).exits(1).complains(&["no version before this one"]);
    project.add("steady", r#"{"end": "described", "n": 2}"#);
    project.capstan(&["handler", "disable", "steady"]).ok();
    remove("steady").exits(1).complains(&["1 jobs of kind \"steady\" wait for it"]);
    project.capstan(&["job", "cancel", "2"]).ok();
    remove("steady").ok();
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED));
    project.capstan(&["job", "add", "steady"]).exits(2).complains(&["no handler does kind \"steady\""]);
    project.is_sound();
}

#[test]
fn a_version_that_still_runs_is_not_removed() {
    let project = Project::with_odd();
    let host = project.serve();
    let first = digest(&project, "odd");
    let id = project.add("odd", r#"{"do": "sleep", "ms": 600000}"#);
    until("the job runs", || (project.job(id)["state"] == "running").then_some(()));
    take(&project, "swap", &version("odd", "9")).ok();
    project
        .capstan(&["handler", "remove", &first])
        .exits(1)
        .complains(&[&format!("it runs jobs {id}"), "wait until they have ended"]);
    project.capstan(&["job", "cancel", &id.to_string()]).ok();
    project.capstan(&["handler", "remove", &first]).ok();
    host.stop().ok();
}
