//! What lies over `capstan.toml`, and reading it again while a host works.

use crate::support::command::{about, run};
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use serde_json::{Value, json};

/// The charged tries that a new job may have: where the number comes from is what is tested.
fn tries(project: &Project, variable: Option<&str>, flags: &[&str]) -> Value {
    let mut command = about(project.root(), &[&["job", "add", "noop", "{}", "--json"], flags].concat());
    if let Some(value) = variable {
        command.env("CAPSTAN__RETRY__MAX_ATTEMPTS", value);
    }
    let id = run(command).ok().json()["id"].as_i64().unwrap();
    project.job(id)["max_attempts"].clone()
}

fn with_noop() -> Project {
    let project = Project::new();
    project.handler("noop", capstan_test_guests::noop()).ok();
    project
}

#[test]
fn flags_lie_over_the_environment_and_that_over_the_file() {
    let project = with_noop();
    assert_eq!(tries(&project, None, &[]), 5);
    project.set("retry", "max_attempts = 2");
    assert_eq!(tries(&project, None, &[]), 2);
    assert_eq!(tries(&project, Some("3"), &[]), 3);
    assert_eq!(tries(&project, Some("3"), &["--set", "retry.max_attempts=4"]), 4);
    let flags = ["--set", "kind.noop.retry.max_attempts=6", "--set", "retry.max_attempts=4"];
    assert_eq!(tries(&project, Some("3"), &flags), 6);
    let mut check = about(project.root(), &["config", "check", "--set", "limits.cpu=2s"]);
    check.env("CAPSTAN__WORKER__GRACE", "1s");
    run(check).ok().says(&[
        "capstan.toml is in order\n",
        "set over it: worker.grace = 1s (CAPSTAN__WORKER__GRACE)\nset over it: limits.cpu = 2s (--set limits.cpu=2s)",
    ]);
}

#[test]
fn what_is_set_over_the_file_is_checked_like_the_file() {
    let project = Project::new();
    for (flag, message) in [
        ("limits.speed=1", "error: --set limits.speed=1: "),
        ("limits.speed=1", "unknown field `speed`"),
        ("limits.cpu=30", "30 has no unit: write it as a text, for example \"30s\""),
        ("worker.slots=0", "--set worker.slots=0: worker.slots = 0 is out of range: it must be 1 to 10000"),
        ("worker.slots", "--set \"worker.slots\" is no key and value: write for example --set limits.cpu=10s"),
        ("a b=1", "--set a b=1: the key is not one of TOML: "),
    ] {
        project.capstan(&["stats", "--set", flag]).exits(2).complains(&[message]);
    }
    let wrong = |name: &str, value: &str| project.capstan_with(name, value, &["stats"]).exits(2);
    wrong("CAPSTAN__LIMITS__CPU", "soon").complains(&["error: CAPSTAN__LIMITS__CPU: ", "\"soon\" is no span of time"]);
    wrong("CAPSTAN__SPEED", "1").complains(&["error: CAPSTAN__SPEED: ", "unknown field `speed`"]);
}

#[test]
fn nothing_can_be_set_for_a_host_that_is_another_process() {
    let project = Project::new();
    let host = project.serve();
    project
        .capstan(&["stats", "--set", "limits.cpu=1s"])
        .exits(2)
        .complains(&["error: --set limits.cpu=1s cannot hold: another process is the host of this project\n\
         hint: change capstan.toml, which the host reads again, or start the host with it"]);
    host.stop().ok();
}

#[test]
fn a_host_that_works_follows_the_file() {
    let project = Project::new();
    let added = project.handler("odd", capstan_test_guests::odd()).ok().json();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "echo"}"#).to_string();
    project.capstan(&["job", "wait", &id]).exits(1);
    assert_eq!(project.job(1)["error"]["class"], "denied");
    project.grant(&added);
    let reloaded = project.json(&["config", "reload"]);
    // The host may have looked before it was asked.
    assert_eq!(reloaded["at_start"], json!([]));
    project.capstan(&["job", "retry", &id]).ok();
    project.capstan(&["job", "wait", &id]).ok();
    // And without being asked.
    project.set("limits", "log = \"16B\"");
    until("the host looks at its file", || {
        let id = project.add("odd", r#"{"do": "log", "message": "0123456789abcdef0123456789abcdef"}"#);
        project.capstan(&["job", "wait", &id.to_string()]).ok();
        (project.job(id)["attempts"][0]["log_dropped"].as_i64() > Some(0)).then_some(())
    });
    host.stop().ok();
}

#[test]
fn a_file_that_is_not_in_order_changes_nothing_and_is_told_of() {
    let project = with_noop();
    project.set("retry", "max_attempts = 2");
    let mut host = project.serve();
    let path = project.root().join("capstan.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replace("max_attempts = 2", "max_attempts = 3\nspeed = 1")).unwrap();
    project
        .capstan(&["config", "reload"])
        .exits(2)
        .complains(&["unknown field `speed`", "hint: nothing was changed: what held before goes on"]);
    assert_eq!(tries(&project, None, &[]), 2);
    let sick = project.capstan(&["doctor"]).exits(4);
    sick.says(&[
        "WRONG capstan.toml is in order",
        "what held before it was changed goes on: ",
        "unknown field `speed`",
    ]);
    std::fs::write(&path, good.replace("max_attempts = 2", "max_attempts = 44")).unwrap();
    assert_eq!(until("it is read again", || Some(tries(&project, None, &[])).filter(|tries| *tries != 2)), 44);
    project.capstan(&["doctor"]).ok();
    std::fs::write(&path, good.replace("max_attempts = 2", "max_attempts = 555\nworse = 1")).unwrap();
    host.says("capstan.toml has changed and is not in order; what held before goes on");
    host.stop().ok();
}

#[test]
fn what_needs_a_new_start_is_named() {
    let project = Project::new();
    // Its own look may come first, and then it says so.
    let mut host = Serving::start(project.root(), &["serve"]);
    project.set("worker", "slots = 7\ngrace = \"3s\"");
    let said = project.capstan(&["config", "reload"]).ok();
    if said.out.contains("says what held before") {
        host.says("capstan.toml has changed: worker.slots holds from the next start of the host");
    } else {
        said.says(&["capstan.toml holds from now on, but worker.slots from the next start of the host"]);
    }
    host.stop().ok();
}
