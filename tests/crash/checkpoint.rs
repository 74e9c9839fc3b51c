//! SIGKILL around the moment in which a checkpoint is kept.

use super::library::finish;
use crate::support::project::Project;
use serde_json::json;

/// Two checkpoints; the second attempt answers what it found.
const STEPS: &str = r#"{"steps": [{"do": "load"}, {"do": "save", "format": "f", "text": "one"},
    {"do": "save", "format": "f", "text": "two"}]}"#;

fn killed_at(at: &str) -> serde_json::Value {
    let project = Project::with_clerk();
    project.add("clerk", STEPS);
    project.capstan_with(capstan::crash::VARIABLE, at, &["run"]).killed();
    finish(&project);
    project.is_sound();
    assert_eq!(project.sql("SELECT job_id FROM checkpoint"), [0; 0]);
    let job = project.job(1);
    assert_eq!(job["attempts"][0]["outcome"], "died", "{job}");
    job["result"][0].clone()
}

#[test]
fn a_checkpoint_that_was_answered_for_survives_a_kill_of_the_host() {
    let [before, after] = capstan::crash::CHECKPOINT_POINTS;
    assert_eq!(killed_at(&format!("{before}:1")), json!(null));
    assert_eq!(killed_at(&format!("{after}:1")), json!(["f", "one"]));
    assert_eq!(killed_at(&format!("{before}:2")), json!(["f", "one"]));
    assert_eq!(killed_at(&format!("{after}:2")), json!(["f", "two"]));
    // Killed in the commit that throws it away: the attempt is not made again, or it is and finds it.
    assert_eq!(killed_at("apply.before_commit:1"), json!(["f", "two"]));
}

#[test]
fn what_was_queued_is_there_exactly_once_whenever_the_host_is_killed() {
    for at in ["apply.before_commit:1", "apply.after_commit:1"] {
        let project = Project::with_clerk();
        project.add("clerk", r#"{"steps": [{"do": "enqueue", "kind": "clerk", "payload": {}, "times": 3}]}"#);
        project.capstan_with(capstan::crash::VARIABLE, at, &["run"]).killed();
        finish(&project);
        assert_eq!(project.sql("SELECT count(*) FROM job"), [4], "{at}");
        project.is_sound();
    }
}
