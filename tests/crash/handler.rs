//! SIGKILL around each step of putting a handler in place and of going back, while jobs flow.

use super::library::finish;
use crate::handler::stage::{component, file};
use crate::support::command::about;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use capstan::handler::loaded::digest;
use serde_json::{Value, json};
use std::path::PathBuf;

const JOBS: i64 = 12;

/// The next version of `odd`, which asks for less and ends whatever it is given.
fn next() -> Vec<u8> {
    component("odd", "9", &["odd"], &json!({ "artifacts": ["ingest"] }))
}

fn next_file(project: &Project) -> PathBuf {
    file(project, "next.wasm", &next())
}

/// A project with the first version of `odd` and jobs for either; the next version is compiled.
fn prepared() -> Project {
    let project = Project::with_odd();
    project.set("worker", "slots = 2");
    project.capstan(&["handler", "inspect", next_file(&project).to_str().unwrap()]).ok();
    for number in 0..JOBS {
        project.add("odd", &json!({"do": "sleep", "ms": 40, "end": "described", "number": number}).to_string());
    }
    project
}

/// A host that works on the jobs, says this verb to itself from outside, and dies at the point.
fn killed_at(project: &Project, point: &str, command: &[&str]) {
    let mut serve = about(project.root(), &["serve"]);
    serve.env(capstan::crash::VARIABLE, point);
    let host = Serving::host(project.root(), serve);
    until("jobs flow", || (project.json(&["stats"])["jobs"]["completed"] != 0).then_some(()));
    project.capstan(command).exits(1).complains(&["error: the host does not answer on "]);
    host.ended().killed();
}

/// Whoever is the host next: one digest does the kind, all jobs come to their end, and nobody is to blame.
#[track_caller]
fn recovers(project: &Project, at: &str) -> String {
    assert_eq!(project.json(&["doctor"])["findings"], json!([]), "{at}");
    finish(project);
    let list = project.json(&["handler", "list"]);
    let odd: Vec<&Value> = list["items"].as_array().unwrap().iter().filter(|item| item["name"] == "odd").collect();
    let doing: Vec<&&Value> = odd.iter().filter(|item| item["kinds"] == json!(["odd"])).collect();
    let idle = odd.iter().filter(|item| item["kinds"] == json!([])).count();
    assert_eq!((doing.len(), doing.len() + idle), (1, odd.len()), "{at}: {odd:?}");
    assert!(odd.iter().all(|item| item["state"] == "ready"), "{at}: {odd:?}");
    let charged = "SELECT id FROM job WHERE state <> 'completed' OR attempt <> 1 OR round <> 1 OR deaths > 0";
    assert_eq!(project.sql(charged), [0; 0], "{at}");
    assert_eq!(project.sql("SELECT count(*) FROM job"), [JOBS], "{at}");
    let strange = "SELECT job_id FROM attempt WHERE digest NOT IN (SELECT digest FROM handler WHERE name = 'odd')";
    assert_eq!(project.sql(strange), [0; 0], "{at}");
    project.is_sound();
    doing[0]["digest"].as_str().unwrap().to_owned()
}

/// How many entries there are of the next version.
fn entries(project: &Project) -> usize {
    let text = std::fs::read_to_string(project.root().join("capstan.toml")).unwrap();
    text.matches(&format!("digest = \"sha256:{}\"", digest(&next()))).count()
}

#[test]
fn a_kill_in_a_swap_leaves_one_handler_and_the_swap_can_be_made_again() {
    let prepared = prepared();
    let old = prepared.json(&["handler", "inspect", "odd"])["digest"].as_str().unwrap().to_owned();
    for point in capstan::crash::HANDLER_POINTS {
        let project = prepared.copy();
        let path = next_file(&project);
        killed_at(&project, point, &["handler", "swap", path.to_str().unwrap()]);
        let granted = usize::from(point != "handler.before_grant");
        assert_eq!(entries(&project), granted, "{point}");
        let doing = recovers(&project, point);
        let wanted = if point == "handler.after_commit" { digest(&next()) } else { old.clone() };
        assert_eq!(doing, wanted, "{point}");
        let again = project.json(&["handler", "swap", path.to_str().unwrap()]);
        assert_eq!((&again["digest"], &again["refused"]), (&json!(digest(&next())), &Value::Null), "{point}: {again}");
        assert_eq!(entries(&project), 1, "{point}");
        project.capstan(&["config", "check"]).ok();
        let id = project.add("odd", r#"{"do": "sleep", "ms": 0, "end": "described"}"#);
        finish(&project);
        assert_eq!(project.job(id)["digest"], digest(&next()), "{point}");
        project.capstan(&["handler", "rollback", "odd"]).ok();
        assert_eq!(project.json(&["handler", "inspect", "odd"])["digest"], old, "{point}");
        project.is_sound();
    }
}

#[test]
fn a_kill_in_a_rollback_leaves_one_handler_and_it_can_be_made_again() {
    let prepared = prepared();
    let old = prepared.json(&["handler", "inspect", "odd"])["digest"].as_str().unwrap().to_owned();
    prepared.capstan(&["handler", "swap", next_file(&prepared).to_str().unwrap()]).ok();
    for point in capstan::crash::ROLLBACK_POINTS {
        let project = prepared.copy();
        killed_at(&project, point, &["handler", "rollback", "odd"]);
        let doing = recovers(&project, point);
        if point == "rollback.before_commit" {
            assert_eq!(doing, digest(&next()));
            project.capstan(&["handler", "rollback", "odd"]).ok();
        }
        assert_eq!(project.json(&["handler", "inspect", "odd"])["digest"], old, "{point}");
        // And forward again.
        project.capstan(&["handler", "rollback", "odd"]).ok();
        assert_eq!(project.json(&["handler", "inspect", "odd"])["digest"], digest(&next()), "{point}");
        assert_eq!(entries(&project), 1, "{point}");
        project.is_sound();
    }
}
