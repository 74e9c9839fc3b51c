//! What `import start` is told beside the list: which kind, how many, what exists already, what follows.

use super::refuse::all;
use crate::support::pages::folder;
use crate::support::project::Project;
use crate::support::web::{Page, Web, html};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A list of each form as its program writes it, and an item of it: address, title, tags, when it was added, note.
type Sample =
    (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], Option<i64>, &'static str);
const SAMPLES: [Sample; 12] = [
    ("urls", "urls.txt", "https://example.org/a", "", &[], None, ""),
    ("json", "bookmarks.json", "https://b.example/x", "B", &["t", "u"], Some(1_609_545_600_000), "n"),
    (
        "csv",
        "any.csv",
        "https://pilot.example/",
        "Pilot",
        &["work", "sea", "a", "b"],
        Some(1_588_741_689_000),
        "in; out",
    ),
    (
        "netscape",
        "firefox.html",
        "https://mill.example/",
        "The mill",
        &["tide", "mill house"],
        Some(1_600_000_001_000),
        "Wheels < 3 m, says\n the miller",
    ),
    (
        "karakeep",
        "karakeep.json",
        "https://marsh.example/salt",
        "Salt marshes",
        &["marsh", "plants"],
        Some(1_720_000_000_000),
        "for the walk",
    ),
    (
        "linkwarden",
        "linkwarden.json",
        "https://locks.example/",
        "Locks",
        &["canal"],
        Some(1_714_557_600_500),
        "how locks work",
    ),
    ("omnivore", "omnivore.json", "https://fog.example/1", "Fog", &["weather", "sea"], Some(1_709_528_767_089), ""),
    (
        "pocket",
        "pocket.csv",
        "https://rowing.example/",
        "Rowing, slowly",
        &["sport", "water"],
        Some(1_500_000_000_000),
        "",
    ),
    (
        "instapaper",
        "instapaper.csv",
        "https://oars.example/",
        "Oars",
        &["wood", "work"],
        Some(1_400_000_000_000),
        "He said \"pull\"\nand we did",
    ),
    (
        "readwise",
        "readwise.csv",
        "https://moorings.example/",
        "Moorings",
        &["quay", "skipper's"],
        Some(1_667_709_230_000),
        "",
    ),
    ("onetab", "onetab.txt", "https://one.example/", "One | and a half", &[], None, ""),
    ("opml", "feeds.opml", "http://spec.example/", "Spec", &[], None, "read <it>"),
];

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/lists").join(name)
}

/// The payload of an item: what its list says of it, and nothing that it does not.
fn payload((_, _, url, title, tags, added_at, note): &Sample) -> Value {
    let mut payload = json!({ "url": url });
    for (name, text) in [("title", title), ("note", note)] {
        if !text.is_empty() {
            payload[name] = json!(text);
        }
    }
    if !tags.is_empty() {
        payload["tags"] = json!(tags);
    }
    if let Some(added_at) = added_at {
        payload["added_at"] = json!(added_at);
    }
    payload
}

#[test]
fn what_a_program_kept_of_a_page_is_in_its_job() {
    let project = Project::new();
    project.capstan(&["queue", "pause", "ingest"]).ok();
    for (number, of) in (1..).zip(&SAMPLES) {
        let (form, name, ..) = of;
        let started = project.import(&sample(name));
        assert_eq!((&started["id"], &started["format"]), (&json!(number), &json!(form)), "{started:#}");
    }
    project.capstan(&["run"]).ok().says(&["wait, because their queue or import is paused"]);
    let jobs = project.json(&["job", "list", "--limit", "1000"]);
    for of in &SAMPLES {
        let (form, _, url, title, tags, ..) = of;
        let mut jobs = jobs["items"].as_array().unwrap().iter().filter(|job| job["source"] == *url);
        let job = project.job(jobs.next().unwrap_or_else(|| panic!("no job of {url}"))["id"].as_i64().unwrap());
        let expected = (payload(of), json!(title), json!(tags));
        assert_eq!((job["payload"].clone(), job["title"].clone(), job["tags"].clone()), expected, "{form}: {job:#}");
    }
    project.is_sound();
}

/// What `ingest` writes down of a page.
fn kept(project: &Project, url: &str) -> Value {
    let shown = project.json(&["artifact", "show", url, "--kind", "ingest"]);
    let paths = shown["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["path"].as_str().unwrap());
    let path = paths.into_iter().find(|path| path.ends_with("capture.json")).unwrap().to_owned();
    let capture: Value = serde_json::from_slice(&fs::read(project.root().join(path)).unwrap()).unwrap();
    capture["kept"].clone()
}

#[test]
fn what_exists_already_is_skipped_without_a_look_when_that_is_wanted() {
    let web = Web::new(&[("/a", Page::Raw(html("<p>a</p>"))), ("/b", Page::Raw(html("<p>b</p>")))]);
    let project = super::web::project(&web);
    project.set("import", "stagger_min = \"0s\"\nstagger_max = \"0s\"");
    let list = project.beside().join("list.json");
    let items = |items: Value| fs::write(&list, items.to_string()).unwrap();
    items(json!([{"url": web.url("/a"), "title": "Ann", "tags": ["t"], "added_at": 1_600_000_000, "note": "n"}]));
    project.import(&list);
    project.capstan(&["run"]).ok();
    let expected = json!({"title": "Ann", "tags": ["t"], "added_at": 1_600_000_000_000_i64, "note": "n"});
    assert_eq!(kept(&project, &web.url("/a")), expected);
    assert_eq!(web.requests(), 1);

    items(json!([web.url("/a"), web.url("/b")]));
    let started = project.json(&["import", "start", list.to_str().unwrap(), "--skip-existing"]);
    assert_eq!(started["existing"], "skip");
    project.capstan(&["run"]).ok().says(&["import 2 completed: 2 of 2 items (1 done, 1 skipped)"]);
    project.capstan(&["import", "show", "2"]).ok().says(&["existing  documents that exist are skipped"]);
    let asked: Vec<String> = web.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(asked, ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]);
    project.is_sound();
}

#[test]
fn a_sample_is_spread_over_the_list() {
    let project = Project::new();
    let list = project.beside().join("list.txt");
    let urls: Vec<String> = (0..100).map(|n| format!("https://a{n}.example/")).collect();
    fs::write(&list, urls.join("\n")).unwrap();
    let started = project.json(&["import", "start", list.to_str().unwrap(), "--sample", "4"]);
    assert_eq!((&started["total"], &started["remaining"]), (&json!(4), &json!(4)));
    let kept = fs::read_to_string(project.root().join("imports/job_1.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let kept: Vec<_> = kept.as_array().unwrap().iter().map(|item| item["line"].as_u64().unwrap()).collect();
    assert_eq!(kept, [1, 26, 51, 76]);
    // There are no more than there are.
    assert_eq!(project.json(&["import", "start", list.to_str().unwrap(), "--sample", "1000"])["total"], 100);
}

#[test]
fn items_are_jobs_of_the_kind_that_is_named() {
    let project = Project::with_odd();
    let list = project.beside().join("list.txt");
    fs::write(&list, "https://a.example/\n").unwrap();
    let list = list.to_str().unwrap();
    let before = all(&project);
    let start = |kind: &str| project.capstan(&["import", "start", list, "--kind", kind]);
    start("nope").exits(2).complains(&["no handler does kind \"nope\"", "hint: "]);
    start("odd")
        .exits(2)
        .complains(&["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"]);
    assert_eq!(all(&project), before);
    start("normalise").exits(2);
    assert_eq!(all(&project), before);
}

#[test]
fn what_is_to_follow_does_once_and_only_when_all_is_accounted_for() {
    let project = Project::with_odd();
    let pages = folder(&project.beside().join("pages"), 3);
    let start =
        |more: &[&str]| project.capstan(&[&["import", "start", pages.to_str().unwrap(), "--json"], more].concat());
    let before = all(&project);
    let then = |kind: &'static str, payload: &'static str| start(&["--then", kind, "--then-payload", payload]).exits(2);
    then("nope", "{}").complains(&["no handler does kind \"nope\"", "hint: kinds that can be added: "]);
    then("odd", "{}").complains(&["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"]);
    then("odd", "{").complains(&["--then-payload is no JSON", "hint: quote it"]);
    start(&["--then-payload", "{}"]).exits(2).complains(&["--then <KIND>"]);
    assert_eq!(all(&project), before);

    let payload = r#"{"do": "answer", "value": {"n": 1}}"#;
    let started = start(&["--then", "odd", "--then-payload", payload]).ok().json();
    assert_eq!((&started["then"]["kind"], &started["then_id"]), (&json!("odd"), &json!(null)));
    fs::remove_file(pages.join("part-2/day-002.html")).unwrap();
    project.capstan(&["run"]).exits(1).says(&["import 1 completed: 3 of 3 items (2 done, 1 failed)"]);
    let shown = project.json(&["import", "show", "1"]);
    let job = project.job(shown["then_id"].as_i64().unwrap());
    assert_eq!((&job["state"], &job["payload"]["value"]), (&json!("completed"), &json!({"n": 1})), "{job:#}");
    assert!(job["created_at"].as_i64() >= shown["finished_at"].as_i64(), "{job:#} {shown:#}");
    assert_eq!(job["import_id"], json!(null), "it is no item of the import");

    // What is retried opens the import again; the job that followed does not follow twice.
    fs::write(pages.join("part-2/day-002.html"), crate::support::pages::page(2)).unwrap();
    let failed = project.json(&["job", "list", "--state", "failed"])["items"][0]["id"].to_string();
    project.capstan(&["job", "retry", &failed]).ok();
    assert_eq!(project.json(&["import", "show", "1"])["state"], "processing");
    project.capstan(&["run"]).ok().says(&["import 1 completed: 3 of 3 items (3 done)"]);
    assert_eq!(project.sql("SELECT count(*) FROM job WHERE kind = 'odd'"), [1]);
    project.is_sound();
}

#[test]
fn a_form_that_does_not_fit_is_refused() {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 1);
    let list = project.beside().join("list.txt");
    fs::write(&list, "https://a.example/\n").unwrap();
    let (pages, list) = (pages.to_str().unwrap(), list.to_str().unwrap());
    let before = all(&project);
    let start = |from: &str, form: &str| project.capstan(&["import", "start", from, "--format", form]).exits(2);
    start(list, "nope").complains(&["error: format \"nope\" is not known", "hint: formats: folder, urls, json, csv, "]);
    start(list, "folder").complains(&["list.txt is no folder", "hint: formats of lists: urls, json"]);
    start(pages, "json").complains(&["is a folder, and format json is one of lists", "hint: name the file, or leave"]);
    for form in ["json", "csv", "karakeep", "linkwarden", "omnivore", "pocket", "instapaper", "readwise", "opml"] {
        let said =
            start(list, form).complains(&["error: list ", "hint: if it has another form, name it with --format: "]);
        assert!(said.err.contains(&format!("it is no {form}: ")), "{said:#?}");
    }
    start(list, "netscape").complains(&["it holds no URL", "hint: if it has another form"]);
    assert_eq!(all(&project), before);
    project.json(&["import", "start", list, "--format", "onetab"]);
    project.json(&["import", "start", pages, "--format", "folder"]);
    project.is_sound();
}

#[test]
fn what_is_neither_a_file_nor_a_folder_is_refused_and_not_waited_for() {
    let project = Project::new();
    let pipe = project.beside().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let before = all(&project);
    for from in [pipe.to_str().unwrap(), "/dev/zero", "/dev/null"] {
        for more in [&[][..], &["--format", "urls"]] {
            let ran = project.capstan(&[&["import", "start", from], more].concat()).exits(2);
            ran.complains(&[
                "is neither a file nor a folder",
                "hint: name a folder with pages, or a file that lists URLs",
            ]);
        }
    }
    assert_eq!(all(&project), before);
}

#[test]
fn a_list_that_was_damaged_fails_its_import_which_can_be_cancelled() {
    let project = Project::new();
    project.capstan(&["queue", "pause", "ingest"]).ok();
    let list = project.beside().join("list.txt");
    let urls: Vec<String> = (0..60).map(|n| format!("https://a{n}.example/")).collect();
    fs::write(&list, urls.join("\n")).unwrap();
    project.import(&list);
    let kept = project.root().join("imports/job_1.json");
    let whole = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, &whole[..whole.len() / 2]).unwrap();
    project.capstan(&["run"]);
    let import = project.json(&["import", "show", "1"]);
    assert_eq!((&import["state"], &import["total"]), (&json!("failed"), &json!(60)), "{import:#}");
    assert!(import["error"].as_str().unwrap().starts_with("cannot read imports/job_1.json: "), "{import:#}");
    for turn in ["pause", "resume"] {
        let refused = project.capstan(&["import", turn, "1"]).exits(1);
        refused.complains(&[
            "import 1 is failed and cannot be ",
            "hint: its list cannot be read: `capstan import show 1`",
        ]);
    }
    project
        .capstan(&["import", "cancel", "1"])
        .ok()
        .says(&["import 1 cancelled: 60 of 60 items (0 done, 60 cancelled)"]);
    assert_eq!(project.sql("SELECT count(*) FROM job WHERE state NOT IN ('cancelled')"), [0]);
    project.is_sound();
}
