//! Pages that are built to do harm.

use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::json;

#[test]
fn a_page_of_a_hundred_thousand_nested_tags_ends_at_its_limit_and_harms_no_other() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 5);
    let nested = format!("<!doctype html><title>Deep</title>{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
    std::fs::write(pages.join("deep.html"), nested).unwrap();
    project.set("handler.normalise.limits", "cpu = \"1s\"");
    project.import(&pages);
    project.capstan(&["run"]).exits(1).says(&["import 1 completed: 6 of 6 items (5 done, 1 failed)"]);
    let failed = project.json(&["job", "list", "--state", "failed"]);
    let [job] = &failed["items"].as_array().unwrap()[..] else { panic!("{failed}") };
    assert_eq!(json!([job["kind"], job["error"]["class"], job["attempt"]]), json!(["normalise", "cpu-limit", 1]));
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.contains("limits.cpu = 1"), "{message}");
    assert!(job["source"].as_str().unwrap().ends_with("/deep.html"));
    let documents = project.json(&["artifact", "list", "--kind", "normalise"]);
    assert_eq!(documents["items"].as_array().map(Vec::len), Some(5));
    project.is_sound();
}

#[test]
fn names_of_files_are_data() {
    let project = Project::new();
    let pages = project.beside().join("pages");
    std::fs::create_dir(&pages).unwrap();
    let names = [
        "a b.html",
        "quo\"te.html",
        "per%20cent.html",
        "hash#mark.html",
        "new\nline.html",
        "ünïcode — ☃.html",
        "back\\slash.html",
    ];
    for (at, name) in names.iter().enumerate() {
        std::fs::write(pages.join(name), crate::support::pages::page(at)).unwrap();
    }
    std::fs::write(pages.join(std::ffi::OsStr::new("x.html")), "<title>x</title><p>short").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", pages.join("link.html")).unwrap();
    let started = project.import(&pages);
    assert_eq!(json!([started["total"], started["left_out"]]), json!([names.len() + 1, 1]));
    project.capstan(&["run"]).ok();
    assert_eq!(project.json(&["import", "show", "1"])["done"], names.len() + 1);
    project.is_sound();
}
