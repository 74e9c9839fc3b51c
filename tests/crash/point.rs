//! SIGKILL at each named point of an import with the real handlers.

use super::library::{Library, finish, is_accounted_for, nobody_was_charged, orphans};
use crate::support::pages::folder;
use crate::support::project::Project;
use std::path::Path;

const PAGES: usize = 12;

fn project() -> Project {
    let project = Project::new();
    // Small steps, so that they happen more than once.
    project.set("worker", "slots = 3");
    project.set("import", "chunk = 4");
    project.set("import", "window = 2");
    project
}

fn undisturbed(pages: &Path) -> Library {
    let project = project();
    project.import(pages);
    finish(&project);
    nobody_was_charged(&project);
    assert!(orphans(&project).is_empty());
    Library::of(&project)
}

/// Which command passes a point.
fn command<'a>(point: &str, pages: &'a Path) -> Vec<&'a str> {
    if point.starts_with("list.") { vec!["import", "start", pages.to_str().unwrap()] } else { vec!["run"] }
}

/// A point lies between publishing and the commit: what was published is an orphan.
fn leaves_an_orphan(point: &str) -> bool {
    ["publish.after_rename", "publish.after_parents", "apply.before_commit"].contains(&point)
}

fn killed_at(point: &str, visit: u32, pages: &Path) -> (Project, Library) {
    let project = project();
    if !point.starts_with("list.") {
        project.import(pages);
    }
    let at = format!("{point}:{visit}");
    let ran = project.capstan_with(capstan::crash::VARIABLE, &at, &command(point, pages));
    assert_eq!(ran.signal, Some(9), "{at} was not passed: {ran:#?}");
    if point == "list.before_commit" {
        assert!(project.root().join("imports/job_1.json").is_file());
        project.capstan(&["import", "show", "1"]).exits(3);
        assert_eq!(project.import(pages)["id"], 1);
    }
    is_accounted_for(&project);
    if leaves_an_orphan(point) {
        assert!(!orphans(&project).is_empty(), "{at}");
    }
    finish(&project);
    is_accounted_for(&project);
    nobody_was_charged(&project);
    orphans(&project);
    let library = Library::of(&project);
    (project, library)
}

#[test]
fn a_kill_at_any_point_loses_nothing_and_doubles_nothing() {
    let around = tempfile::tempdir().unwrap();
    let pages = folder(&around.path().canonicalize().unwrap().join("pages"), PAGES);
    let wanted = undisturbed(&pages);
    assert_eq!(wanted.documents(), PAGES);
    for point in capstan::crash::POINTS {
        // An import as small as this is one chunk.
        let is_passed_once = point.starts_with("list.") || point.starts_with("import.");
        let visits: &[u32] = if is_passed_once { &[1] } else { &[1, 2] };
        for visit in visits {
            let (_, library) = killed_at(point, *visit, &pages);
            assert_eq!(library, wanted, "killed at {point}, visit {visit}");
        }
    }
}

#[test]
fn a_kill_between_chunks_neither_skips_nor_repeats_an_item() {
    let around = tempfile::tempdir().unwrap();
    let pages = folder(&around.path().canonicalize().unwrap().join("pages"), 60);
    let wanted = undisturbed(&pages);
    assert_eq!(wanted.documents(), 60);
    for at in ["import.before_commit:3", "import.after_commit:3"] {
        let (point, visit) = at.split_once(':').unwrap();
        let (_, library) = killed_at(point, visit.parse().unwrap(), &pages);
        assert_eq!(library, wanted, "killed at {at}");
    }
}

#[test]
fn what_was_published_and_not_committed_is_never_read_and_never_in_the_way() {
    let around = tempfile::tempdir().unwrap();
    let pages = folder(&around.path().canonicalize().unwrap().join("pages"), PAGES);
    let (project, _) = killed_at("publish.after_rename", 3, &pages);
    let left = orphans(&project);
    project.import(&pages);
    assert_eq!(project.json(&["run"])["ended"]["completed"], PAGES);
    assert_eq!(orphans(&project), left);
    assert_eq!(project.json(&["import", "show", "2"])["skipped"], PAGES);
}

#[test]
fn a_host_killed_while_it_recovers_recovers_again() {
    let around = tempfile::tempdir().unwrap();
    let pages = folder(&around.path().canonicalize().unwrap().join("pages"), PAGES);
    let wanted = undisturbed(&pages);
    let project = project();
    project.import(&pages);
    for at in ["claim.after_commit:2", "claim.after_commit:1", "publish.after_parents:2", "claim.before_commit:1"] {
        project.capstan_with(capstan::crash::VARIABLE, at, &["run"]).killed();
    }
    finish(&project);
    assert_eq!(Library::of(&project), wanted);
    is_accounted_for(&project);
}
