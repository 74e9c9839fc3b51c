//! `capstan job edit` and `capstan job reschedule`

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

const ECHO: &str = r#"{"do": "echo"}"#;

fn add(project: &Project, payload: &str, args: &[&str]) -> i64 {
    project.json(&[&["job", "add", "odd", payload], args].concat())["id"].as_i64().unwrap()
}

fn edit(project: &Project, args: &[&str]) -> Value {
    project.json(&[&["job", "edit", "1"], args].concat())
}

#[test]
fn all_that_a_queued_job_was_given_can_be_changed_and_the_rest_stays() {
    let project = Project::with_odd();
    add(&project, ECHO, &["--tag", "old", "--title", "Old", "--priority", "4"]);
    let job = edit(&project, &["--priority", "-7", "--tag", "x", "--tag", "y", "--queue", "mine", "--key", "k"]);
    let said = json!([job["priority"], job["title"], job["tags"], job["queue"], job["key"], job["wait"]]);
    // It has to be let in by its key, and is at once.
    assert_eq!(said, json!([-7, "Old", ["x", "y"], "mine", "k", "ready"]));
    let job = edit(&project, &["--title", "A page", "--deadline", "2h"]);
    assert_eq!(json!([job["title"], job["priority"], job["queue"]]), json!(["A page", -7, "mine"]));
    assert!(job["deadline_at"].as_i64() > job["created_at"].as_i64(), "{job}");
    assert_eq!(edit(&project, &["--deadline", "none"])["deadline_at"], json!(null));
    let file = project.beside().join("payload.json");
    std::fs::write(&file, r#"{"do": "answer", "value": "edited"}"#).unwrap();
    project.capstan(&["job", "edit", "1", "--payload", &format!("@{}", file.display())]).ok();
    project.is_sound();
    project.capstan(&["run"]).ok();
    assert_eq!(json!([project.job(1)["result"], project.job(1)["queue"]]), json!(["edited", "mine"]));
    project.is_sound();
}

#[test]
fn what_was_more_urgent_after_the_edit_runs_first() {
    let project = Project::with_odd();
    project.set("worker", "slots = 1");
    for n in 1..=3 {
        add(&project, &format!(r#"{{"do": "answer", "value": {n}}}"#), &[]);
    }
    project.capstan(&["job", "edit", "3", "--priority", "-1"]).ok();
    project.capstan(&["run"]).ok();
    assert_eq!(project.sql("SELECT job_id FROM attempt ORDER BY lease"), [3, 1, 2]);
}

#[test]
fn a_job_that_changes_its_key_waits_for_the_new_one_and_frees_the_old_one() {
    let project = Project::with_odd();
    project.set("key", "limit = 1");
    let host = project.serve();
    let holder = add(&project, r#"{"do": "spin"}"#, &["--key", "a"]);
    until("it runs", || (project.job(holder)["state"] == "running").then_some(()));
    let waits = add(&project, ECHO, &["--key", "a"]);
    let paused = add(&project, r#"{"do": "answer", "value": 1}"#, &["--key", "b", "--queue", "mine"]);
    project.capstan(&["job", "wait", &paused.to_string()]).ok();
    project.capstan(&["job", "edit", &waits.to_string(), "--key", "b"]).ok();
    project.capstan(&["job", "wait", &waits.to_string()]).ok();
    project.capstan(&["job", "cancel", &holder.to_string()]).ok();
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_job_that_leaves_the_line_of_its_document_lets_the_next_one_go() {
    let project = Project::with_odd();
    let host = project.serve();
    let first = add(&project, r#"{"do": "spin"}"#, &[]);
    until("it runs", || (project.job(first)["state"] == "running").then_some(()));
    let second = add(&project, r#"{"do": "spin"}"#, &[]);
    let third = add(&project, r#"{"do": "spin"}"#, &[]);
    for id in [second, third] {
        until("it is parked", || (project.job(id)["wait"] == "subject").then_some(()));
    }
    project.capstan(&["job", "reschedule", &second.to_string(), "--in", "1h"]).ok();
    assert_eq!(project.job(second)["wait"], "timer");
    project.capstan(&["job", "cancel", &first.to_string()]).ok();
    until("the third runs", || (project.job(third)["state"] == "running").then_some(()));
    project.capstan(&["job", "cancel", &third.to_string()]).ok();
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_job_that_is_unique_by_its_payload_is_so_by_the_new_one() {
    let project = Project::with_odd();
    add(&project, ECHO, &["--unique"]);
    edit(&project, &["--payload", r#"{"do": "answer", "value": 1}"#]);
    let became = |payload: &str| project.json(&["job", "add", "odd", payload, "--unique"])["became"].clone();
    assert_eq!(became(r#"{"do": "answer", "value": 1}"#), "existing");
    assert_eq!(became(ECHO), "added");
}

#[test]
fn a_time_is_moved_also_that_of_a_retry_and_what_is_still_waited_for_is_said() {
    let project = Project::with_odd();
    project.set("retry", "base = \"1h\"\ncap = \"2h\"");
    add(&project, r#"{"do": "die_until", "attempt": 2}"#, &["--in", "5h"]);
    let job = project.json(&["job", "reschedule", "1", "--in", "2h"]);
    assert_eq!(json!([job["wait"], job["why"]]), json!(["timer", "rescheduled"]));
    let at = project.json(&["job", "reschedule", "1", "--at", "2100-01-31T08:00:00Z"]);
    assert_eq!(json!([at["run_at"], at["explanation"]["reason"]]), json!([4_105_065_600_000_i64, "scheduled"]));
    let now = project.capstan(&["job", "reschedule", "1", "--now"]).ok();
    now.says(&["job 1 odd queued (ready", "no host works on this project"]);
    let host = project.serve();
    until("it waits for its retry", || (project.job(1)["why"] == "backoff").then_some(()));
    project.capstan(&["job", "reschedule", "1", "--now"]).ok();
    project.capstan(&["job", "wait", "1"]).ok();

    project.capstan(&["queue", "pause", "mine"]).exits(3);
    add(&project, ECHO, &["--queue", "mine", "--in", "1h"]);
    project.capstan(&["queue", "pause", "mine"]).ok();
    let paused = project.capstan(&["job", "reschedule", "2", "--now"]).ok();
    paused.says(&["job 2 odd queued (ready", "its queue \"mine\" is paused"]);
    add(&project, r#"{"do": "retry_after", "ms": 3600000}"#, &["--key", "site"]);
    until("it is deferred", || (project.job(3)["why"] == "deferred").then_some(()));
    let rests = project.capstan(&["job", "reschedule", "3", "--now"]).ok();
    rests.says(&["waits for its key \"site\", which rests", "`capstan key release site` ends the rest"]);
    project.is_sound();
    host.stop().ok();
}

#[test]
fn what_cannot_be_is_refused_with_a_hint_and_changes_nothing() {
    let project = Project::with_odd();
    add(&project, ECHO, &["--deadline", "2h", "--title", "T"]);
    let before = project.job(1);
    let edit = |args: &[&str]| project.capstan(&[&["job", "edit", "1", "--title", "other"], args].concat());
    project
        .capstan(&["job", "edit", "1"])
        .exits(2)
        .complains(&["error: nothing of job 1 is to be changed", "hint: name a payload, a priority"]);
    edit(&["--priority", "101"]).exits(2).complains(&["priority 101 is out of range: -100 to 100", "hint: "]);
    edit(&["--queue", "O d"]).exits(2).complains(&["\"O d\" is no name of a queue", "hint: "]);
    edit(&["--key", ""]).exits(2).complains(&["a key has no empty name"]);
    edit(&["--payload", "{nonsense"]).exits(2).complains(&["the payload from the command line is no JSON", "hint: "]);
    edit(&["--payload", r#"{"do": "nothing of the kind"}"#])
        .exits(2)
        .complains(&["the payload does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"]);
    edit(&["--payload", "null"]).exits(2).complains(&["the payload does not match the schema"]);
    edit(&["--tag", &"x".repeat(2_000)]).exits(2).complains(&["bytes in a tag: at most"]);
    edit(&["--deadline", "2001-01-01T00:00:00Z"])
        .exits(2)
        .complains(&["deadline 2001-01-01T00:00:00Z is not after ", "hint: name a later deadline"]);
    edit(&["--deadline", "soon"]).exits(2).complains(&["\"soon\" is no point in time", "or \"none\""]);
    let reschedule = |args: &[&str]| project.capstan(&[&["job", "reschedule", "1"], args].concat());
    reschedule(&["--in", "3h"]).exits(2).complains(&["is not after", "hint: name a later deadline, or an earlier"]);
    reschedule(&[]).exits(2).complains(&["required", "--now"]);
    reschedule(&["--now", "--in", "1h"]).exits(2).complains(&["cannot be used with"]);
    reschedule(&["--at", "yesterday"]).exits(2).complains(&["\"yesterday\" is no point in time"]);
    assert_eq!(project.job(1), before);
    assert_eq!(project.sql("SELECT count(*) FROM queue"), [1]);
    project.is_sound();
}

#[test]
fn a_job_stays_about_its_document() {
    let project = Project::new();
    project.json(&["job", "add", "ingest", r#"{"url": "https://example.org/a"}"#]);
    project.capstan(&["job", "edit", "1", "--payload", r#"{"url": "https://example.org/b"}"#]).exits(2).complains(&[
        "the payload's \"url\" is another one, and job 1 is about https://example.org/a",
        "hint: cancel it",
    ]);
}

#[test]
fn only_queued_jobs_are_changed_and_the_others_say_what_they_are() {
    let project = Project::with_odd();
    project.set("kind.odd.retry", "max_attempts = 1");
    let host = project.serve();
    let running = add(&project, r#"{"do": "spin"}"#, &[]);
    until("it runs", || (project.job(running)["state"] == "running").then_some(()));
    let done = add(&project, ECHO, &[]);
    let failed = add(&project, r#"{"do": "permanent", "message": "no"}"#, &[]);
    project.capstan(&["job", "wait", &done.to_string()]).ok();
    project.capstan(&["job", "wait", &failed.to_string()]).exits(1);
    for (id, state, hint) in [
        (running, "running", "`capstan job cancel 1` stops it"),
        (done, "completed", "`capstan job add odd` adds another"),
        (failed, "failed", "`capstan job retry 3` queues it again"),
    ] {
        let refused = |done: &str| format!("error: job {id} is {state}: only queued jobs are {done}\nhint: {hint}");
        let id = id.to_string();
        project.capstan(&["job", "edit", &id, "--priority", "1"]).exits(1).complains(&[&refused("edited")]);
        project.capstan(&["job", "reschedule", &id, "--now"]).exits(1).complains(&[&refused("rescheduled")]);
    }
    project.capstan(&["job", "cancel", "1"]).ok();
    for verb in [&["job", "edit", "42", "--priority", "1"][..], &["job", "reschedule", "42", "--now"]] {
        project.capstan(verb).exits(3).complains(&["error: there is no job 42\nhint: `capstan job list`"]);
    }
    host.stop().ok();
}

#[test]
fn a_suspect_keeps_its_time_and_its_key() {
    let project = Project::with_odd();
    let host = project.serve();
    add(&project, r#"{"do": "spin"}"#, &["--key", "a"]);
    until("it runs", || (project.job(1)["state"] == "running").then_some(()));
    host.kill().killed();
    for args in [&["job", "reschedule", "1", "--in", "1h"][..], &["job", "edit", "1", "--key", "b", "--priority", "3"]]
    {
        project
            .capstan(args)
            .exits(1)
            .complains(&["error: job 1 ran when the host died, and keeps its time and its key", "hint: "]);
    }
    let job = project.json(&["job", "edit", "1", "--priority", "3", "--key", "a"]);
    assert_eq!(json!([job["wait"], job["key"], job["priority"]]), json!(["suspect", "a", 3]));
    project.is_sound();
}
