//! Guests that are told to stop.

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::json;
use std::time::{Duration, Instant};

fn is_running(project: &Project, id: i64) {
    until("the job runs", || (project.job(id)["progress"]["done"] == 1).then_some(()));
}

fn steps(last: &str) -> String {
    format!(r#"{{"steps": [{{"do": "progress", "done": 1, "total": 0, "note": ""}}, {last}]}}"#)
}

#[test]
fn a_guest_that_asks_ends_with_its_own_words() {
    let project = Project::with_clerk();
    project.set("limits", "cancel_grace = \"1h\"");
    let host = project.serve();
    let id = project.add("clerk", &steps(r#"{"do": "until_cancelled", "message": "12 of 40 pages are done"}"#));
    is_running(&project, id);
    let cancelled = project.capstan(&["job", "cancel", &id.to_string()]).ok();
    cancelled
        .says(&["job 1 clerk cancelled\ncancelled: cancelled by cli (uid ", ") while it ran: 12 of 40 pages are done"]);
    let attempt = &project.job(id)["attempts"][0];
    assert_eq!(attempt["outcome"], "cancelled");
    assert!(attempt["message"].as_str().unwrap().ends_with("while it ran: 12 of 40 pages are done"), "{attempt}");
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_guest_that_goes_on_is_stopped_when_its_grace_is_over() {
    let project = Project::with_clerk();
    project.set("limits", "cancel_grace = \"300ms\"");
    let host = project.serve();
    let ids =
        [r#"{"do": "ignore"}"#, r#"{"do": "sleep", "ms": 600000}"#].map(|last| project.add("clerk", &steps(last)));
    for id in ids {
        is_running(&project, id);
        let asked = Instant::now();
        let cancelled = project.capstan(&["job", "cancel", &id.to_string()]).ok();
        cancelled.says(&["clerk cancelled\ncancelled: cancelled by cli (uid ", ") while it ran\n"]);
        assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    }
    host.stop().ok();
}

#[test]
fn a_guest_that_never_asks_is_stopped_at_once() {
    let project = Project::with_odd();
    project.set("limits", "cancel_grace = \"1h\"");
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "spin"}"#);
    until("the job runs", || (project.job(id)["state"] == "running").then_some(()));
    project.capstan(&["job", "cancel", &id.to_string()]).ok().says(&["odd cancelled"]);
    host.stop().ok();
}

#[test]
fn a_guest_that_still_succeeds_completes_its_job() {
    let project = Project::with_clerk();
    let host = project.serve();
    let id = project.add("clerk", &steps(r#"{"do": "done_when_cancelled"}"#));
    is_running(&project, id);
    project.capstan(&["job", "cancel", &id.to_string()]).exits(1).complains(&["error: job 1 is completed already"]);
    host.stop().ok();
}

#[test]
fn a_host_that_shuts_down_says_so_and_charges_nobody() {
    let project = Project::with_clerk();
    project.set("worker", "grace = \"1h\"");
    let host = project.serve();
    let id = project.add("clerk", &steps(r#"{"do": "until_cancelled", "message": "later, then"}"#));
    is_running(&project, id);
    host.stop().ok();
    let job = project.job(id);
    assert_eq!(
        json!([job["state"], job["wait"], job["why"], job["attempt"]]),
        json!(["queued", "ready", "stopped", 0])
    );
    assert_eq!(job["attempts"][0]["outcome"], "stopped");
}
