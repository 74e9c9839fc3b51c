//! What cannot be, for each verb: the exit code, the words, what to do instead; and nothing is changed.

mod case;

use crate::support::project::Project;
use case::{Case, HANDLERS, IMPORTS, JOBS, KEYS, ODD, QUEUES, REST};
use std::collections::BTreeMap;

/// A project with something of each: jobs 1 to 4 as [`JOBS`] says, a key, a queue that is paused, an import.
fn project() -> Project {
    let project = Project::with_odd();
    project.add("odd", ODD);
    project.add("odd", r#"{"do": "permanent", "message": "no"}"#);
    project.capstan(&["run"]).exits(1);
    project.capstan(&["queue", "pause", "odd"]).ok();
    project.json(&["job", "add", "odd", r#"{"do": "answer", "value": 3}"#, "--key", "site"]);
    project.json(&["job", "add", "odd", r#"{"do": "answer", "value": 4}"#, "--tag", "gone"]);
    project.capstan(&["job", "cancel", "--tag", "gone"]).ok();
    let pages = project.beside().join("pages");
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(pages.join("a.html"), "<p>A page.</p>").unwrap();
    project.import(&pages);
    project.capstan(&["run"]).ok();
    project
}

/// Files with what is wrong.
fn files(project: &Project) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(project.beside().join(name), bytes).unwrap();
    std::fs::create_dir(project.beside().join("empty")).unwrap();
    write("kind", b"{\"kind\": \"odd\", \"payload\": {\"do\": \"echo\"}}\n{\"kind\": \"nope\"}\n");
    write("torn", b"{\"kind\": \"odd\", \"payload\": {\"do\": \"echo\"}}\n{\"kind");
    write("field", b"{\"kind\": \"odd\", \"colour\": 1}\n");
    write("bytes", b"\xff\xfe\n");
    write("torn.json", b"[\"https://a.example/\", \"https://b.exa");
    write("mixed", b"https://a.example/\njavascript:alert(1)\n");
}

/// Every row of every table, the configuration, and the names of what is kept as files.
pub(super) fn all(project: &Project) -> BTreeMap<String, Vec<String>> {
    let mut all = project.dump();
    let text = std::fs::read_to_string(project.root().join("capstan.toml")).unwrap();
    all.insert("capstan.toml".to_owned(), vec![text]);
    for folder in ["handlers", "imports", "artifacts"] {
        let walk = walkdir::WalkDir::new(project.root().join(folder)).sort_by_file_name();
        let names = walk.into_iter().map(|entry| entry.unwrap().path().display().to_string());
        all.insert(folder.to_owned(), names.collect());
    }
    all
}

fn are_refused(cases: &[Case]) {
    let project = project();
    files(&project);
    let host = project.serve();
    let before = all(&project);
    for (command, code, words) in cases {
        let beside = |arg: &str| match arg.strip_prefix('{').and_then(|arg| arg.strip_suffix('}')) {
            Some(name) if !name.contains('"') => project.beside().join(name).display().to_string(),
            _ => arg.to_owned(),
        };
        let args: Vec<String> = command.iter().map(|arg| beside(arg)).collect();
        let ran = project.capstan(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((ran.code, ran.out.as_str()), (Some(*code), ""), "{command:?}: {ran:#?}");
        ran.complains(words);
        let after = all(&project);
        let changed = after.iter().filter(|(what, rows)| before.get(*what) != Some(rows));
        let changed: Vec<_> = changed.map(|(what, rows)| (what, before.get(what), rows)).collect();
        assert!(changed.is_empty() && after.len() == before.len(), "{command:?} changed {changed:#?}");
    }
    host.stop().ok();
    project.is_sound();
}

#[test]
fn what_jobs_cannot_be() {
    are_refused(JOBS);
}

#[test]
fn what_queues_and_keys_cannot_be() {
    are_refused(QUEUES);
    are_refused(KEYS);
}

#[test]
fn what_imports_and_handlers_cannot_be() {
    are_refused(IMPORTS);
    are_refused(HANDLERS);
}

#[test]
fn what_nothing_can_be() {
    are_refused(REST);
}

#[test]
fn a_configuration_that_is_not_in_order_is_named_with_its_place_and_changes_nothing() {
    let project = project();
    let path = project.root().join("capstan.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let host = project.serve();
    let before = project.dump();
    for (table, line, words) in [
        ("queue.odd", "concurency = 3", "unknown field `concurency`"),
        ("queue.odd", "concurrency = 0", "concurrency"),
        ("queue.odd", "rate = \"60\"", "is no rate"),
        ("queue", "ageing = \"0s\"", "ageing"),
        ("key", "limit = 0", "limit"),
        ("key.site", "min_interval = \"2\"", "min_interval"),
        ("retry", "backoff = \"square\"", "square"),
        ("retry", "jitter = 2.0", "jitter"),
        ("retry.class.nope", "max_attempts = 1", "nope"),
        ("kind.odd.retry", "max_attempts = 0", "max_attempts"),
        ("limits", "cpu = 9", "cpu"),
        ("colours", "red = 1", "unknown field `colours`"),
        ("kind.odd", "queue", "TOML parse error"),
    ] {
        project.set(table, line);
        for verb in ["check", "reload"] {
            project.capstan(&["config", verb]).exits(2).complains(&["capstan.toml", words]);
        }
        assert_eq!(project.dump(), before, "{line}");
        std::fs::write(&path, &good).unwrap();
    }
    project.capstan(&["config", "reload"]).ok();
    project.is_sound();
    host.stop().ok();
}
