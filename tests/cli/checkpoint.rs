//! What an attempt keeps for the next one.

use crate::support::project::Project;
use serde_json::json;

const KEPT: &str = "SELECT job_id FROM checkpoint ORDER BY job_id";

#[test]
fn a_checkpoint_is_given_to_the_next_attempt_and_thrown_away_in_the_end() {
    let project = Project::with_clerk();
    project.set("retry", "base = \"1ms\"");
    let steps = r#"{"steps": [{"do": "load"}, {"do": "save", "format": "pages/1", "text": "older"},
        {"do": "save", "format": "pages/2", "text": "new"}, {"do": "load"}, {"do": "die_until", "attempt": 2}]}"#;
    project.add("clerk", steps);
    project.capstan(&["run"]).ok();
    let job = project.job(1);
    let found = json!(["pages/2", "new"]);
    assert_eq!(job["result"], json!([found, null, null, found, null]), "{job}");
    let usage = &job["attempts"][0]["usage"];
    assert_eq!((&usage["checkpoint_bytes"], &usage["largest_checkpoint"]), (&json!(8), &json!(5)));
    project.capstan(&["job", "show", "1"]).ok().says(&[", checkpoints 8 B, the largest 5 B"]);
    assert_eq!(project.sql(KEPT), [0; 0]);
    project.is_sound();
}

#[test]
fn a_checkpoint_outlives_a_failure_and_serves_the_next_round() {
    let project = Project::with_clerk();
    project.set("retry", "max_attempts = 1");
    let steps = r#"{"steps": [{"do": "load"}, {"do": "save", "format": "f", "text": "kept"}, {"do": "must_enqueue", "kind": "noop"}, {"do": "die_until", "attempt": 9}]}"#;
    project.add("clerk", steps);
    project.add("clerk", r#"{"steps": [{"do": "load"}]}"#);
    project.capstan(&["run"]).exits(1);
    assert_eq!(project.sql(KEPT), [1]);
    assert_eq!(project.job(2)["result"], json!([null]), "another job has none of it");
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).exits(1);
    assert_eq!(project.sql("SELECT count(*) FROM job"), [2], "an attempt that fails queues nothing");
    assert_eq!(project.sql(KEPT), [1]);
    project.is_sound();
}

#[test]
fn a_checkpoint_is_given_to_handlers_of_the_same_name_only() {
    let project = Project::with_clerk();
    project.set("kind.clerk.retry", "max_attempts = 1");
    let keep = r#"{"do": "save", "format": "f", "text": "kept"}"#;
    project.add("clerk", &format!(r#"{{"steps": [{{"do": "load"}}, {keep}, {{"do": "die_until", "attempt": 2}}]}}"#));
    let found = |attempt: usize| {
        let job = project.job(1);
        let log = job["attempts"][attempt]["log"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
        log.trim_end().rsplit_once("found ").unwrap().1.to_owned()
    };
    let again = || {
        project.capstan(&["job", "retry", "1"]).ok();
        project.capstan(&["run"]).exits(1);
    };
    project.capstan(&["run"]).exits(1);
    assert_eq!(found(0), "nothing");
    again();
    assert_eq!(found(1), "f");
    let to = |verb: &str, name: &str| drop(project.capstan(&["handler", verb, name]).ok());
    to("disable", "clerk-of-the-first-watch");
    let other = project.handler("other", &capstan_test_guests::other_clerk()).ok().json();
    assert_eq!((&other["name"], &other["kinds"]), (&json!("clerk-of-the-other-watch"), &json!(["clerk"])));
    project.grant(&other);
    again();
    assert_eq!(found(2), "nothing");
    again();
    assert_eq!(found(3), "f", "what it kept itself");
    to("disable", "clerk-of-the-other-watch");
    to("enable", "clerk-of-the-first-watch");
    project.handler("clerk", capstan_test_guests::clerk()).ok();
    again();
    assert_eq!(found(4), "nothing");
}

#[test]
fn an_update_of_the_handler_finds_what_its_predecessor_kept() {
    let project = Project::with_clerk();
    project.add("clerk", r#"{"steps": [{"do": "load"}]}"#);
    project.execute(
        "INSERT INTO checkpoint VALUES (1, 'clerk-of-the-first-watch', 'f', 'an older digest', CAST('kept' AS BLOB), 0)",
    );
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(1)["result"], json!([["f", "kept"]]));
}

#[test]
fn what_is_too_large_or_has_no_format_is_refused_in_words() {
    let project = Project::with_clerk();
    project.set("kind.clerk.retry", "max_attempts = 1");
    project.set("limits", "checkpoint = \"1000B\"");
    project.add("clerk", r#"{"steps": [{"do": "save_bytes", "bytes": 1000}]}"#);
    project.add("clerk", r#"{"steps": [{"do": "save_bytes", "bytes": 1001}]}"#);
    project.add("clerk", r#"{"steps": [{"do": "save", "format": "No Tag", "text": ""}]}"#);
    project.capstan(&["run"]).exits(1);
    assert_eq!(project.job(1)["state"], "completed");
    let error = |id| project.job(id)["error"].clone();
    let message =
        "the checkpoint has 1001 bytes, more than limits.checkpoint = 1000 allows: keep less, or raise the limit";
    assert_eq!(error(2), json!({"class": "permanent", "message": message}));
    let message = "format \"No Tag\" is no tag: 1 to 64 of a-z, 0-9 and -._/";
    assert_eq!(error(3), json!({"class": "permanent", "message": message}));
}
