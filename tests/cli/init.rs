//! `capstan init`

use crate::support::command::{Ran, capstan, run};
use crate::support::project::Project;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn init(folder: &Path) -> Ran {
    let mut command = capstan();
    command.arg("init").arg(folder);
    run(command)
}

#[test]
fn a_project_has_its_folders_its_configuration_and_its_grants() {
    let around = tempfile::tempdir().unwrap();
    let root = around.path().canonicalize().unwrap().join("library");
    let made = init(&root).ok();
    for folder in [
        "imports",
        "artifacts",
        "handlers",
        "handlers/drop/done",
        "models",
        "state",
        "state/compiled",
        "state/scratch",
        "state/coredumps",
    ] {
        let mode = std::fs::metadata(root.join(folder)).unwrap().permissions().mode() & 0o777;
        let wanted = if folder.starts_with("state") { 0o700 } else { 0o755 };
        assert_eq!(format!("{mode:o}"), format!("{wanted:o}"), "{folder}");
    }
    let config = std::fs::read_to_string(root.join("capstan.toml")).unwrap();
    assert!(config.starts_with(capstan::config::DEFAULT));
    for grant in ["handler = \"ingest\"", "handler = \"normalise\"", "imports = true", "artifacts = [\"ingest\"]"] {
        assert!(config.contains(grant), "{grant}: {config}");
        assert!(made.out.contains(grant), "{grant}: {}", made.out);
    }
    made.says(&[&format!("made {}", root.display()), "next: cd ", "capstan import start FOLDER && capstan run"]);
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let project = Project::new();
    project.set("worker", "slots = 7");
    let before = listing(project.root());
    let refused = init(project.root()).exits(2);
    let text = format!("error: {} is a capstan project already: nothing was changed\n", project.root().display());
    assert_eq!(refused.err, text);
    assert_eq!(listing(project.root()), before);
}

/// Every file with its length and its time of change.
fn listing(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            format!("{} {} {:?}", entry.path().display(), meta.len(), meta.modified().unwrap())
        })
        .collect();
    found.sort();
    found
}
