//! SIGKILL at seeded random moments of an import of real pages.

use super::library::{Library, finish, is_accounted_for, orphans};
use crate::support::pages::{folder, installed_docs};
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use std::path::Path;

const PAGES: usize = 160;
const KILLS: usize = 20;
const SEED: u64 = 0x0cab_57a4;

fn project(pages: &Path) -> Project {
    let project = Project::new();
    project.set("worker", "slots = 6");
    project.set("import", "chunk = 5");
    project.set("import", "window = 3");
    let started = project.json(&["import", "start", pages.to_str().unwrap(), "--sample", &PAGES.to_string()]);
    assert_eq!(started["total"], PAGES);
    project
}

/// Kill a run at a random visit of a random point.
fn at_a_point(project: &Project, random: &mut fastrand::Rng) -> String {
    let points: Vec<&str> = capstan::crash::POINTS.into_iter().filter(|point| !point.starts_with("list.")).collect();
    let point = points[random.usize(..points.len())];
    // A run passes few chunks before it has all the work it wants.
    let visit = random.u32(1..=if point.starts_with("import.") { 2 } else { 6 });
    let at = format!("{point}:{visit}");
    project.capstan_with(capstan::crash::VARIABLE, &at, &["run"]).killed();
    at
}

/// Kill a run from outside, once a random number of jobs has completed.
fn from_outside(project: &Project, random: &mut fastrand::Rng) -> String {
    let completed = |project: &Project| project.json(&["stats"])["jobs"]["completed"].as_i64().unwrap();
    let wanted = completed(project) + random.i64(1..=12);
    let mut run = Serving::start(project.root(), &["run"]);
    until("enough jobs have completed", || {
        assert!(run.is_running(), "the run ended before {wanted} jobs were seen");
        let stats = project.capstan(&["stats", "--json"]);
        // The host may be busy becoming one, or be gone already.
        (stats.code == Some(0) && stats.json()["jobs"]["completed"].as_i64() >= Some(wanted)).then_some(())
    });
    run.kill().killed();
    format!("after {wanted} completed jobs")
}

#[test]
fn twenty_random_kills_lose_nothing_and_double_nothing() {
    let around = tempfile::tempdir().unwrap();
    let pages =
        installed_docs("book").unwrap_or_else(|| folder(&around.path().canonicalize().unwrap().join("pages"), PAGES));
    let undisturbed = project(&pages);
    finish(&undisturbed);
    let wanted = Library::of(&undisturbed);
    assert_eq!(wanted.documents(), PAGES);

    let project = project(&pages);
    let mut random = fastrand::Rng::with_seed(SEED);
    for kill in 0..KILLS {
        let how = if kill % 2 == 0 { at_a_point(&project, &mut random) } else { from_outside(&project, &mut random) };
        let account = project.json(&["import", "show", "1"]);
        eprintln!("kill {}: {how}; {} of {PAGES} remain", kill + 1, account["remaining"]);
        is_accounted_for(&project);
    }
    finish(&project);
    is_accounted_for(&project);
    assert_eq!(Library::of(&project), wanted);
    assert_eq!(project.sql("SELECT id FROM job WHERE attempt <> 1 OR round <> 1"), [0; 0]);
    eprintln!(
        "{} orphans, {:?} died attempts",
        orphans(&project).len(),
        project.sql("SELECT count(*) FROM attempt WHERE outcome = 'died'")
    );
}
