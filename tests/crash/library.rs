//! What a library holds in the end, however it came to that.

use crate::support::command::Ran;
use crate::support::project::Project;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What must be the same whether or not the host was killed on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// (source, kind, name of the file) → sha256.
    files: BTreeMap<[String; 3], String>,
    jobs: Value,
    kinds: Value,
    account: Value,
    /// Generations on record.
    generations: usize,
}

impl Library {
    /// The library as it is after an import that ended.
    pub(super) fn of(project: &Project) -> Self {
        let mut files = BTreeMap::new();
        for artifact in artifacts(project) {
            let text = |name: &str| artifact[name].as_str().unwrap().to_owned();
            let path = text("path");
            let (_, file) = path.split_once(&format!("/g{}/", artifact["generation"])).unwrap();
            let before = files.insert([text("source"), text("kind"), file.to_owned()], text("sha256"));
            assert_eq!(before, None, "{artifact} is there twice");
        }
        let stats = project.json(&["stats"]);
        let import = project.json(&["import", "show", "1"]);
        let places = ["state", "total", "done", "failed", "cancelled", "duplicate", "skipped", "invalid", "remaining"];
        Self {
            files,
            jobs: stats["jobs"].clone(),
            kinds: stats["kinds"].clone(),
            account: places.iter().map(|place| import[*place].clone()).collect(),
            generations: project.sql("SELECT lease FROM generation").len(),
        }
    }

    /// How many documents it holds.
    pub(super) fn documents(&self) -> usize {
        self.files.keys().filter(|[_, kind, _]| kind == "normalise").count()
    }
}

/// Every artifact of current generations.
pub(super) fn artifacts(project: &Project) -> Vec<Value> {
    let page = project.json(&["artifact", "list", "--limit", "10000"]);
    assert_eq!(page["next"], json!(null));
    page["items"].as_array().unwrap().clone()
}

/// Every job took one attempt of its first round, and nobody is blamed for anything.
#[track_caller]
pub(super) fn nobody_was_charged(project: &Project) {
    let charged =
        "SELECT id FROM job WHERE attempt <> 1 OR round <> 1 OR deaths > 0 OR suspect = 1 OR state <> 'completed'";
    assert_eq!(project.sql(charged), [0; 0]);
    nothing_was_done_twice(project);
}

/// No job has two attempts that made something, or two generations.
#[track_caller]
pub(crate) fn nothing_was_done_twice(project: &Project) {
    let done = "SELECT job_id FROM attempt WHERE outcome = 'done' GROUP BY job_id HAVING count(*) <> 1";
    assert_eq!(project.sql(done), [0; 0]);
    assert_eq!(project.sql("SELECT job_id FROM generation GROUP BY job_id HAVING count(*) <> 1"), [0; 0]);
}

/// The generations that lie on the disk and are on no record; nothing that is listed lies in one.
#[track_caller]
pub(super) fn orphans(project: &Project) -> BTreeSet<PathBuf> {
    let mut orphans = on_disk(project.root());
    for artifact in artifacts(project) {
        let path = project.root().join(artifact["path"].as_str().unwrap());
        assert!(path.is_file(), "{} is a ghost", path.display());
        orphans.remove(path.parent().unwrap());
    }
    let notes = project.json(&["doctor"])["notes"].to_string();
    assert_eq!(notes.contains(&format!("{} folders below artifacts/", orphans.len())), !orphans.is_empty(), "{notes}");
    orphans
}

/// `artifacts/<shard>/<subject>/<kind>/g<lease>`
fn on_disk(root: &Path) -> BTreeSet<PathBuf> {
    let walk = walkdir::WalkDir::new(root.join("artifacts")).min_depth(4).max_depth(4);
    walk.into_iter().map(|entry| entry.unwrap().into_path()).collect()
}

/// What holds at any instant, also right after a kill: all is accounted for, and every file that is listed is whole.
#[track_caller]
pub(super) fn is_accounted_for(project: &Project) {
    project.is_sound();
    let sum = "SELECT total - done - failed - cancelled - duplicate - skipped - invalid FROM import";
    for (import, remaining) in
        project.json(&["import", "list"])["items"].as_array().unwrap().iter().zip(project.sql(sum))
    {
        assert_eq!(import["remaining"], remaining);
    }
}

/// Run to the end.
#[track_caller]
pub(crate) fn finish(project: &Project) -> Ran {
    project.capstan(&["run"]).ok()
}
