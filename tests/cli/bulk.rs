//! `capstan bulk`, and `capstan job cancel`, `retry` and `prioritise` with filters.

use crate::support::command::{about, run_with};
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use rustix::process::Signal;
use serde_json::{Value, json};

/// So many jobs of kind `odd`, about a document each.
fn add(project: &Project, many: usize, line: impl Fn(usize) -> Value) {
    let lines: String = (0..many).map(|n| line(n).to_string() + "\n").collect();
    run_with(about(project.root(), &["job", "add", "--from", "-"]), &lines).ok();
}

fn failing(n: usize) -> Value {
    json!({"kind": "odd", "payload": {"do": "permanent", "message": format!("no {n}")}, "tags": [format!("t{}", n % 2)]})
}

/// A project with so many jobs that failed, numbered from 1.
fn with_failures(many: usize) -> Project {
    let project = Project::with_odd();
    project.set("bulk", "chunk = 3");
    add(&project, many, failing);
    project.capstan(&["run"]).exits(1);
    project
}

fn rounds(project: &Project) -> Vec<i64> {
    project.sql("SELECT round FROM job ORDER BY id")
}

#[test]
fn all_that_match_are_shown_frozen_and_given_a_new_round() {
    let project = with_failures(12);
    let ran = project.capstan(&["job", "retry", "--kind", "odd", "--tag", "t0"]).ok();
    assert_eq!(ran.out, "operation 1 completed: 6 queued again\n");
    ran.complains(&["retry: 6 jobs match (kind odd, tag t0)", "permanent: no 10", "ID", "ABOUT"]);
    assert_eq!(rounds(&project), [2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
    let shown = project.capstan(&["bulk", "show", "1"]).ok();
    shown.says(&["operation 1 completed: 6 queued again", "retry: kind odd, tag t0", "by cli (uid ", "finished  "]);
    let row = project.json(&["bulk", "show", "1"]);
    assert_eq!(row["what"], json!({"verb": "retry", "jobs": {"kind": "odd", "tag": "t0"}}));
    assert!(row["created_at"].as_i64() > Some(0) && row["finished_at"].as_i64() >= row["created_at"].as_i64(), "{row}");
    project.capstan(&["bulk", "list"]).ok().says(&["VERB", "retry", "kind odd, tag t0"]);
    assert_eq!(project.json(&["bulk", "list", "--limit", "1"])["next"], "1");
    assert_eq!(project.json(&["bulk", "list", "--before", "1"]), json!({"items": [], "next": null}));
    project.is_sound();
}

#[test]
fn a_dry_run_shows_what_matches_and_changes_nothing() {
    let project = with_failures(12);
    let before = project.dump();
    let ran = project.capstan(&["job", "retry", "--all", "--dry-run"]).ok();
    ran.says(&["retry: 12 jobs match (all)", "and 2 others", "permanent: no 11"]);
    let preview = project.json(&["job", "retry", "--class", "permanent", "--message", "NO 1", "--dry-run"]);
    assert_eq!(preview["total"], 3);
    let sample = preview["sample"].as_array().unwrap().iter().map(|each| each["error"]["message"].clone());
    assert_eq!(sample.collect::<Vec<_>>(), ["no 11", "no 10", "no 1"]);
    assert_eq!(project.json(&["job", "cancel", "--kind", "odd", "--dry-run"])["total"], 0);
    assert_eq!(project.dump(), before);
}

#[test]
fn what_matches_nothing_is_said_and_makes_no_operation() {
    let project = with_failures(1);
    let ran = project.capstan(&["job", "retry", "--kind", "page"]).ok();
    assert_eq!(ran.out, "");
    ran.complains(&["nothing matches: retry, kind page"]);
    assert_eq!(project.json(&["job", "retry", "--kind", "page"]), Value::Null);
    assert_eq!(project.json(&["bulk", "list"])["items"], json!([]));
}

#[test]
fn jobs_that_match_later_are_not_of_the_set() {
    let project = with_failures(4);
    let begun = project.capstan(&["job", "retry", "--state", "failed", "--detach"]).ok();
    begun.complains(&["no host works on it: capstan bulk resume 1, or capstan run"]);
    // One is in another round now.
    project.capstan(&["job", "retry", "2"]).ok();
    project.capstan(&["job", "cancel", "2"]).ok();
    add(&project, 1, |_| json!({"kind": "odd", "payload": {"do": "permanent", "message": "later"}}));
    project.capstan(&["job", "cancel", "5"]).ok();
    let resumed = project.capstan(&["bulk", "resume", "1"]).ok();
    assert_eq!(resumed.out, "operation 1 completed: 3 queued again, 1 no longer failed or cancelled\n");
    assert_eq!(rounds(&project), [2, 2, 2, 2, 1]);
    project.is_sound();
}

#[test]
fn a_run_goes_on_with_what_is_open_before_it_ends() {
    let project = with_failures(7);
    project.capstan(&["job", "retry", "--all", "--detach"]).ok();
    assert_eq!(project.json(&["bulk", "show", "1"])["remaining"], 7);
    project.capstan(&["run"]).exits(1).says(&["7 failed"]);
    assert_eq!(project.json(&["bulk", "show", "1"])["state"], "completed");
    assert_eq!(rounds(&project), [2; 7]);
    project.is_sound();
}

#[test]
fn a_command_that_is_killed_leaves_an_operation_that_the_next_one_goes_on_with() {
    let project = with_failures(10);
    for (at, done) in [("bulk.after_commit:2", 6), ("bulk.before_commit", 6), ("bulk.after_commit", 9)] {
        let args: &[&str] =
            if done == 6 && at.ends_with(":2") { &["job", "retry", "--all"] } else { &["bulk", "resume", "1"] };
        project.capstan_with(capstan::crash::VARIABLE, at, args).killed();
        let row = project.json(&["bulk", "show", "1"]);
        assert_eq!(json!([row["state"], row["done"], row["remaining"]]), json!(["running", done, 10 - done]), "{at}");
        project.is_sound();
    }
    let host = project.serve();
    until("the host goes on with it", || (project.json(&["bulk", "show", "1"])["state"] == "completed").then_some(()));
    host.stop().ok();
    assert_eq!(rounds(&project), [2; 10]);
    project.is_sound();
}

#[test]
fn a_cancel_reaches_what_waits_and_what_runs() {
    let project = Project::with_odd();
    project.set("worker", "slots = 3");
    project.set("bulk", "chunk = 2");
    let host = project.serve();
    add(
        &project,
        8,
        |n| json!({"kind": "odd", "payload": {"do": "spin", "write": {"n.txt": n.to_string()}}, "queue": "mine"}),
    );
    add(&project, 1, |_| json!({"kind": "odd", "payload": {"do": "echo"}, "at": 9_000_000_000_000_i64}));
    until("some run", || (project.json(&["stats"])["jobs"]["running"].as_i64() > Some(0)).then_some(()));
    let ran = project.capstan(&["job", "cancel", "--queue", "mine"]).ok();
    assert_eq!(ran.out, "operation 1 completed: 8 cancelled\n");
    let states = project.texts("SELECT state FROM job ORDER BY id");
    assert_eq!(states[..8], ["cancelled"; 8]);
    assert_eq!(states[8], "queued");
    let shown = project.capstan(&["job", "show", "1"]).ok();
    shown.says(&["cancelled by cli (uid ", "), operation 1"]);
    project.is_sound();
    host.stop().ok();
}

#[test]
fn an_operation_is_cancelled_between_two_steps_and_what_was_done_stays_done() {
    let project = with_failures(5);
    project.capstan_with(capstan::crash::VARIABLE, "bulk.after_commit", &["job", "retry", "--all"]).killed();
    let cancelled = project.capstan(&["bulk", "cancel", "1"]).ok();
    assert_eq!(cancelled.out, "operation 1 cancelled: 3 queued again, 2 left; what was done stays done\n");
    let row = project.json(&["bulk", "show", "1"]);
    assert!(row["cancelled_by"].as_str().unwrap().starts_with("cli (uid "), "{row}");
    assert_eq!(project.json(&["bulk", "cancel", "1"]), row);
    project.capstan(&["bulk", "resume", "1"]).exits(1).says(&["operation 1 cancelled: 3 queued again, 2 left"]);
    assert_eq!(rounds(&project), [2, 2, 2, 1, 1]);
    project.is_sound();
}

#[test]
fn queued_jobs_get_another_priority_and_go_in_that_order() {
    let project = Project::with_odd();
    project.set("worker", "slots = 1");
    add(
        &project,
        4,
        |n| json!({"kind": "odd", "payload": {"do": "answer", "value": n}, "tags": [format!("t{}", n % 2)]}),
    );
    let ran = project.capstan(&["job", "prioritise", "--priority", "-3", "--tag", "t1"]).ok();
    assert_eq!(ran.out, "operation 1 completed: 2 given priority -3\n");
    project.capstan(&["job", "prioritise", "--priority", "4", "1"]).ok().says(&["job 1 odd queued (ready)"]);
    project.capstan(&["run"]).ok();
    assert_eq!(project.sql("SELECT job_id FROM attempt ORDER BY lease"), [2, 4, 3, 1]);
    project.is_sound();
}

#[test]
fn several_numbers_are_taken_one_by_one_and_one_that_is_refused_does_not_keep_the_others() {
    let project = with_failures(3);
    project.capstan(&["job", "retry", "1", "99"]).exits(3).complains(&["there is no job 99"]);
    assert_eq!(rounds(&project), [1; 3]);
    let ran = project.capstan(&["job", "retry", "3", "1"]).ok();
    assert_eq!(ran.out, "job 3 odd queued (ready, retried)\njob 1 odd queued (ready, retried)\n");
    let refused = project.capstan(&["job", "retry", "1", "2", "--json"]).exits(1);
    assert_eq!(refused.json()["items"][0]["id"], 2);
    refused.complains(&["error: job 1 is queued: only failed and cancelled jobs are retried", "hint: "]);
    assert_eq!(project.json(&["bulk", "list"])["items"], json!([]));
}

#[test]
fn lists_take_the_same_filters() {
    let project = with_failures(4);
    let ids = |args: &[&str]| {
        let page = project.json(&[&["job", "list"], args].concat());
        page["items"].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--tag", "t1"]), [4, 2]);
    assert_eq!(ids(&["--message", "No 2"]), [3]);
    assert_eq!(ids(&["--class", "trap"]), Vec::<i64>::new());
    assert_eq!(ids(&["--queue", "odd", "--since", "1h", "--before", "3"]), [2, 1]);
    assert_eq!(ids(&["--since", "2100-01-01 00:00"]), Vec::<i64>::new());
}

#[test]
fn who_waits_and_is_asked_to_stop_is_told_that_the_host_goes_on() {
    let project = Project::with_clerk();
    project.set("limits", "cancel_grace = \"1h\"");
    project.set("worker", "grace = \"0s\"");
    let host = project.serve();
    let steps = r#"{"steps": [{"do": "progress", "done": 1, "total": 0, "note": ""}, {"do": "ignore"}]}"#;
    let id = project.add("clerk", steps);
    until("it runs", || (project.job(id)["progress"]["done"] == 1).then_some(()));
    let waits = Serving::spawn(project.root(), &["job", "cancel", "--kind", "clerk"]);
    until("it is asked to end", || project.job(id)["cancel_by"].as_str().map(drop));
    waits.signal(Signal::INT);
    let left = waits.ended().exits(1);
    assert_eq!(left.out, "operation 1 running: 0 cancelled, 1 left\n");
    left.complains(&["the host goes on with it: capstan bulk show 1"]);
    project.capstan(&["bulk", "cancel", "1"]).ok().says(&["operation 1 cancelled: 0 cancelled, 1 left"]);
    host.stop().ok();
    // What was asked to end has ended, and is counted.
    project.capstan(&["bulk", "resume", "1"]).exits(1).says(&["operation 1 cancelled: 1 cancelled\n"]);
    assert_eq!(project.job(id)["state"], "cancelled");
    project.is_sound();
}

#[test]
fn the_host_refuses_what_the_command_line_cannot_say() {
    use capstan::host::bulk::{BulkPreview, BulkStart, What};
    use capstan::host::failure::FailureFilter;
    use capstan::host::job::JobFilter;
    use capstan::host::refusal::{Fault, Refusal};
    use capstan::http::client;

    let project = with_failures(2);
    let host = project.serve();
    let before = project.dump();
    let socket = project.root().join("state/capstan.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = |what: What, all: bool| -> Refusal {
        let verb = BulkStart { what, by: "a test".into(), all };
        runtime.block_on(client::say(&socket, &verb)).unwrap_err()
    };
    let kind = JobFilter { kind: Some("odd".into()), ..JobFilter::default() };
    let resolved = FailureFilter { which: capstan::host::failure::Which::All, ..FailureFilter::default() };
    for (what, all, words) in [
        (What::Cancel { jobs: JobFilter::default() }, false, "cancel has no filter"),
        (What::Retry { jobs: kind.clone() }, true, "retry has a filter, and --all"),
        (What::Retry { jobs: JobFilter { limit: 3, ..kind.clone() } }, false, "limit 3 is for lists"),
        (What::Prioritise { jobs: kind, priority: 101 }, false, "priority 101 is out of range"),
        (What::Delete { failures: FailureFilter::default() }, false, "delete has no filter"),
        (
            What::Resubmit { failures: resolved },
            true,
            "resubmit is for unresolved failures, and the filter names all ones",
        ),
    ] {
        let refused = start(what, all);
        assert_eq!(refused.fault, Fault::Usage, "{refused:?}");
        assert!(refused.message.contains(words) && refused.hint.is_some(), "{refused:?}");
    }
    let preview = BulkPreview { what: What::Cancel { jobs: JobFilter::default() }, all: false };
    assert_eq!(runtime.block_on(client::say(&socket, &preview)).unwrap_err().fault, Fault::Usage);
    assert_eq!(project.dump(), before);
    host.stop().ok();
}

#[test]
fn failures_are_resubmitted_and_deleted_by_what_they_are_like() {
    let project = with_failures(8);
    let preview = project.capstan(&["failure", "resubmit", "--message", "no 1", "--dry-run"]).ok();
    preview.says(&["resubmit: 1 failures match (message \"no 1\")", "permanent: no 1"]);
    let ran = project.capstan(&["failure", "delete", "--kind", "odd", "--message", "NO 7"]).ok();
    assert_eq!(ran.out, "operation 1 completed: 1 deleted\n");
    let ran = project.capstan(&["failure", "resubmit", "--class", "permanent"]).ok();
    assert_eq!(ran.out, "operation 2 completed: 7 resubmitted\n");
    ran.complains(&["resubmit: 7 failures match (class permanent)"]);
    assert_eq!(rounds(&project), [2, 2, 2, 2, 2, 2, 2, 1]);
    assert_eq!(project.json(&["failure", "list"])["items"], json!([]));
    let deleted = &project.json(&["failure", "list", "--resolution", "deleted"])["items"][0];
    assert!(deleted["resolved_by"].as_str().unwrap().ends_with(", operation 1"), "{deleted}");
    // Each fails again, which is one new failure that names the one before.
    project.capstan(&["run"]).exits(1);
    let again = project.json(&["failure", "list"])["items"].as_array().unwrap().clone();
    assert_eq!(again.len(), 7);
    assert!(again.iter().all(|failure| failure["round"] == 2 && failure["previous"].is_i64()), "{again:?}");
    project.capstan(&["failure", "delete", "--all"]).ok().says(&["operation 3 completed: 7 deleted"]);
    assert_eq!(project.texts("SELECT DISTINCT state FROM job"), ["failed"]);
    project.is_sound();
}
