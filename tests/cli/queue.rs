//! `capstan queue`

use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use capstan::handler::bundled;
use serde_json::{Value, json};

fn queue(project: &Project, name: &str) -> Value {
    let page = project.json(&["queue", "list"]);
    let queues = page["items"].as_array().unwrap();
    queues.iter().find(|queue| queue["name"] == name).unwrap_or_else(|| panic!("no {name} in {page}")).clone()
}

fn add(project: &Project, args: &[&str]) -> Value {
    project.json(&[&["job", "add", "odd", r#"{"do": "echo"}"#][..], args].concat())
}

#[test]
fn each_kind_has_a_queue_of_its_own_name_or_the_one_that_it_is_given() {
    let project = Project::with_odd();
    project.set("kind.normalise", "queue = \"slow\"");
    project.set("queue.slow", "concurrency = 2");
    let names: Vec<Value> =
        project.json(&["queue", "list"])["items"].as_array().unwrap().iter().map(|q| q["name"].clone()).collect();
    let own = bundled::ALL.iter().map(|bundled| bundled.name).filter(|name| *name != "normalise");
    let mut expected: Vec<&str> = own.chain(["odd", "slow"]).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(queue(&project, "slow")["limits"], json!({"concurrency": 2, "rate": null, "tokens": null}));
    project.capstan(&["queue", "list"]).ok().says(&["QUEUE", "STATE", "slow", "open", "2 at once"]);
    assert_eq!(add(&project, &["--queue", "mine"])["queue"], "mine");
    assert_eq!(json!([queue(&project, "mine")["ready"], queue(&project, "odd")["ready"]]), json!([1, 0]));
    project.is_sound();
}

#[test]
fn a_paused_queue_keeps_its_jobs_and_the_others_flow() {
    let project = Project::with_odd();
    project.capstan(&["queue", "pause", "odd"]).ok().says(&["queue odd paused: 0 ready, 0 running"]);
    add(&project, &[]);
    add(&project, &["--queue", "mine"]);
    let run = project.capstan(&["run"]).ok();
    run.says(&[
        "1 jobs completed",
        "1 jobs wait, because their queue or import is paused: capstan queue list, capstan import list",
    ]);
    assert_eq!(project.json(&["run"])["paused"], 1);
    assert_eq!(json!([project.job(1)["state"], project.job(2)["state"]]), json!(["queued", "completed"]));
    // It is on record.
    assert_eq!(queue(&project, "odd")["state"], "paused");
    project.capstan(&["queue", "resume", "odd"]).ok().says(&["queue odd open: 1 ready"]);
    project.capstan(&["run"]).ok().says(&["1 jobs completed"]);
    project.is_sound();
}

#[test]
fn draining_waits_for_what_runs_and_starts_nothing_more() {
    let project = Project::with_odd();
    let host = project.serve();
    let running = project.add("odd", r#"{"do": "spin"}"#);
    until("it runs", || (project.job(running)["state"] == "running").then_some(()));
    let drain = Serving::spawn(project.root(), &["queue", "drain", "odd"]);
    until("it drains", || (queue(&project, "odd")["state"] == "draining").then_some(()));
    let later = add(&project, &[])["id"].as_i64().unwrap();
    let other = add(&project, &["--queue", "mine"])["id"].as_i64().unwrap();
    project.capstan(&["job", "wait", &other.to_string()]).ok();
    assert_eq!(json!([project.job(later)["state"], queue(&project, "odd")["state"]]), json!(["queued", "draining"]));
    project.capstan(&["job", "cancel", &running.to_string()]).ok();
    drain.ended().ok().says(&["queue odd paused: 1 ready, 0 running"]);
    // Nothing runs: drained at once.
    project.capstan(&["queue", "drain", "odd"]).ok().says(&["queue odd paused"]);
    project.capstan(&["queue", "resume", "odd"]).ok();
    project.capstan(&["job", "wait", &later.to_string()]).ok();
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_drain_that_somebody_undoes_says_so() {
    let project = Project::with_odd();
    let host = project.serve();
    let running = project.add("odd", r#"{"do": "spin"}"#);
    until("it runs", || (project.job(running)["state"] == "running").then_some(()));
    let drain = Serving::spawn(project.root(), &["queue", "drain", "odd"]);
    until("it drains", || (queue(&project, "odd")["state"] == "draining").then_some(()));
    project.capstan(&["queue", "resume", "odd"]).ok();
    drain.ended().exits(1).complains(&["error: queue odd was resumed before it was drained", "hint: drain it again"]);
    project.capstan(&["job", "cancel", &running.to_string()]).ok();
    host.stop().ok();
}

#[test]
fn no_more_run_at_once_than_the_queue_allows() {
    let project = Project::with_odd();
    project.capstan(&["queue", "set", "odd", "--concurrency", "2"]).ok().says(&["limits    2 at once; set by hand"]);
    let host = project.serve();
    let ids: Vec<String> = (0..4)
        .map(|n| project.add("odd", &format!(r#"{{"do": "sleep", "ms": {}}}"#, 600_000 + n)).to_string())
        .collect();
    until("two run", || (queue(&project, "odd")["running"] == 2).then_some(()));
    add(&project, &["--queue", "mine"]);
    project.capstan(&["job", "wait", "5"]).ok();
    assert_eq!(json!([queue(&project, "odd")["running"], queue(&project, "odd")["ready"]]), json!([2, 2]));
    project.capstan(&["job", "cancel", &ids[0]]).ok();
    until("the next one runs", || (project.job(3)["state"] == "running").then_some(()));
    assert_eq!(project.job(4)["state"], "queued");
    // A higher limit holds at once.
    project.capstan(&["queue", "set", "odd", "--concurrency", "none"]).ok();
    until("all run", || (queue(&project, "odd")["running"] == 3).then_some(()));
    ids.iter().for_each(|id| drop(project.capstan(&["job", "cancel", id]).ok()));
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_rate_spaces_beginnings_and_loses_no_job() {
    let project = Project::with_odd();
    project.capstan(&["queue", "set", "odd", "--rate", "10/s", "--burst", "2"]).ok();
    for n in 0..6 {
        project.add("odd", &format!(r#"{{"do": "answer", "value": {n}}}"#));
    }
    add(&project, &["--queue", "mine"]);
    project.capstan(&["run"]).ok().says(&["7 jobs completed"]);
    let mut began: Vec<i64> =
        (1..=6).map(|id| project.job(id)["attempts"][0]["started_at"].as_i64().unwrap()).collect();
    began.sort_unstable();
    // Two at once, then one for each tenth of a second.
    assert!(began[5] - began[0] >= 400, "{began:?}");
    assert!(began.windows(3).all(|three| three[2] - three[0] >= 100), "{began:?}");
    assert_eq!(project.job(7)["state"], "completed");
    project.is_sound();
}

#[test]
fn what_was_set_wins_over_the_file_until_it_is_reset() {
    let project = Project::with_odd();
    project.set("queue.odd", "concurrency = 7");
    let set = project.json(&["queue", "set", "odd", "--concurrency", "3", "--rate", "60/min", "--burst", "5"]);
    assert_eq!(set["limits"]["concurrency"], 3);
    assert_eq!(set["limits"]["rate"], json!({"number": 60, "per": 60_000, "burst": 5}));
    assert_eq!(project.json(&["queue", "set", "odd", "--concurrency", "none"])["limits"]["concurrency"], json!(null));
    assert_eq!(queue(&project, "odd")["limits"]["rate"]["number"], 60);
    let reset = project.json(&["queue", "set", "odd", "--reset"]);
    assert_eq!(json!([reset["limits"]["concurrency"], reset["limits"]["rate"], reset["set"]]), json!([7, null, {}]));
}

#[test]
fn what_cannot_be_is_refused_with_a_hint_and_changes_nothing() {
    let project = Project::with_odd();
    for verb in ["pause", "resume", "drain"] {
        project
            .capstan(&["queue", verb, "ood"])
            .exits(3)
            .complains(&["error: there is no queue \"ood\"", "hint: `capstan queue list` shows the queues"]);
        project.capstan(&["queue", verb, "O d"]).exits(2).complains(&["error: \"O d\" is no name of a queue"]);
    }
    let set = |args: &[&str]| project.capstan(&[&["queue", "set", "odd"], args].concat()).exits(2);
    set(&[]).complains(&["error: no limit is named", "hint: name a concurrency, a rate or tokens, or reset them"]);
    set(&["--concurrency", "0"]).complains(&["concurrency 0 is out of range: 1 to 10000", "hint: to run none"]);
    set(&["--concurrency", "10001"]).complains(&["concurrency 10001 is out of range: 1 to 10000"]);
    set(&["--concurrency", "many"]).complains(&["write a number, or none"]);
    set(&["--rate", "60"]).complains(&["\"60\" is no rate: write a number and a unit of time"]);
    set(&["--rate", "1/s", "--burst", "0"]).complains(&["a burst of 0 is out of range"]);
    set(&["--burst", "3"]).complains(&["--rate"]);
    set(&["--reset", "--rate", "1/s"]).complains(&["cannot be used with"]);
    assert_eq!(json!([queue(&project, "odd")["state"], queue(&project, "odd")["set"]]), json!(["open", {}]));
    assert_eq!(project.sql("SELECT count(*) FROM queue"), [0]);
}

#[test]
fn what_handlers_say_they_spent_holds_up_their_queue_until_it_is_paid() {
    let project = Project::with_clerk();
    // A token each millisecond, and a minute's worth at once.
    project.set("queue.clerk", "tokens = \"60000/min\"");
    let spend = |tokens: u64, tail: &str| {
        project.add("clerk", &format!(r#"{{"steps": [{{"do": "spend", "tokens": {tokens}}}{tail}]}}"#))
    };
    // Charged although it fails, and more than there is.
    project.set("retry", "max_attempts = 1");
    let first = spend(60_300, r#", {"do": "die_until", "attempt": 2}"#);
    project.capstan(&["run"]).exits(1);
    let job = project.job(first);
    assert_eq!(job["attempts"][0]["usage"]["tokens"], 60_300);
    project.capstan(&["job", "show", &first.to_string()]).ok().says(&[", 60300 tokens"]);
    let second = spend(1, "");
    project.capstan(&["run"]).ok().says(&["1 jobs completed"]);
    let ended = job["attempts"][0]["finished_at"].as_i64().unwrap();
    let began = project.job(second)["started_at"].as_i64().unwrap();
    assert!(began - ended >= 300, "{began} {ended}");
    project.is_sound();
}

#[test]
fn limits_of_the_file_hold_as_soon_as_it_is_read_again() {
    let project = Project::with_odd();
    project.set("queue.odd", "concurrency = 1");
    let host = project.serve();
    let ids: Vec<String> = (0..2)
        .map(|n| project.add("odd", &format!(r#"{{"do": "sleep", "ms": {}}}"#, 600_000 + n)).to_string())
        .collect();
    until("one runs", || (queue(&project, "odd")["running"] == 1).then_some(()));
    assert_eq!(queue(&project, "odd")["ready"], 1);
    let path = project.root().join("capstan.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("concurrency = 1", "concurrency = 2");
    std::fs::write(path, text).unwrap();
    project.capstan(&["config", "reload"]).ok();
    until("both run", || (queue(&project, "odd")["running"] == 2).then_some(()));
    ids.iter().for_each(|id| drop(project.capstan(&["job", "cancel", id]).ok()));
    host.stop().ok();
}
