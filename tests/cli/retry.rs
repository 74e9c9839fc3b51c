//! What is tried again, when, and how often.

use crate::support::project::Project;
use serde_json::{Value, json};

pub(super) fn numbers(job: &Value, name: &str) -> Vec<i64> {
    job["attempts"].as_array().unwrap().iter().map(|attempt| attempt[name].as_i64().unwrap()).collect()
}

#[test]
fn a_transient_failure_is_tried_again_with_growing_delays() {
    let project = Project::with_odd();
    project.set("retry", "base = \"100ms\"");
    project.set("retry", "max_attempts = 4");
    project.add("odd", r#"{"do": "die_until", "attempt": 4}"#);
    project.add("odd", r#"{"do": "trap_until", "attempt": 2}"#);
    project.add("odd", r#"{"do": "die_until", "attempt": 5}"#);
    project.capstan(&["run"]).exits(1).says(&["2 jobs completed, 1 failed"]);
    let job = project.job(1);
    assert_eq!(json!([job["state"], job["attempt"], job["result"]]), json!(["completed", 4, 4]));
    assert_eq!(numbers(&job, "attempt"), [1, 2, 3, 4]);
    let (began, ended) = (numbers(&job, "started_at"), numbers(&job, "finished_at"));
    for (tried, least) in [50, 100, 200].into_iter().enumerate() {
        let waited = began[tried + 1] - ended[tried];
        assert!(waited >= least, "after try {}: {waited} ms", tried + 1);
    }
    assert_eq!(project.job(2)["attempt"], 2);
    let job = project.job(3);
    assert_eq!(json!([job["state"], job["attempt"], job["max_attempts"]]), json!(["failed", 4, 4]));
    assert_eq!(job["error"], json!({"class": "transient", "message": "attempt 4 of 5 dies"}));
}

#[test]
fn a_retry_is_a_new_round_with_a_budget_of_its_own() {
    let project = Project::with_odd();
    project.set("retry", "base = \"1ms\"");
    project.set("retry", "max_attempts = 2");
    project.add("odd", r#"{"do": "die_until", "attempt": 3}"#);
    project.capstan(&["run"]).exits(1);
    project.capstan(&["job", "retry", "1"]).ok();
    let job = project.job(1);
    assert_eq!(json!([job["state"], job["attempt"], job["round"], job["error"]]), json!(["queued", 0, 2, null]));
    project.capstan(&["run"]).exits(1);
    let job = project.job(1);
    assert_eq!(numbers(&job, "round"), [1, 1, 2, 2]);
    assert_eq!(numbers(&job, "attempt"), [1, 2, 1, 2]);
    project.is_sound();
}

/// The idempotency keys that the attempts of a job were given.
fn keys(job: &Value) -> Vec<String> {
    let logs = job["attempts"].as_array().unwrap().iter().map(|attempt| attempt["log"].as_str().unwrap());
    logs.map(|log| log.trim().rsplit_once(" key ").unwrap_or_else(|| panic!("{log}")).1.to_owned()).collect()
}

#[test]
fn the_idempotency_key_is_the_same_in_every_attempt_and_another_in_every_job() {
    let project = Project::with_witness();
    project.set("retry", "base = \"1ms\"\nmax_attempts = 2");
    for _ in 0..2 {
        project.add("witness", r#"{"die_until": 3}"#);
    }
    project.capstan(&["run"]).exits(1);
    // A retry of an operator is still the same job.
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).exits(1);
    let (first, second) = (keys(&project.job(1)), keys(&project.job(2)));
    assert_eq!((first.len(), second.len()), (4, 2));
    assert!(!first[0].is_empty() && first.iter().all(|key| *key == first[0]), "{first:?}");
    assert!(second[0] != first[0] && second[1] == second[0], "{first:?} {second:?}");
}

#[test]
fn a_permanent_failure_is_tried_once() {
    let project = Project::with_odd();
    project.set("retry", "base = \"1ms\"");
    project.add("odd", r#"{"do": "permanent", "message": "no"}"#);
    project.capstan(&["run"]).exits(1);
    assert_eq!(numbers(&project.job(1), "attempt"), [1]);
}

#[test]
fn a_handler_that_asks_to_wait_is_not_charged() {
    let project = Project::with_odd();
    let id = project.add("odd", r#"{"do": "retry_after", "ms": 3600000}"#);
    let mut host = project.serve();
    crate::support::wait::until("it is deferred", || {
        let job = project.job(id);
        (job["why"] == "deferred").then_some(job)
    });
    let job = project.job(id);
    assert_eq!(json!([job["state"], job["wait"], job["attempt"]]), json!(["queued", "timer", 0]));
    assert_eq!(job["error"], json!({"class": "deferred", "message": "told to come back"}));
    let waits = job["run_at"].as_i64().unwrap() - numbers(&job, "finished_at")[0];
    assert_eq!(waits, 3_600_000);
    assert!(host.is_running());
    host.stop().ok();
    project.capstan(&["job", "list"]).ok().says(&["queued", "0/5", "deferred: told to come back"]);
}
