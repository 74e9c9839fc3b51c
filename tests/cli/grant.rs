//! Folders that a handler asks for, and what `[[grants]]` makes of that.

use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;

/// The only job was denied: what it was denied, and the lines that would allow it, as they are printed.
#[track_caller]
pub(super) fn denied(project: &Project) -> (String, String) {
    project.capstan(&["run"]).exits(1);
    let job = project.job(1);
    assert_eq!((&job["error"]["class"], &job["attempt"]), (&json!("denied"), &json!(1)), "{job:#}");
    let shown = project.capstan(&["job", "show", "1"]).ok();
    let message = job["error"]["message"].as_str().unwrap();
    assert!(shown.out.contains(message), "{shown:#?}");
    let (what, lines) =
        message.split_once(", which is not granted; to allow it put this into capstan.toml:\n").unwrap();
    (what.to_owned(), lines.to_owned())
}

/// The job is tried again, and completes.
#[track_caller]
pub(super) fn completes(project: &Project) -> Value {
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok();
    let job = project.job(1);
    assert_eq!(job["state"], "completed", "{job:#}");
    job["result"].clone()
}

#[test]
fn models_are_seen_with_a_grant_and_cannot_be_written() {
    let project = Project::new();
    let added = project.handler("witness", capstan_test_guests::witness()).ok().json();
    fs::create_dir(project.root().join("models/words")).unwrap();
    fs::write(project.root().join("models/words/small.bin"), "of the model").unwrap();
    fs::write(project.root().join("secret"), "not for guests").unwrap();
    std::os::unix::fs::symlink("../secret", project.root().join("models/link")).unwrap();
    let looks = json!({"looks": [
        {"at": "folder", "path": "/models"},
        {"at": "file", "path": "/models/words/small.bin"},
        {"at": "writing", "path": "/models/words/small.bin"},
        {"at": "writing", "path": "/models/new"},
        {"at": "removing", "path": "/models/words/small.bin"},
        {"at": "file", "path": "/models/../secret"},
        {"at": "file", "path": "/models/link"},
    ]});
    project.add("witness", &looks.to_string());
    let (what, lines) = denied(&project);
    assert_eq!(what, "handler witness asks for the folder of models (models)");
    let digest = added["digest"].as_str().unwrap();
    assert_eq!(lines, format!("[[grants]]\nhandler = \"witness\"\ndigest = \"sha256:{digest}\"\nmodels = true"));
    project.paste(&lines);
    let saw = completes(&project)["looks"].clone();
    assert_eq!((&saw[0], &saw[1]), (&json!(["link", "words"]), &json!("of the model")), "{saw}");
    for at in 2..7 {
        assert!(saw[at]["error"].is_string(), "look {at}: {saw}");
    }
    assert_eq!(fs::read(project.root().join("models/words/small.bin")).unwrap(), b"of the model");
    assert!(!project.root().join("models/new").exists());
    project.is_sound();
}

#[test]
fn a_grant_that_leaves_something_out_is_completed_by_the_lines_that_are_printed() {
    let imports = "the folder of the import (imports)";
    for (granted, missing) in [
        ("artifacts = [\"ingest\", \"odd\"]", imports),
        ("imports = true\nartifacts = [\"odd\"]", "artifacts of `ingest`"),
        ("imports = true\nartifacts = [\"ingest\"]", "artifacts of `odd`"),
    ] {
        let project = Project::new();
        let added = project.handler("odd", capstan_test_guests::odd()).ok().json();
        let digest = added["digest"].as_str().unwrap();
        project.paste(&format!("[[grants]]\nhandler = \"odd\"\ndigest = \"sha256:{digest}\"\n{granted}"));
        project.add("odd", r#"{"do": "read_input", "kind": "ingest", "path": "document.html"}"#);
        let (what, lines) = denied(&project);
        assert_eq!(what, format!("handler odd asks for {missing}"));
        assert!(lines.ends_with("imports = true\nartifacts = [\"ingest\", \"odd\"]"), "{lines}");
        project.paste(&lines);
        completes(&project);
    }
}

#[test]
fn a_grant_is_of_one_digest() {
    let project = Project::new();
    let added = project.handler("witness", capstan_test_guests::witness()).ok().json();
    let lines = added["grant"].as_str().unwrap().to_owned();
    let other = format!("sha256:{}", "0".repeat(64));
    project.paste(&lines.replace(&format!("sha256:{}", added["digest"].as_str().unwrap()), &other));
    project.add("witness", "{}");
    assert_eq!(denied(&project).1, lines);
    let report = project.capstan(&["config", "check"]).exits(2);
    report.says(&[&format!("[[grants]] of \"witness\" names digest {other}, which is not there")]);
}
