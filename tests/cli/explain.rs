//! `capstan job explain`: why a job does not run, or what happened to it.

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

const SPIN: &str = r#"{"do": "spin"}"#;
const ECHO: &str = r#"{"do": "echo"}"#;

fn add(project: &Project, payload: &str, args: &[&str]) -> i64 {
    project.json(&[&["job", "add", "odd", payload], args].concat())["id"].as_i64().unwrap()
}

fn explain(project: &Project, id: i64) -> Value {
    project.json(&["job", "explain", &id.to_string()])["explanation"].clone()
}

/// The reason is this one, and the text says this.
#[track_caller]
fn is(project: &Project, id: i64, reason: &str, words: &[&str]) {
    let said = explain(project, id);
    assert_eq!(said["reason"], reason, "{said}");
    let text = said["text"].as_str().unwrap();
    words.iter().for_each(|word| assert!(text.contains(word), "{word:?} is not in {text:?}"));
}

fn runs(project: &Project, id: i64) {
    until("it runs", || (project.job(id)["state"] == "running").then_some(()));
}

#[test]
fn without_a_host_it_says_what_is_missing_whatever_else_keeps_the_job() {
    let project = Project::with_odd();
    let now = add(&project, ECHO, &[]);
    is(&project, now, "no-host", &["Job 1 (odd) is ready, but no host works on this project: `capstan run`"]);
    let later = add(&project, ECHO, &["--in", "2h"]);
    is(&project, later, "scheduled", &["it is to run not before", "Also, no host works"]);
    assert_eq!(explain(&project, later)["until"], project.job(later)["run_at"]);
    project.capstan(&["queue", "pause", "odd"]).ok();
    is(&project, now, "queue-paused", &["`capstan queue resume odd` lets it go on. Also, no host works"]);
    project.capstan(&["handler", "disable", "odd"]).ok();
    is(&project, now, "handler-disabled", &["`capstan handler enable odd` ends that. Also, its queue"]);
    assert_eq!(explain(&project, now)["also"], json!(["queue-paused", "no-host"]));
    let text = project.capstan(&["job", "explain", "1"]).ok();
    assert_eq!(text.out.lines().count(), 1, "{text:?}");
    project
        .capstan(&["job", "explain", "42"])
        .exits(3)
        .complains(&["error: there is no job 42\nhint: `capstan job list` shows the jobs"]);
}

#[test]
fn what_a_live_host_keeps_waiting_knows_for_what() {
    let project = Project::with_odd();
    project.set("retry", "base = \"1h\"\ncap = \"2h\"");
    project.capstan(&["key", "set", "site", "--limit", "1"]).ok();
    let host = project.serve();

    let holder = add(&project, SPIN, &["--key", "site", "--queue", "keyed"]);
    runs(&project, holder);
    is(&project, holder, "running", &["as attempt 1 of ", "on handler odd (sha256:"]);
    add(&project, ECHO, &["--key", "site", "--queue", "keyed", "--priority", "-1"]);
    let blocked = add(&project, ECHO, &["--key", "site", "--queue", "keyed"]);
    is(&project, blocked, "key-busy", &["\"site\": 1 of at most 1 run", "1 job is before it in line"]);

    let same = add(&project, SPIN, &["--queue", "other"]);
    until("it is parked", || (project.job(same)["wait"] == "subject").then_some(()));
    is(&project, same, "subject-busy", &["waits for job 1 of the same kind"]);

    project.capstan(&["job", "cancel", &holder.to_string()]).ok();
    is(&project, holder, "cancelled", &["cancelled by cli (uid ", "`capstan job retry 1`"]);
    project.capstan(&["job", "wait", &blocked.to_string()]).ok();
    runs(&project, same);
    project.capstan(&["job", "cancel", &same.to_string()]).ok();

    let told = add(&project, r#"{"do": "retry_after", "ms": 3600000}"#, &["--key", "slow"]);
    until("it is deferred", || (project.job(told)["why"] == "deferred").then_some(()));
    is(&project, told, "deferred", &["asked to come back later, 1 time in this round"]);
    let rests = add(&project, ECHO, &["--key", "slow"]);
    is(&project, rests, "key-rests", &["lets nobody in before", "`capstan key release slow`"]);

    let tried = add(&project, r#"{"do": "transient", "message": "no wind"}"#, &[]);
    until("it waits", || (project.job(tried)["why"] == "backoff").then_some(()));
    is(&project, tried, "backoff", &["attempt 1 of ", "failed, as transient: no wind"]);
    project.is_sound();
    host.stop().ok();
}

#[test]
fn the_limits_of_queues_and_of_the_host_are_named() {
    let project = Project::with_odd();
    project.set("worker", "slots = 2");
    for (queue, limit, value) in [("few", "concurrency", "1"), ("slow", "rate", "\"1/h\"")] {
        project.set(&format!("queue.{queue}"), &format!("{limit} = {value}"));
    }
    let host = project.serve();
    let first = add(&project, SPIN, &["--queue", "few"]);
    runs(&project, first);
    let full = add(&project, ECHO, &["--queue", "few"]);
    is(&project, full, "queue-full", &["its queue \"few\" runs 1 of at most 1 at once"]);
    let quick = add(&project, r#"{"do": "answer", "value": 1}"#, &["--queue", "slow"]);
    project.capstan(&["job", "wait", &quick.to_string()]).ok();
    let limited = add(&project, r#"{"do": "answer", "value": 2}"#, &["--queue", "slow"]);
    is(&project, limited, "queue-rate", &["begins at most 1 jobs in 1h, the next at"]);
    let second = add(&project, r#"{"do": "sleep", "ms": 600000}"#, &[]);
    runs(&project, second);
    let third = add(&project, r#"{"do": "answer", "value": 3}"#, &[]);
    let last = add(&project, r#"{"do": "answer", "value": 4}"#, &["--priority", "3"]);
    is(&project, third, "slots-full", &["all 2 slots of the host are in use."]);
    is(&project, last, "slots-full", &["Also, there go before it: 1 ready job of its queue with a smaller priority"]);
    let older = add(&project, r#"{"do": "answer", "value": 5}"#, &["--priority", "3"]);
    is(&project, older, "slots-full", &["and 1 older job of its kind and priority"]);
    let drain = crate::support::serving::Serving::spawn(project.root(), &["queue", "drain", "odd"]);
    until("it drains", || (explain(&project, third)["reason"] == "queue-draining").then_some(()));
    for id in [first, second] {
        project.capstan(&["job", "cancel", &id.to_string()]).ok();
    }
    drain.ended().ok();
    host.stop().ok();
}

#[test]
fn what_happened_is_told_with_what_to_do_next() {
    let project = Project::with_odd();
    let made = add(&project, r#"{"do": "answer", "value": 1, "write": {"odd.txt": "four"}}"#, &[]);
    let unchanged = add(&project, r#"{"do": "unchanged"}"#, &[]);
    let failed = add(&project, r#"{"do": "permanent", "message": "no sea"}"#, &[]);
    let spent = add(&project, r#"{"do": "trap"}"#, &[]);
    project.set("kind.odd.retry", "max_attempts = 2\nbase = \"1ms\"");
    project.capstan(&["run"]).exits(1);
    is(&project, made, "completed", &["after 1 attempt of its round", "It published 1 file with 4 bytes."]);
    is(&project, unchanged, "unchanged", &["It found that nothing had to be made."]);
    is(
        &project,
        failed,
        "failed",
        &[
            "as permanent: no sea",
            "To act is up to whoever added the job",
            "`capstan job retry 3` gives it a new round",
        ],
    );
    is(&project, spent, "failed", &["attempts, as trap", "To act is up to the handler's author"]);
}

#[test]
fn what_followed_is_named() {
    let project = Project::new();
    let pages = crate::support::pages::folder(&project.beside().join("pages"), 1);
    project.import(&pages);
    project.capstan(&["run"]).ok();
    is(&project, 1, "completed", &["It published 2 files with ", "After it came job 2 (normalise)."]);
}

#[test]
fn a_suspect_knows_what_it_is_suspected_of() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = add(&project, SPIN, &[]);
    runs(&project, id);
    host.kill().killed();
    is(&project, id, "suspect", &["ran when the host died", "not charged", "0 of 3 deaths", "Also, no host works"]);
}

#[test]
fn a_queue_that_has_spent_its_tokens_says_when_it_goes_on() {
    let project = Project::with_clerk();
    project.capstan(&["queue", "set", "clerk", "--tokens", "10/h"]).ok();
    let host = project.serve();
    let spent = project.add("clerk", r#"{"steps": [{"do": "spend", "tokens": 100}]}"#);
    project.capstan(&["job", "wait", &spent.to_string()]).ok();
    let next = project.add("clerk", r#"{"steps": []}"#);
    is(&project, next, "queue-tokens", &["has spent its tokens, of which it has 10 in 1h, and goes on at "]);
    assert!(explain(&project, next)["until"].as_i64() > project.job(next)["created_at"].as_i64());
    host.stop().ok();
}
