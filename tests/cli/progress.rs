//! How far a job is, as its handler says it.

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::json;

#[test]
fn progress_is_seen_while_the_job_runs_and_stays_when_it_has_ended() {
    let project = Project::with_clerk();
    let host = project.serve();
    let steps = r#"{"steps": [
        {"do": "progress", "done": 1, "total": 3, "note": "reading\nthe first"},
        {"do": "progress", "done": 2, "total": 3, "note": "reading the second"},
        {"do": "done_when_cancelled"}]}"#;
    let id = project.add("clerk", steps);
    let wanted = json!({"done": 2, "total": 3, "note": "reading the second"});
    until("the job is at its second step", || (project.job(id)["progress"] == wanted).then_some(()));
    let listed = project.json(&["job", "list", "--state", "running"]);
    assert_eq!(listed["items"][0]["progress"], wanted);
    let shown = project.capstan(&["job", "show", &id.to_string()]).ok();
    shown.says(&["\nprogress  2 of 3, reading the second\n"]);
    // Who looks into the database sees it too, without asking the host.
    until("it is written down", || {
        (project.sql("SELECT progress->>'done' FROM job WHERE id = 1") == [2]).then_some(())
    });
    project.capstan(&["job", "cancel", "1"]).exits(1).complains(&["error: job 1 is completed already"]);
    assert_eq!((&project.job(id)["state"], &project.job(id)["progress"]), (&json!("completed"), &wanted));
    host.stop().ok();
}

#[test]
fn the_last_word_is_written_with_the_end_and_the_next_attempt_begins_without() {
    let project = Project::with_clerk();
    project.set("retry", "base = \"1ms\"");
    let long = "é".repeat(200);
    let steps = format!(
        r#"{{"steps": [{{"do": "die_until", "attempt": 2}}, {{"do": "progress", "done": 1, "total": 0, "note": "{long}"}}]}}"#
    );
    project.add("clerk", &steps);
    let last_words =
        r#"{"steps": [{"do": "progress", "done": 7, "total": 7, "note": ""}, {"do": "die_until", "attempt": 2}]}"#;
    project.add("clerk", last_words);
    project.capstan(&["run"]).ok();
    let progress = &project.job(1)["progress"];
    assert_eq!(progress["note"], "é".repeat(128));
    assert_eq!(project.job(2)["progress"], json!({"done": 7, "total": 7, "note": ""}));
    let quiet = project.add("clerk", r#"{"steps": []}"#);
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(quiet)["progress"], json!(null));
}
