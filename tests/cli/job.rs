//! `capstan job`

use crate::support::command::{about, run_with};
use crate::support::kinds_and;
use crate::support::project::Project;
use serde_json::{Value, json};

#[test]
fn a_payload_comes_from_the_line_a_file_or_stdin() {
    let project = Project::with_odd();
    let line = project.capstan(&["job", "add", "odd", r#"{"do": "answer", "value": 1}"#]).ok();
    assert_eq!(line.out, "job 1 odd queued (ready)\n");
    let file = project.beside().join("payload.json");
    std::fs::write(&file, r#"{"do": "answer", "value": 2}"#).unwrap();
    project.capstan(&["job", "add", "odd", &format!("@{}", file.display())]).ok();
    run_with(about(project.root(), &["job", "add", "odd", "-"]), r#"{"do": "answer", "value": 3}"#).ok();
    project.capstan(&["run"]).ok();
    for id in 1..=3 {
        assert_eq!(project.job(id)["result"], json!(id));
    }
}

#[test]
fn a_payload_that_is_none_is_refused_and_nothing_is_added() {
    let project = Project::with_odd();
    let add = |payload: &str| project.capstan(&["job", "add", "odd", payload]).exits(2);
    add("{nonsense").complains(&["error: the payload from the command line is no JSON: ", "hint: write JSON, @FILE"]);
    add("@/no/such/file").complains(&["error: payload file /no/such/file: No such file or directory"]);
    run_with(about(project.root(), &["job", "add", "odd", "-"]), "")
        .exits(2)
        .complains(&["the payload from stdin is no JSON"]);
    add(r#"{"do": "nothing of the kind"}"#).complains(&[
        "error: the payload does not match the schema of kind \"odd\": ",
        "hint: `capstan handler inspect odd` prints the schema",
    ]);
    let huge = format!(r#"{{"do": "answer", "value": "{}"}}"#, "x".repeat(1 << 20));
    run_with(about(project.root(), &["job", "add", "odd", "-"]), &huge).exits(2).complains(&[
        "error: the payload has 1048602 bytes: at most 1048576",
        "hint: put large input into a file of an import, or into an artifact",
    ]);
    project.capstan(&["job", "add", "dance"]).exits(2).complains(&[
        "error: no handler does kind \"dance\"",
        &format!("hint: kinds that can be added: {}", kinds_and(&["odd"])),
    ]);
    assert_eq!(project.json(&["job", "list"]), json!({"items": [], "next": null}));
    assert_eq!(project.sql("SELECT next FROM sequence WHERE name = 'job'"), [1]);
}

#[test]
fn a_job_about_a_subject_needs_one_that_is_there() {
    let project = Project::with_odd();
    let add = |subject: &str| project.capstan(&["job", "add", "odd", r#"{"do":"echo"}"#, "--subject", subject]);
    add("x").exits(2).complains(&["subject \"x\" is no subject id: 32 lower-case hex digits"]);
    add(&"0".repeat(32)).exits(3).complains(&["there is no subject 0000"]);
    // A subject is known from the first thing that is made about it.
    let first = project.json(&["job", "add", "odd", r#"{"do": "echo", "write": {"odd.txt": "made"}}"#]);
    let subject = first["subject"].as_str().unwrap();
    add(subject).exits(3);
    project.capstan(&["run"]).ok();
    add(subject).ok().says(&["job 2 odd queued"]);
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(2)["result"]["subject"], first["subject"]);
}

#[test]
fn jobs_are_listed_newest_first_by_state_kind_and_page() {
    let project = Project::with_odd();
    for value in 1..=4 {
        project.add("odd", &format!(r#"{{"do": "answer", "value": {value}}}"#));
    }
    project.add("odd", r#"{"do": "permanent", "message": "no sea"}"#);
    project.capstan(&["run"]).exits(1);
    let ids = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let page = project.json(&["job", "list", "--state", "completed", "--limit", "3"]);
    assert_eq!((ids(&page), &page["next"]), (vec![4, 3, 2], &json!("2")));
    let page = project.json(&["job", "list", "--state", "completed", "--limit", "3", "--before", "2"]);
    assert_eq!((ids(&page), &page["next"]), (vec![1], &json!(null)));
    assert_eq!(ids(&project.json(&["job", "list", "--kind", "normalise"])), [0; 0]);
    assert_eq!(ids(&project.json(&["job", "list", "--state", "failed", "--kind", "odd"])), [5]);
    project.capstan(&["job", "list", "--state", "failed"]).ok().says(&["permanent: no sea"]);
    project
        .capstan(&["job", "list", "--state", "lost"])
        .exits(2)
        .complains(&["a state is one of queued, running, completed, failed, cancelled"]);
    project
        .capstan(&["job", "list", "--limit", "10001"])
        .exits(2)
        .complains(&["limit 10001 is out of range: 1 to 10000"]);
    project.capstan(&["job", "list", "--before", "x"]).exits(2).complains(&["invalid value 'x' for '--before <ID>'"]);
}

#[test]
fn a_queued_job_is_cancelled_and_retried() {
    let project = Project::with_odd();
    let id = project.add("odd", r#"{"do": "answer", "value": "at last"}"#).to_string();
    let cancelled = project.capstan(&["job", "cancel", &id]).ok();
    cancelled.says(&["job 1 odd cancelled\ncancelled: cancelled by cli (uid "]);
    project.capstan(&["job", "cancel", &id]).ok();
    assert_eq!(project.capstan(&["run"]).ok().out, "nothing to do\n");
    project.capstan(&["job", "wait", &id]).exits(1).says(&["job 1 odd cancelled"]);
    project.capstan(&["job", "retry", &id]).ok().says(&["job 1 odd queued (ready, retried)"]);
    project.capstan(&["run"]).ok();
    let job = project.job(1);
    assert_eq!((&job["state"], &job["round"], &job["result"]), (&json!("completed"), &json!(2), &json!("at last")));
    project.capstan(&["job", "wait", &id]).ok().says(&["job 1 odd completed"]);
    project.capstan(&["job", "cancel", &id]).exits(1).complains(&["error: job 1 is completed already"]);
    project
        .capstan(&["job", "retry", &id])
        .exits(1)
        .complains(&["error: job 1 is completed: only failed and cancelled jobs are retried"]);
}

#[test]
fn waiting_without_a_host_says_what_to_do() {
    let project = Project::with_odd();
    project.add("odd", r#"{"do": "echo"}"#);
    project.capstan(&["job", "wait", "1"]).exits(1).complains(&[
        "error: job 1 is queued and no host works on it",
        "hint: start one: `capstan run` or `capstan serve`",
    ]);
}

#[test]
fn a_job_that_is_not_there_is_not_found() {
    let project = Project::new();
    for verb in ["show", "logs", "wait", "cancel", "retry"] {
        project
            .capstan(&["job", verb, "42"])
            .exits(3)
            .complains(&["error: there is no job 42\nhint: `capstan job list` shows the jobs"]);
    }
}

#[test]
fn logs_are_those_of_every_attempt() {
    let project = Project::with_odd();
    project
        .capstan(&["job", "logs", &project.add("odd", r#"{"do": "echo"}"#).to_string()])
        .ok()
        .says(&["no attempt has ended yet"]);
    project.add("odd", r#"{"do": "log", "message": "ahoy"}"#);
    project.add("odd", r#"{"do": "flood_stdout", "bytes": 100000}"#);
    project.capstan(&["run"]).ok();
    let logs = project.capstan(&["job", "logs", "2"]).ok();
    logs.says(&["--- attempt 1 of round 1: done", "debug ahoy level=debug", "error ahoy level=error"]);
    let flooded = project.capstan(&["job", "logs", "3"]).ok();
    flooded.says(&["bytes were dropped)"]);
}
