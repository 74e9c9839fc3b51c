//! The JSON that scripts rely on.

use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::{Value, json};

#[track_caller]
fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value.get(name).is_some(), "{name} is not in {value}");
    }
}

const JOB: [&str; 13] = [
    "id",
    "kind",
    "queue",
    "subject",
    "title",
    "state",
    "attempt",
    "max_attempts",
    "priority",
    "run_at",
    "import_id",
    "progress",
    "error",
];
const IMPORT: [&str; 10] =
    ["id", "state", "source", "total", "done", "failed", "cancelled", "duplicate", "skipped", "invalid"];
const ARTIFACT: [&str; 8] = ["job_id", "subject", "source", "kind", "path", "bytes", "sha256", "media_type"];

#[test]
fn rows_carry_what_is_promised() {
    let project = Project::with_odd();
    let pages = folder(&project.beside().join("pages"), 2);
    let started = project.import(&pages);
    has(&started, &IMPORT);
    has(&started, &["remaining", "left_out", "unreadable"]);
    has(&project.json(&["job", "add", "odd", r#"{"do": "permanent", "message": "no"}"#]), &JOB);
    let run = project.capstan(&["run", "--json"]).exits(1).json();
    assert_eq!(run["ended"], json!({"completed": 4, "failed": 1, "cancelled": 0}));
    has(&run, &["imports", "elapsed_ms", "jobs_per_second"]);

    let jobs = project.json(&["job", "list"]);
    for job in jobs["items"].as_array().unwrap() {
        has(job, &JOB);
    }
    let failed = project.json(&["job", "list", "--state", "failed"]);
    assert_eq!(failed["items"][0]["error"], json!({"class": "permanent", "message": "no"}));
    let detail = project.job(1);
    has(&detail, &JOB);
    has(&detail, &["payload", "result", "attempts", "fault"]);
    has(
        &detail["attempts"][0],
        &[
            "round",
            "attempt",
            "outcome",
            "message",
            "backtrace",
            "usage",
            "log",
            "digest",
            "inputs",
            "limits",
            "margins",
            "fault",
        ],
    );

    for import in project.json(&["import", "list"])["items"].as_array().unwrap() {
        has(import, &IMPORT);
    }
    assert_eq!(project.json(&["import", "show", "1"])["source"], pages.to_str().unwrap());

    for artifact in project.json(&["artifact", "list"])["items"].as_array().unwrap() {
        has(artifact, &ARTIFACT);
        let path = artifact["path"].as_str().unwrap();
        assert!(path.starts_with("artifacts/") && project.root().join(path).is_file(), "{path}");
        assert!(artifact["source"].as_str().unwrap().starts_with("file:///"), "{artifact}");
    }
    let stats = project.json(&["stats"]);
    assert_eq!(stats["jobs"], json!({"queued": 0, "running": 0, "completed": 4, "failed": 1, "cancelled": 0}));
    has(&stats, &["kinds", "waiting", "attempts", "imports", "subjects", "artifacts", "artifact_bytes"]);
    has(&project.json(&["doctor"]), &["checks", "findings", "notes", "versions"]);
    has(&project.json(&["config", "check"]), &["errors", "warnings"]);
}

#[test]
fn lists_are_items_and_a_cursor() {
    let project = Project::new();
    for noun in ["job", "import", "artifact", "handler"] {
        let page = project.json(&[noun, "list"]);
        has(&page, &["items", "next"]);
        assert!(page["items"].is_array() && page["next"].is_null(), "{page}");
    }
}

#[test]
fn stats_are_for_people_too() {
    let project = Project::with_odd();
    project.add("odd", r#"{"do": "echo"}"#);
    let stats = project.capstan(&["stats"]).ok();
    stats.says(&[
        "KIND",
        "QUEUED",
        "CANCELLED",
        "odd",
        "waiting    1 ready",
        "attempts   0",
        "artifacts  0 files, 0 B",
    ]);
}
