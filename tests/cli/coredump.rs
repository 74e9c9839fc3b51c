//! Core dumps of guests, as the operator meets them.

use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

const TRAP: &str = r#"{"do": "panic", "message": "the anchor is lost"}"#;

/// A job that crashes once; what is known of it then.
fn crash(project: &Project) -> Value {
    let id = project.add("odd", TRAP);
    project.capstan(&["run"]).exits(1);
    project.job(id)
}

fn names(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.root().join("state/coredumps")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn project() -> Project {
    let project = Project::with_odd();
    project.set("kind.odd.retry", "max_attempts = 1");
    project
}

#[test]
fn none_is_kept_unless_the_handler_is_to_leave_them() {
    let project = project();
    project.set("handler.normalise", "coredump = \"on\"");
    assert_eq!(crash(&project)["attempts"][0]["coredump"], json!(null));
    assert_eq!(names(&project), [""; 0]);
}

#[test]
fn a_crash_leaves_a_file_that_the_job_names() {
    let project = project();
    project.set("handler.odd", "coredump = \"on\"");
    let job = crash(&project);
    let attempt = &job["attempts"][0];
    let path = format!("state/coredumps/{}.core", attempt["lease"]);
    assert_eq!(attempt["coredump"], path);
    let file = project.root().join(&path);
    let dump = fs::read(&file).unwrap();
    assert!(dump.starts_with(b"\0asm") && dump.windows(18).any(|part| part == b"the anchor is lost"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    project.capstan(&["job", "show", &job["id"].to_string()]).ok().says(&[&format!("core dump {path}")]);
    project.is_sound();
}

#[test]
fn the_oldest_go_when_there_are_too_many_and_all_when_their_time_is_over() {
    let project = project();
    project.set("handler.odd", "coredump = \"on\"");
    project.set("coredump", "files = 2");
    let leases: Vec<i64> = (0..3).map(|_| crash(&project)["attempts"][0]["lease"].as_i64().unwrap()).collect();
    let named = |lease: i64| format!("{lease}.core");
    assert_eq!(names(&project), [named(leases[1]), named(leases[2])]);
    assert_eq!(project.job(1)["attempts"][0]["coredump"], json!(null), "what is gone is not named");
    // What is not a dump is not ours to remove.
    fs::write(project.root().join("state/coredumps/notes.txt"), "mine").unwrap();
    let age = |days: u64| SystemTime::now() - Duration::from_secs(days * 86_400);
    for (lease, days) in [(leases[1], 8), (leases[2], 6)] {
        let file = File::options().write(true).open(project.root().join("state/coredumps").join(named(lease))).unwrap();
        file.set_modified(age(days)).unwrap();
    }
    project.add("odd", r#"{"do": "answer", "value": 1}"#);
    project.capstan(&["run"]).ok();
    assert_eq!(names(&project), [named(leases[2]), "notes.txt".to_owned()], "seven days");
}
