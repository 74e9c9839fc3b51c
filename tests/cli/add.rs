//! `capstan job add`: when, how urgent, how often, and many at once.

use crate::support::command::{about, run_with};
use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

const ECHO: &str = r#"{"do": "echo"}"#;

fn add(project: &Project, args: &[&str]) -> Value {
    project.json(&[&["job", "add", "odd", ECHO], args].concat())
}

#[test]
fn a_job_keeps_what_it_is_given() {
    let project = Project::with_odd();
    let args = ["--priority", "-7", "--title", "A page", "--tag", "x", "--tag", "y", "--queue", "mine", "--key", "k"];
    let job = add(&project, &args);
    let said = json!([job["priority"], job["title"], job["tags"], job["queue"], job["key"], job["became"]]);
    assert_eq!(said, json!([-7, "A page", ["x", "y"], "mine", "k", "added"]));
    let shown = project.capstan(&["job", "show", "1"]).ok();
    shown.says(&["queue     mine", "key       k", "tags      x, y", "priority  -7"]);
    let at = add(&project, &["--at", "2100-01-31T08:00:00Z"]);
    assert_eq!(json!([at["wait"], at["run_at"]]), json!(["timer", 4_105_065_600_000_i64]));
    assert_eq!(add(&project, &["--at", "2100-01-31 08:00"])["run_at"], at["run_at"], "TZ is UTC in tests");
    let soon = add(&project, &["--in", "2h"]);
    assert_eq!(soon["run_at"].as_i64().unwrap() - soon["created_at"].as_i64().unwrap(), 7_200_000);
}

#[test]
fn the_more_urgent_runs_first() {
    let project = Project::with_odd();
    project.set("worker", "slots = 1");
    for (n, priority) in [("1", "5"), ("2", "0"), ("3", "-5")] {
        let payload = format!(r#"{{"do": "answer", "value": {n}}}"#);
        project.capstan(&["job", "add", "odd", &payload, "--priority", priority]).ok();
    }
    project.capstan(&["run"]).ok();
    assert_eq!(project.sql("SELECT job_id FROM attempt ORDER BY lease"), [3, 2, 1]);
}

/// Whoever claims must not look for a free slot before the attempt has left it, and then wait for a word that came before.
#[test]
fn one_slot_is_filled_again_each_time_that_it_is_free() {
    let project = Project::with_odd();
    project.set("worker", "slots = 1");
    let line = r#"{"kind": "odd", "payload": {"do": "echo"}}"#;
    let lines = format!("{line}\n").repeat(400);
    run_with(about(project.root(), &["job", "add", "--from", "-"]), &lines).ok();
    project.capstan(&["run"]).ok();
    assert_eq!(project.sql("SELECT count(*) FROM job WHERE state = 'completed'"), [400]);
}

#[test]
fn a_job_that_is_not_begun_by_its_deadline_fails_and_one_that_runs_is_stopped() {
    let project = Project::with_odd();
    project.set("worker", "slots = 1");
    project.set("retry", "base = \"1ms\"");
    let host = project.serve();
    let running = project.json(&["job", "add", "odd", r#"{"do": "spin"}"#, "--deadline", "1s"])["id"].to_string();
    let queued = add(&project, &["--deadline", "500ms"])["id"].to_string();
    project.capstan(&["job", "wait", &queued]).exits(1);
    project.capstan(&["job", "wait", &running]).exits(1);
    let error = |id: &str| project.json(&["job", "show", id])["error"].clone();
    let (queued, running) = (error(&queued), error(&running));
    assert_eq!(json!([queued["class"], running["class"]]), json!(["timeout", "timeout"]));
    let said = queued["message"].as_str().unwrap();
    assert!(said.starts_with("deadline 2") && said.ends_with("passed before it ran"), "{said}");
    let said = running["message"].as_str().unwrap();
    assert!(said.starts_with("deadline 2") && said.contains("passed while it ran, "), "{said}");
    project.is_sound();
    host.stop().ok();
}

#[test]
fn one_of_the_same_is_enough() {
    let project = Project::with_odd();
    let first = add(&project, &["--unique"]);
    assert_eq!(json!([first["id"], first["became"]]), json!([1, "added"]));
    let again = project.capstan(&["job", "add", "odd", ECHO, "--unique"]).ok();
    assert_eq!(again.out, "job 1 odd queued (ready)\nit was there already\n");
    let skipped = project.capstan(&["job", "add", "odd", ECHO, "--unique", "--on-conflict", "skip"]).ok();
    assert_eq!(skipped.out, "job 1 odd queued (ready)\nskipped: it was there already\n");
    // Another payload is another job, without a key of its own.
    let other = r#"{"do": "answer", "value": 1}"#;
    let unique = |payload: &str, args: &[&str]| project.json(&[&["job", "add", "odd", payload], args].concat());
    assert_eq!(unique(other, &["--unique"])["id"], 2);
    assert_eq!(unique(other, &["--unique=mine"])["id"], 3);
    let replaced = unique(ECHO, &["--unique=mine", "--on-conflict", "replace", "--priority", "9", "--tag", "new"]);
    let said = json!([replaced["id"], replaced["became"], replaced["priority"], replaced["tags"]]);
    assert_eq!(said, json!([3, "replaced", 9, ["new"]]));
    assert_eq!(project.job(3)["payload"], json!({"do": "echo"}));
    project.capstan(&["run"]).ok().says(&["3 jobs completed"]);
    // What has ended counts only where it is named, and only for its time.
    assert_eq!(add(&project, &["--unique"])["id"], 4);
    project.capstan(&["run"]).ok();
    let ended = ["--unique", "--unique-states", "completed,queued", "--unique-for", "24h"];
    assert_eq!(json!([add(&project, &ended)["id"], add(&project, &ended)["became"]]), json!([4, "existing"]));
    let just_now = ["--unique", "--unique-states", "completed", "--unique-for", "0ms"];
    assert_eq!(add(&project, &just_now)["id"], 5);
    project.is_sound();
}

#[test]
fn one_that_runs_is_not_replaced() {
    let project = Project::with_odd();
    let host = project.serve();
    let spin =
        |args: &[&str]| project.json(&[&["job", "add", "odd", r#"{"do": "spin"}"#, "--unique=x"], args].concat());
    let id = spin(&[])["id"].to_string();
    until("it runs", || (project.json(&["job", "show", &id])["state"] == "running").then_some(()));
    assert_eq!(spin(&["--on-conflict", "replace", "--tag", "new"])["became"], "existing");
    assert_eq!(project.json(&["job", "show", &id])["tags"], json!([]));
    project.capstan(&["job", "cancel", &id]).ok();
    host.stop().ok();
}

#[test]
fn many_come_from_a_file_or_stdin() {
    let project = Project::with_odd();
    let lines: String = (0..2_500)
        .map(|n| {
            format!("{{\"kind\": \"odd\", \"payload\": {{\"do\": \"answer\", \"value\": {n}}}, \"priority\": 3}}\n")
        })
        .collect();
    let file = project.beside().join("jobs.ndjson");
    std::fs::write(&file, format!("\n{lines}")).unwrap();
    let added = project.capstan(&["job", "add", "--from", file.to_str().unwrap()]).ok();
    assert_eq!(added.out, "2500 jobs added (job 1 to 2500)\n");
    assert_eq!(project.sql("SELECT count(*) FROM job WHERE priority = 3"), [2_500]);
    let line = r#"{"kind": "odd", "payload": {"do": "echo"}, "unique": {"by": "x"}, "in": 60000}"#;
    let stdin =
        run_with(about(project.root(), &["job", "add", "--from", "-", "--json"]), &format!("{line}\n{line}")).ok();
    assert_eq!(
        stdin.json(),
        json!({"added": 1, "replaced": 0, "existing": 1, "skipped": 0, "first": 2501, "last": 2501})
    );
    assert_eq!(project.job(2_501)["wait"], "timer");
    project.is_sound();
}

#[test]
fn a_bad_line_refuses_the_whole_input_and_is_named() {
    let project = Project::with_odd();
    let good = r#"{"kind": "odd", "payload": {"do": "echo"}}"#;
    let from = |lines: &str| run_with(about(project.root(), &["job", "add", "--from", "-"]), lines).exits(2);
    // Behind more lines than one request holds.
    let many = format!("{good}\n").repeat(1_500);
    from(&format!("{many}{{\"kind\": \"odd\""))
        .complains(&["error: line 1501 of stdin is no job: ", "hint: each line"]);
    from(&format!("{many}{{\"kind\": \"odd\", \"payload\": {{\"do\": \"dance\"}}}}"))
        .complains(&["error: line 1501: the payload does not match the schema", "nothing of the input was added"]);
    from(&format!("{good}\n\n{{\"kind\": \"dance\"}}")).complains(&["error: line 3: no handler does kind \"dance\""]);
    from(r#"{"kind": "odd", "payload": {"do": "echo"}, "prio": 3}"#).complains(&["unknown field `prio`"]);
    from(r#"{"kind": "odd", "payload": {"do": "echo"}, "priority": 101}"#)
        .complains(&["line 1: priority 101 is out of range: -100 to 100"]);
    project.capstan(&["job", "add", "--from", "/no/such"]).exits(2).complains(&["error: file /no/such: No such file"]);
    assert_eq!(project.sql("SELECT next FROM sequence WHERE name = 'job'"), [1]);
    let nothing = run_with(about(project.root(), &["job", "add", "--from", "-"]), "\n").ok();
    assert_eq!(nothing.out, "0 jobs added\n");
}

#[test]
fn what_cannot_be_is_refused_with_a_hint_and_nothing_is_added() {
    let project = Project::with_odd();
    let bad = |args: &[&str]| project.capstan(&[&["job", "add", "odd", ECHO], args].concat()).exits(2);
    bad(&["--priority", "101"]).complains(&["priority 101 is out of range: -100 to 100", "hint: the smaller"]);
    bad(&["--priority", "-101"]).complains(&["priority -101 is out of range"]);
    bad(&["--at", "soon"]).complains(&["\"soon\" is no point in time: write for example"]);
    bad(&["--in", "5"]).complains(&["\"5\" is no span of time: write a number with a unit"]);
    bad(&["--in", "5s", "--at", "2100-01-01 00:00"]).complains(&["cannot be used with"]);
    bad(&["--deadline", "2001-01-01 00:00"])
        .complains(&["deadline 2001-01-01T00:00:00Z has passed", "hint: name a later"]);
    bad(&["--deadline", "1h", "--in", "2h"]).complains(&["before which the job does not run"]);
    bad(&["--queue", "A b"]).complains(&["\"A b\" is no name of a queue", "hint: `capstan queue list`"]);
    bad(&["--key", ""]).complains(&["a key has no empty name"]);
    bad(&["--tag", &"x".repeat(129)]).complains(&["the job has 129 bytes in a tag: at most 128"]);
    bad(&["--unique", "--on-conflict", "fight"]).complains(&["it is one of existing, skip, replace"]);
    bad(&["--unique-for", "1h"]).complains(&["--unique"]);
    bad(&["--from", "x"]).complains(&["cannot be used with"]);
    project.capstan(&["job", "add"]).exits(2).complains(&["required arguments were not provided"]);
    assert_eq!(project.sql("SELECT next FROM sequence WHERE name = 'job'"), [1]);
}
