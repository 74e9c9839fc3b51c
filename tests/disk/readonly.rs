//! Folders that are read-only.

use super::namespace::Script;
use crate::support::BUNDLED;
use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::json;

const REASON: &str = "Read-only file system (os error 30)";

#[test]
fn a_project_is_not_made_where_nothing_can_be() {
    let script = Script::new(Project::new()).sh("mkdir $DISK/shelf").sh("freeze $DISK/shelf");
    let script = script.sh("step below $CAPSTAN init $DISK/shelf/library").sh("step there $CAPSTAN init $DISK/shelf");
    let Some(steps) = script.run("100m") else { return };
    steps.of("below").exits(1).complains(&["error: cannot make ", "/shelf/library: ", REASON]);
    steps.of("there").exits(1).complains(&["error: cannot make ", "/shelf/", REASON]);
}

#[test]
fn a_host_needs_to_write_its_state() {
    let script = Script::new(Project::new()).sh("freeze $LIBRARY").step("all", "run").sh("thaw $LIBRARY");
    let script =
        script.sh("freeze $LIBRARY/state").step("state", "job list").sh("thaw $LIBRARY/state").step("thawed", "run");
    let Some(steps) = script.run("100m") else { return };
    for name in ["all", "state"] {
        steps.of(name).exits(1).complains(&["error: cannot open ", "/state/lock: ", REASON]);
    }
    steps.of("thawed").ok().says(&["nothing to do"]);
}

#[test]
fn what_cannot_be_published_is_the_hosts_fault_and_is_tried_again() {
    let project = Project::new();
    project.set("retry", "base = \"10ms\"");
    project.set("retry", "max_attempts = 3");
    let pages = folder(&project.beside().join("pages"), 3);
    project.import(&pages);
    let script = Script::new(project).sh("freeze $LIBRARY/artifacts").step("frozen", "run");
    let script = script.step("failed", "job show 1 --json").step("doctor", "doctor").sh("thaw $LIBRARY/artifacts");
    let script = script.step("one", "job retry 1").step("two", "job retry 2").step("three", "job retry 3");
    let script = script.step("thawed", "run").step("import", "import show 1 --json").step("sound", "doctor");
    let Some(steps) = script.run("100m") else { return };
    steps.of("frozen").exits(1).says(&["0 jobs completed, 3 failed"]);
    let failed = steps.of("failed").ok().json();
    assert_eq!(json!([failed["error"]["class"], failed["attempt"]]), json!(["host-fault", 3]));
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("generation cannot be published at ") && message.contains(REASON), "{message}");
    steps.of("doctor").ok();
    steps.of("thawed").ok().says(&["6 jobs completed, 0 failed"]);
    assert_eq!(steps.of("import").ok().json()["done"], 3);
    steps.of("sound").ok();
}

#[test]
fn what_cannot_be_kept_is_refused_and_not_on_record() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 1);
    let noop = project.beside().join("noop.wasm");
    std::fs::write(&noop, capstan_test_guests::noop()).unwrap();
    let script = Script::new(project).sh("freeze $LIBRARY/imports").sh("freeze $LIBRARY/handlers");
    let script = script.step("import", &format!("import start {}", pages.display()));
    let script = script.step("handler", &format!("handler add {}", noop.display()));
    let script = script.step("imports", "import list --json").step("handlers", "handler list --json");
    let Some(steps) = script.run("100m") else { return };
    steps.of("import").exits(1).complains(&["error: cannot write ", "imports/job_1.json: ", REASON]);
    steps.of("handler").exits(1).complains(&["error: cannot write ", "handlers/", REASON]);
    assert_eq!(steps.of("imports").ok().json()["items"], json!([]));
    assert_eq!(steps.of("handlers").ok().json()["items"].as_array().map(Vec::len), Some(BUNDLED));
}
