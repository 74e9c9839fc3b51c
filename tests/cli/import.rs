//! `capstan import` and `capstan run`

use crate::support::pages::{folder, page};
use crate::support::project::Project;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// (source, kind) → generation.
fn generations(project: &Project) -> BTreeMap<(String, String), i64> {
    let items = project.json(&["artifact", "list", "--limit", "1000"])["items"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = items.as_array().unwrap().iter();
    rows.map(|a| ((text(&a["source"]), text(&a["kind"])), a["generation"].as_i64().unwrap())).collect()
}

/// The account of an import, without zeros.
fn account(import: &Value) -> Value {
    let places = ["total", "done", "failed", "cancelled", "duplicate", "skipped", "invalid", "remaining"];
    let filled = places.iter().filter(|place| import[**place] != 0);
    filled.map(|place| ((*place).to_owned(), import[*place].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_folder_is_imported_once_however_often_it_is_imported() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 7);
    std::fs::write(pages.join("notes.xyz"), "left out").unwrap();
    let started = project.capstan(&["import", "start", pages.to_str().unwrap(), "--chunk", "3"]).ok();
    assert_eq!(
        started.out,
        format!(
            "import 1: 7 files of {}\nleft out: 1 files with other endings, hidden ones and links\n\nnext: capstan run\n",
            pages.display()
        )
    );
    let run = project.capstan(&["run"]).ok();
    run.says(&["14 jobs completed, 0 failed, 0 cancelled in ", "import 1 completed: 7 of 7 items (7 done)"]);
    assert_eq!(account(&project.json(&["import", "show", "1"])), json!({"total": 7, "done": 7}));
    let first = generations(&project);
    assert_eq!(first.len(), 14);

    assert_eq!(project.capstan(&["run"]).ok().out, "nothing to do\n");

    project.import(&pages);
    let run = project.json(&["run"]);
    assert_eq!(run["ended"], json!({"completed": 7, "failed": 0, "cancelled": 0}));
    assert_eq!(account(&project.json(&["import", "show", "2"])), json!({"total": 7, "skipped": 7}));
    assert_eq!(generations(&project), first);
    project.is_sound();
}

#[test]
fn only_a_changed_page_is_worked_on_again() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 4);
    project.import(&pages);
    project.capstan(&["run"]).ok();
    let first = generations(&project);
    let changed = pages.join("part-2/day-002.html");
    std::fs::write(&changed, page(222)).unwrap();
    project.import(&pages);
    assert_eq!(project.json(&["run"])["ended"]["completed"], 5);
    assert_eq!(account(&project.json(&["import", "show", "2"])), json!({"total": 4, "done": 1, "skipped": 3}));
    let second = generations(&project);
    for (of, generation) in &second {
        let is_changed = of.0 == format!("file://{}", changed.display());
        assert_eq!(first[of] != *generation, is_changed, "{of:?}");
    }
    let source = format!("file://{}", changed.display());
    let shown = project.json(&["artifact", "show", &source, "--kind", "normalise"]);
    let document = project.root().join(shown["artifacts"][0]["path"].as_str().unwrap());
    assert!(std::fs::read_to_string(document).unwrap().contains("222 barrels of salted herring"));
    project.is_sound();
}

#[test]
fn imports_are_listed_newest_first_and_shown_with_their_list() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 2);
    assert_eq!(project.import(&pages)["id"], 1);
    assert_eq!(project.import(&pages)["id"], 2);
    let page = project.json(&["import", "list", "--limit", "1"]);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(2), &json!("2")));
    let page = project.json(&["import", "list", "--before", "2"]);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(1), &json!(null)));
    let shown = project.capstan(&["import", "show", "1"]).ok();
    shown.says(&["import 1 pending: 0 of 2 items (0 done, 2 remaining)", "list      imports/job_1.json"]);
    let list = std::fs::read_to_string(project.root().join("imports/job_1.json")).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list, json!([{"path": "part-1/day-001.html"}, {"path": "part-2/day-002.html"}]));
}

#[test]
fn what_cannot_be_imported_is_said_and_nothing_is_queued() {
    let project = Project::new();
    let nowhere = project.beside().join("nowhere");
    let start = |folder: &str| project.capstan(&["import", "start", folder]);
    start(nowhere.to_str().unwrap()).exits(2).complains(&["error: folder ", "nowhere: No such file or directory"]);
    let empty = project.beside().join("empty");
    std::fs::create_dir(&empty).unwrap();
    start(empty.to_str().unwrap()).exits(2).complains(&[
        "holds no file with one of the endings html, htm, xhtml, txt, md, markdown, pdf",
        "hint: import.extensions in capstan.toml names the endings",
    ]);
    let file = empty.join("a.html");
    std::fs::write(&file, page(1)).unwrap();
    start(file.to_str().unwrap())
        .exits(2)
        .complains(&["a.html: its form is not known", "to import a page, name the folder that it lies in"]);
    let chunk = project.capstan(&["import", "start", empty.to_str().unwrap(), "--chunk", "0"]).exits(2);
    chunk.complains(&["chunk 0 is out of range: 1 to 10000"]);
    project.capstan(&["import", "show", "1"]).exits(3).complains(&["there is no import 1"]);
    assert_eq!(project.json(&["import", "list"])["items"], json!([]));
}

#[test]
fn a_page_that_vanished_fails_alone() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 3);
    project.import(&pages);
    std::fs::remove_file(pages.join("part-2/day-002.html")).unwrap();
    let run = project.capstan(&["run"]).exits(1);
    run.says(&["4 jobs completed, 1 failed", "import 1 completed: 3 of 3 items (2 done, 1 failed)"])
        .says(&["why: capstan failure list"]);
    let failed = project.json(&["job", "list", "--state", "failed"]);
    assert_eq!(failed["items"][0]["error"]["class"], "permanent");
    let message = failed["items"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("part-2/day-002.html"), "{message}");
    project.is_sound();
}
