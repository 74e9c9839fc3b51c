//! `capstan search` and `capstan subject`, and what guests retrieve.

use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;

/// Three pages about different things, imported and worked on.
fn library() -> Project {
    let project = Project::new();
    project.pipeline(r#"["index"]"#);
    let pages = project.beside().join("pages");
    fs::create_dir(&pages).unwrap();
    for (name, title, text) in PAGES {
        fs::write(pages.join(name), page(title, text)).unwrap();
    }
    project.import(&pages);
    project.capstan(&["run"]).ok();
    project
}

const PAGES: [(&str, &str, &str); 3] = [
    ("ducks.html", "On ducks", "Ducks swim on ponds and dive for plants. Their feathers keep the water out."),
    ("anchors.html", "On anchors", "An anchor is hauled by a capstan. Its pawls keep it from slipping back."),
    ("tea.html", "On tea", "Tea is made of leaves and hot water. Green tea wants cooler water than black tea."),
];

fn page(title: &str, text: &str) -> String {
    format!(
        "<html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
    )
}

fn titles(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[test]
fn documents_are_found_by_what_they_say() {
    let project = library();
    let found = project.json(&["search", "hauling", "capstans"]);
    assert_eq!(titles(&found), ["On anchors"]);
    let first = &found["items"][0];
    assert!(first["snippet"].as_str().unwrap().contains("hauled by a capstan"), "{first}");
    assert!(first["url"].as_str().unwrap().ends_with("/anchors.html"), "{first}");
    let document = project.json(&["artifact", "show", first["subject"].as_str().unwrap(), "--kind", "normalise"]);
    let file = project.root().join(document["artifacts"][0]["path"].as_str().unwrap());
    let text = fs::read_to_string(file).unwrap();
    let place = |name: &str| usize::try_from(first[name].as_i64().unwrap()).unwrap();
    assert_eq!(&text[place("start")..place("end")], PAGES[1].2);
    project.capstan(&["search", "water", "tea"]).ok().says(&["On tea", "On ducks", "(by words 1)", "subject "]);
    assert_eq!(titles(&project.json(&["search", "water -tea"])), ["On ducks"]);
    assert_eq!(titles(&project.json(&["search", "\"black tea\""])), ["On tea"]);
    assert_eq!(
        titles(&project.json(&["search", "water", "--source", first["url"].as_str().unwrap()])),
        Vec::<&str>::new()
    );
    project.capstan(&["search", "nothing-of-that-sort"]).ok().says(&["nothing was found"]);
}

#[test]
fn results_come_in_pages() {
    let project = library();
    let all = project.json(&["search", "water keep"]);
    assert_eq!((titles(&all).len(), &all["next"]), (3, &Value::Null));
    let first = project.json(&["search", "water keep", "--limit", "2"]);
    assert_eq!((titles(&first).as_slice(), &first["next"]), (&titles(&all)[..2], &json!(2)));
    let second = project.json(&["search", "water keep", "--limit", "2", "--after", "2"]);
    assert_eq!((titles(&second).as_slice(), &second["next"]), (&titles(&all)[2..], &Value::Null));
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    let project = Project::new();
    project.capstan(&["search", "?!"]).exits(2).complains(&["there is nothing to look for in \"?!\""]);
    project.capstan(&["search", &"x".repeat(1_025)]).exits(2).complains(&["1025 bytes to look for: at most 1024 are"]);
    project.capstan(&["search", "x", "--limit", "201"]).exits(2).complains(&["limit 201 is none: 1 to 200"]);
    project.capstan(&["search"]).exits(2).complains(&["<WORDS>"]);
    project.capstan(&["search", "x", "--rebuild"]).exits(2).complains(&["cannot be used with"]);
    project.capstan(&["search", "anything"]).ok().says(&["nothing was found"]);
}

#[test]
fn a_changed_document_is_found_by_its_new_words_only_and_a_removed_one_not_at_all() {
    let project = library();
    let pages = project.beside().join("pages");
    fs::write(pages.join("tea.html"), page("On coffee", "Coffee is made of beans.")).unwrap();
    project.import(&pages);
    project.capstan(&["run"]).ok();
    assert_eq!(titles(&project.json(&["search", "tea leaves"])), Vec::<&str>::new());
    let coffee = project.json(&["search", "coffee beans"]);
    assert_eq!(titles(&coffee), ["On coffee"]);
    let subject = coffee["items"][0]["subject"].as_str().unwrap();
    let shown = project.json(&["subject", "show", subject]);
    let kinds: Vec<&str> =
        shown["kinds"].as_array().unwrap().iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ingest", "normalise", "index"]);
    let removed = project.json(&["subject", "remove", subject]);
    assert_eq!((removed["generations"].as_i64(), &removed["left"]), (Some(6), &json!([])));
    assert_eq!(titles(&project.json(&["search", "coffee beans"])), Vec::<&str>::new());
    assert!(!project.root().join("artifacts").join(&subject[..2]).join(subject).exists());
    project
        .capstan(&["subject", "remove", &subject[..7]])
        .exits(2)
        .complains(&["is too short for what cannot be undone"]);
    project.capstan(&["subject", "show", ""]).exits(2).complains(&["no subject is named"]);
    project.capstan(&["subject", "show", subject]).exits(3).complains(&["there is no subject"]);
    project.is_sound();
    // What was removed comes back with the next import.
    project.import(&pages);
    project.capstan(&["run"]).ok();
    assert_eq!(titles(&project.json(&["search", "coffee beans"])), ["On coffee"]);
    project.is_sound();
}

#[test]
fn an_index_is_made_anew_by_one_command_whatever_was_done_to_it() {
    let project = library();
    let before = project.json(&["search", "water"]);
    let rebuilt = project.json(&["search", "--rebuild"]);
    assert_eq!(json!([rebuilt["documents"], rebuilt["passages"], rebuilt["vectors"]]), json!([3, 3, 0]));
    assert_eq!(project.json(&["search", "water"]), before);
    let file = project.root().join("state/search.db");
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(project.root().join(format!("state/search.db{ending}")));
    }
    let size = fs::metadata(&file).unwrap().len();
    let mut bytes = fs::read(&file).unwrap();
    bytes[4_096..].fill(0xA5);
    assert!(size > 4_096);
    fs::write(&file, bytes).unwrap();
    let spoilt = project.capstan(&["search", "water"]);
    spoilt.exits(1).complains(&["search index: ", "`capstan search --rebuild` makes it anew"]);
    project.capstan(&["search", "--rebuild"]).ok().says(&["DOCUMENTS"]);
    assert_eq!(project.json(&["search", "water"]), before);
}

#[test]
fn a_host_that_works_folds_by_itself_and_answers_over_its_socket() {
    let project = Project::new();
    project.pipeline(r#"["index"]"#);
    let serving = project.serve();
    let pages = folder(&project.beside().join("pages"), 2);
    let import = project.import(&pages);
    assert_eq!(import["total"], 2);
    crate::support::wait::until("both documents are found", || {
        (titles(&project.json(&["search", "barrels of herring"])).len() == 2).then_some(())
    });
    drop(serving);
}

#[test]
fn a_handler_that_is_granted_it_retrieves_passages_with_their_places() {
    let project = Project::with_clerk();
    project.pipeline(r#"["index"]"#);
    let pages = folder(&project.beside().join("pages"), 2);
    project.import(&pages);
    project.capstan(&["run"]).ok();
    let ask = |limit: u32, times: u32| {
        let step = json!({"do": "retrieve", "words": "herring barrels", "limit": limit, "times": times});
        project.add("clerk", &json!({"steps": [step]}).to_string())
    };
    let (one, many, none) = (ask(1, 3), ask(5, 101), ask(0, 1));
    project.capstan(&["run"]).exits(1);
    let job = project.job(one);
    let passage = &job["result"][0][0];
    assert!(passage[3].as_str().unwrap().contains("barrels of salted herring"), "{job}");
    assert_eq!(job["attempts"][0]["usage"]["retrievals"], 3);
    let said = |id: i64| project.job(id)["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(said(many).starts_with("more than limits.retrievals = 100 searches"), "{}", said(many));
    assert!(said(none).starts_with("0 passages: 1 to 50 are given at once"), "{}", said(none));
}

#[test]
fn a_handler_that_is_not_granted_it_is_refused_with_the_line_that_would_allow_it() {
    let project = Project::with_clerk();
    let config = project.root().join("capstan.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("retrieve = true\n"), "{text}");
    fs::write(&config, text.replace("\nretrieve = true\n", "\n")).unwrap();
    let id = project.add("clerk", r#"{"steps": []}"#);
    project.capstan(&["run"]).exits(1);
    let job = project.job(id);
    assert_eq!(job["error"]["class"], "denied");
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.contains("asks for searching the library (retrieve), which is not granted"), "{said}");
    assert!(said.contains("\nretrieve = true"), "{said}");
}
