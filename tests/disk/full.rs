//! A disk that is full.

use super::namespace::Script;
use crate::support::pages::{folder, page};
use crate::support::project::Project;
use serde_json::json;

const PAGES: usize = 12;

/// A project with an import that waits.
fn waiting() -> Script {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), PAGES);
    project.import(&pages);
    Script::new(project)
}

#[test]
fn a_run_ends_with_the_reason_and_goes_on_when_there_is_room() {
    for room in ["0", "60K", "150K", "300K", "500K"] {
        let script = waiting().sh(&format!("fill {room}")).step("full", "run").sh("free");
        let script =
            script.step("freed", "run --json").step("doctor", "doctor").step("verify", "artifact verify --json");
        let script = script.step("import", "import show 1 --json").step("jobs", "job list --limit 1000 --json");
        let Some(steps) = script.run("100m") else { return };
        let full = steps.of("full").exits(1);
        assert!(full.err.contains("error: database: the disk"), "{room} free: {full:#?}");
        steps.of("freed").ok();
        steps.of("doctor").ok().says(&[
            "ok    the disk can be looked at",
            "note  the disk has ",
            " MiB left: when it is full",
        ]);
        assert_eq!(steps.of("verify").ok().json()["broken"], json!([]));
        let import = steps.of("import").ok().json();
        assert_eq!(json!([import["state"], import["total"], import["done"]]), json!(["completed", PAGES, PAGES]));
        for job in steps.of("jobs").ok().json()["items"].as_array().unwrap() {
            assert_eq!(json!([job["state"], job["round"]]), json!(["completed", 1]), "{job}");
            // An attempt may meet the full disk before the database does: then it was the host's fault.
            assert!(job["attempt"].as_i64() <= Some(2), "{job}");
        }
    }
}

#[test]
fn the_words_say_what_to_do() {
    let script = waiting().sh("fill 100K").step("some", "run").sh("free").sh("fill 0").step("none", "run").sh("free");
    let Some(steps) = script.run("100m") else { return };
    let some = steps.of("some").exits(1);
    assert_eq!(some.err, "error: database: the disk is full: free some space and start again, nothing was lost\n");
    steps.of("none").exits(1).complains(&["error: database: the disk ", "full"]);
}

#[test]
fn a_job_is_not_suspected_of_having_filled_the_disk() {
    for room in ["60K", "100K", "110K", "120K", "130K", "140K"] {
        let project = Project::new();
        let pages = folder(&project.beside().join("pages"), 1);
        project.import(&pages);
        let mut script = Script::new(project).sh(&format!("fill {room}"));
        for time in 0..6 {
            script = script.step(&format!("full{time}"), "run");
        }
        let script = script.sh("free").step("freed", "run").step("job", "job show 1 --json").step("doctor", "doctor");
        let Some(steps) = script.run("100m") else { return };
        steps.of("full0").exits(1).complains(&["error: database: the disk"]);
        steps.of("freed").ok();
        let job = steps.of("job").ok().json();
        assert_eq!(json!([job["state"], job["attempt"], job["round"]]), json!(["completed", 1, 1]), "{room}: {job}");
        for attempt in job["attempts"].as_array().unwrap() {
            assert!(attempt["outcome"] == "stopped" || attempt["outcome"] == "done", "{room}: {attempt}");
        }
        steps.of("doctor").ok();
    }
}

#[test]
fn what_a_handler_cannot_write_is_the_hosts_fault_and_is_tried_again() {
    let project = Project::new();
    let pages = project.beside().join("pages");
    std::fs::create_dir(&pages).unwrap();
    let long = format!("<p>{}</p>", "The capstan hauls the anchor up. ".repeat(200)).repeat(900);
    std::fs::write(pages.join("long.html"), page(1).replace("<h2>", &format!("{long}<h2>"))).unwrap();
    project.set("retry", "base = \"10ms\"");
    project.set("retry", "max_attempts = 2");
    project.import(&pages);
    let script = Script::new(project).sh("fill 3M").step("full", "run").step("failed", "job show 1 --json").sh("free");
    let script = script.step("retry", "job retry 1").step("freed", "run").step("doctor", "doctor");
    let Some(steps) = script.run("140m") else { return };
    steps.of("full").exits(1).says(&["0 jobs completed, 1 failed"]);
    let failed = steps.of("failed").ok().json();
    assert_eq!(
        failed["error"],
        json!({
            "class": "host-fault",
            "message": "/output cannot be written: No space left on device (os error 28); is the disk full or read-only?",
        })
    );
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(2));
    steps.of("retry").ok();
    steps.of("freed").ok().says(&["2 jobs completed, 0 failed"]);
    steps.of("doctor").ok();
}

#[test]
fn an_import_that_cannot_be_written_down_is_refused_and_none_is_there() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 3);
    let start = format!("import start {}", pages.display());
    let script = Script::new(project).sh("fill 0").step("full", &start).sh("free");
    let script = script.step("list", "import list --json").step("freed", &start).step("run", "run");
    let Some(steps) = script.run("100m") else { return };
    steps.of("full").exits(1).complains(&["error: ", "full"]);
    assert_eq!(steps.of("list").ok().json()["items"], json!([]));
    steps.of("freed").ok().says(&["import 1: 3 files of "]);
    steps.of("run").ok().says(&["import 1 completed: 3 of 3 items (3 done)"]);
}

#[test]
fn a_project_that_could_not_be_made_is_made_at_the_second_try() {
    let script = Script::new(Project::new()).sh("rm -r $LIBRARY").sh("fill 64K").sh("step full $CAPSTAN init $LIBRARY");
    let script = script.step("none", "stats").sh("free").sh("step freed $CAPSTAN init $LIBRARY");
    let script = script.step("check", "config check");
    let Some(steps) = script.run("100m") else { return };
    steps.of("full").exits(1).complains(&["error: "]);
    steps.of("none").exits(3).complains(&["is no capstan project"]);
    steps.of("freed").ok().says(&["made ", "handler = \"ingest\""]);
    steps.of("check").ok().says(&["capstan.toml is in order"]);
}
