//! `capstan key`, and what jobs that share one do.

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

fn key(project: &Project, name: &str) -> Value {
    let page = project.json(&["key", "list"]);
    let keys = page["items"].as_array().unwrap();
    keys.iter().find(|key| key["name"] == name).unwrap_or_else(|| panic!("no {name} in {page}")).clone()
}

fn add(project: &Project, payload: &str, key: &str) -> i64 {
    project.json(&["job", "add", "odd", payload, "--key", key])["id"].as_i64().unwrap()
}

#[test]
fn of_a_key_no_more_run_at_once_than_its_limit_and_others_go_by() {
    let project = Project::with_odd();
    let set = project.capstan(&["key", "set", "site", "--limit", "1"]).ok();
    set.says(&["key site: 0 running, 0 let in, 0 waiting", "limit     1 at once; set by hand"]);
    let host = project.serve();
    let first = add(&project, r#"{"do": "spin"}"#, "site");
    let second = add(&project, r#"{"do": "answer", "value": 2}"#, "site");
    let third = add(&project, r#"{"do": "answer", "value": 3}"#, "site");
    until("the first runs", || (project.job(first)["state"] == "running").then_some(()));
    let other = add(&project, r#"{"do": "echo"}"#, "elsewhere");
    project.capstan(&["job", "wait", &other.to_string()]).ok();
    let site = key(&project, "site");
    assert_eq!(json!([site["running"], site["idle"], site["waiting"]]), json!([1, 0, 2]));
    let job = project.job(second);
    assert_eq!(json!([job["state"], job["wait"], job["key"]]), json!(["queued", "key", "site"]));
    assert_eq!(project.json(&["stats"])["waiting"], json!({"key": 2}));
    project.capstan(&["key", "list"]).ok().says(&["KEY", "WAITING", "site"]);
    project.capstan(&["job", "cancel", &first.to_string()]).ok();
    project.capstan(&["job", "wait", &third.to_string()]).ok();
    assert_eq!(project.job(second)["state"], "completed");
    project.is_sound();
    host.stop().ok();
    let site = key(&project, "site");
    assert_eq!(json!([site["running"], site["idle"], site["waiting"]]), json!([0, 0, 0]));
}

#[test]
fn an_interval_keeps_beginnings_apart() {
    let project = Project::with_odd();
    project.set("key.site", "min_interval = \"200ms\"");
    for n in 0..4 {
        add(&project, &format!(r#"{{"do": "answer", "value": {n}}}"#), "site");
    }
    project.capstan(&["run"]).ok().says(&["4 jobs completed"]);
    let began: Vec<i64> = (1..=4).map(|id| project.job(id)["started_at"].as_i64().unwrap()).collect();
    assert!(began.windows(2).all(|two| two[1] - two[0] >= 200), "{began:?}");
    project.is_sound();
}

#[test]
fn a_handler_that_is_told_to_wait_rests_its_key_until_somebody_releases_it() {
    let project = Project::with_odd();
    let host = project.serve();
    let told = add(&project, r#"{"do": "retry_after", "ms": 3600000}"#, "site");
    until("it is deferred", || (project.job(told)["why"] == "deferred").then_some(()));
    let site = key(&project, "site");
    assert_eq!(site["next_at"], project.job(told)["run_at"]);
    let next = add(&project, r#"{"do": "echo"}"#, "site");
    let other = add(&project, r#"{"do": "echo"}"#, "elsewhere");
    project.capstan(&["job", "wait", &other.to_string()]).ok();
    assert_eq!(project.job(next)["wait"], "key");
    let released = project.json(&["key", "release", "site"]);
    assert_eq!(released["next_at"], json!(null));
    project.capstan(&["job", "wait", &next.to_string()]).ok();
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_page_of_the_web_has_its_host_as_key_and_a_file_has_none() {
    let project = Project::new();
    let of = |args: &[&str]| project.json(&[&["job", "add", "ingest"], args].concat())["key"].clone();
    assert_eq!(of(&[r#"{"url": "https://Example.org/a"}"#]), "example.org");
    assert_eq!(of(&[r#"{"url": "https://example.org/b"}"#, "--key", "mine"]), "mine");
    assert_eq!(of(&[r#"{"path": "a.html"}"#]), json!(null));
    let list = project.beside().join("list.txt");
    std::fs::write(&list, "https://example.org/c\n").unwrap();
    project.set("kind.ingest", "key = \"none\"");
    assert_eq!(of(&[r#"{"url": "https://example.org/d"}"#]), json!(null));
}

#[test]
fn limits_come_from_the_command_then_the_file_for_one_then_for_all() {
    let project = Project::with_odd();
    project.set("key", "limit = 9");
    project.set("key.\"a.example\"", "limit = 2");
    let limit = |name: &str| {
        add(&project, r#"{"do": "echo"}"#, name);
        key(&project, name)["pace"].clone()
    };
    assert_eq!(limit("b.example"), json!({"limit": 9, "min_interval": 0}));
    assert_eq!(limit("a.example"), json!({"limit": 2, "min_interval": 0}));
    project.capstan(&["key", "set", "a.example", "--interval", "2s"]).ok().says(&["2 at once, 2s apart; set by hand"]);
    project.capstan(&["key", "set", "a.example", "--limit", "1"]).ok().says(&["1 at once, 2s apart"]);
    project.capstan(&["key", "set", "a.example", "--reset"]).ok().says(&["limit     2 at once\n"]);
}

#[test]
fn a_limit_that_was_raised_while_no_host_lived_holds_from_the_next_one_on() {
    let project = Project::with_odd();
    project.set("key.site", "limit = 1");
    project.capstan(&["queue", "pause", "odd"]).ok();
    // It is let in, and waits with its queue.
    let first = add(&project, r#"{"do": "answer", "value": 1}"#, "site");
    let second = ["job", "add", "odd", r#"{"do": "answer", "value": 2}"#, "--key", "site", "--queue", "mine"];
    let second = project.json(&second)["id"].as_i64().unwrap();
    assert_eq!(json!([project.job(first)["wait"], project.job(second)["wait"]]), json!(["ready", "key"]));
    let path = project.root().join("capstan.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[key.site]\nlimit = 1\n", "")).unwrap();
    project.capstan(&["run"]).ok().says(&["1 jobs completed"]);
    assert_eq!(project.job(second)["state"], "completed");
    project.is_sound();
}

#[test]
fn what_cannot_be_is_refused_with_a_hint_and_changes_nothing() {
    let project = Project::with_odd();
    project
        .capstan(&["key", "release", "site"])
        .exits(3)
        .complains(&["error: no job has or had key \"site\"", "hint: `capstan key list` shows the keys"]);
    project.capstan(&["key", "set", "site", "--reset"]).exits(3).complains(&["no job has or had key \"site\""]);
    let set = |args: &[&str]| project.capstan(&[&["key", "set"], args].concat()).exits(2);
    set(&["site"]).complains(&["error: nothing is set", "hint: name a limit or an interval, or reset both"]);
    set(&["site", "--limit", "0"]).complains(&["limit 0 is out of range: 1 to 10000", "hint: to run none"]);
    set(&["site", "--limit", "10001"]).complains(&["limit 10001 is out of range: 1 to 10000"]);
    set(&["site", "--interval", "25h"]).complains(&["interval 25h is out of range: 0s to 24h"]);
    set(&["site", "--interval", "2"]).complains(&["\"2\" is no span of time"]);
    set(&["", "--limit", "1"]).complains(&["a key has no empty name"]);
    set(&[&"x".repeat(257), "--limit", "1"]).complains(&["the key's name has 257 bytes: at most 256"]);
    assert_eq!(project.json(&["key", "list"]), json!({"items": [], "next": null}));
    assert_eq!(project.sql("SELECT count(*) FROM key"), [0]);
}

#[test]
fn keys_are_listed_by_name_and_page() {
    let project = Project::with_odd();
    for name in ["c", "a", "b"] {
        add(&project, r#"{"do": "echo"}"#, name);
    }
    let names =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect::<Vec<_>>();
    let page = project.json(&["key", "list", "--limit", "2"]);
    assert_eq!((names(&page), &page["next"]), (vec![json!("a"), json!("b")], &json!("b")));
    let page = project.json(&["key", "list", "--limit", "2", "--after", "b"]);
    assert_eq!((names(&page), &page["next"]), (vec![json!("c")], &json!(null)));
}
