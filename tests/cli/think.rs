//! The handlers that think, through the real binary: whatever a document is, something sensible comes of it.

use crate::support::project::Project;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What follows `normalise` by default.
const KINDS: [&str; 4] = ["summarise", "embed", "analyse", "index"];

const ARABIC: &str = "القهوة مشروب يُعد من حبوب البن المحمصة. تزرع أشجار البن في أكثر من سبعين دولة. يشرب الناس القهوة في الصباح. \
    تحتوي القهوة على مادة الكافيين التي تنبه الجسم. كانت القهوة تباع في أسواق اليمن منذ القرن الخامس عشر.";
const JAPANESE: &str = "お茶は茶の木の葉から作られる飲み物である。緑茶は発酵させない茶である。紅茶は完全に発酵させた茶である。\
    日本では緑茶がよく飲まれている。静岡県は日本で最も多くの茶を生産する県である。";

/// Documents by their names.
fn documents(at: &Path) {
    fs::create_dir(at).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(at.join(name), bytes).unwrap();
    write("empty.txt", b"");
    write("empty.html", b"<html><body></body></html>");
    write(
        "latin.txt",
        b"Caf\xe9s in Z\xfcrich are open on Sundays. Many people meet there. They talk about the weather.",
    );
    write("arabic.html", page("ar", "القهوة", ARABIC).as_bytes());
    write("japanese.html", page("ja", "お茶", JAPANESE).as_bytes());
    write("code.md", b"```rust\nfn main() {\n    println!(\"ahoy\");\n}\n```\n");
    write("table.md", b"| ship | crew |\n|---|---|\n| Anna | 12 |\n| Berta | 30 |\n");
    write("book.txt", book(5 << 20).as_bytes());
}

fn page(language: &str, title: &str, text: &str) -> String {
    format!(
        "<!doctype html><html lang={language}><head><meta charset=utf-8><title>{title}</title></head>\
         <body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
    )
}

/// Prose of so many bytes, some thousand pages, no two sentences of it the same.
fn book(bytes: usize) -> String {
    let words = [
        "harbour", "anchor", "capstan", "pawl", "rope", "crew", "barrel", "tide", "mast", "captain", "storm", "lantern",
    ];
    let mut book = String::new();
    let mut seed = 7_u64;
    while book.len() < bytes {
        let mut sentence = String::from("On that day the");
        for _ in 0..9 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let word = usize::try_from(seed >> 33).unwrap();
            let _ = write!(sentence, " {}{}", words[word % words.len()], word % 97);
        }
        book.push_str(&sentence);
        book.push_str(if seed.is_multiple_of(7) { ".\n\n" } else { ". " });
    }
    book
}

/// What came of each document: by its name and the kind, the job.
fn outcomes(project: &Project) -> BTreeMap<(String, String), Value> {
    let jobs = project.json(&["job", "list", "--limit", "1000"]);
    let name = |source: &str| source.rsplit('/').next().unwrap().to_owned();
    let of = |job: &Value| (name(job["source"].as_str().unwrap()), job["kind"].as_str().unwrap().to_owned());
    jobs["items"].as_array().unwrap().iter().map(|job| (of(job), job.clone())).collect()
}

/// A file that a kind made of a document.
fn made(project: &Project, job: &Value, file: &str) -> Value {
    let shown =
        project.json(&["artifact", "show", job["subject"].as_str().unwrap(), "--kind", job["kind"].as_str().unwrap()]);
    let artifacts = shown["artifacts"].as_array().unwrap();
    let path =
        artifacts.iter().filter_map(|artifact| artifact["path"].as_str()).find(|path| path.ends_with(file)).unwrap();
    serde_json::from_slice(&fs::read(project.root().join(path)).unwrap()).unwrap()
}

#[test]
fn every_sort_of_document_ends_well_within_the_default_limits() {
    let project = Project::whole();
    let pages = project.beside().join("pages");
    documents(&pages);
    project.import(&pages);
    project.capstan(&["run"]).exits(1);
    let mut outcomes = outcomes(&project);
    let nothing = outcomes.remove(&("empty.txt".to_owned(), "ingest".to_owned())).unwrap();
    let error = json!({"class": "permanent", "message": "`empty.txt` was not taken in: it is empty"});
    assert_eq!((&nothing["state"], &nothing["error"]), (&json!("failed"), &error));
    for ((name, kind), job) in &outcomes {
        assert_eq!(job["state"], "completed", "{kind} of {name}: {}", job["error"]);
    }
    assert_eq!(outcomes.len(), 7 * (2 + KINDS.len()));
    let of = |name: &str, kind: &str| &outcomes[&(name.to_owned(), kind.to_owned())];
    let summary = |name: &str| made(&project, of(name, "summarise"), "summary.json");
    let analysis = |name: &str| made(&project, of(name, "analyse"), "analysis.json");
    let passages = |name: &str| made(&project, of(name, "index"), "entry.json")["passages"].as_array().unwrap().len();
    assert_eq!((&summary("empty.html")["sentences"], passages("empty.html")), (&json!([]), 0));
    for (name, language) in [("arabic.html", "ar"), ("japanese.html", "ja"), ("latin.txt", "en")] {
        assert!(!summary(name)["sentences"].as_array().unwrap().is_empty(), "{name}");
        assert_eq!(analysis(name)["language"]["tag"], language, "{name}: {}", analysis(name)["language"]);
        assert!(!analysis(name)["keyphrases"].as_array().unwrap().is_empty(), "{name}");
    }
    assert_eq!((passages("code.md"), passages("table.md")), (1, 1));
    assert!(passages("book.txt") > 1_000);
    // What was found is where it says, and the search finds all of it.
    let found =
        |words: &str| project.json(&["search", words])["items"][0]["url"].as_str().unwrap_or_default().to_owned();
    assert!(found("緑茶").ends_with("japanese.html"));
    assert!(found("الكافيين").ends_with("arabic.html"));
    assert!(found("Zürich cafés").ends_with("latin.txt"));
    assert!(found("ahoy").ends_with("code.md"));
    assert!(found("Berta").ends_with("table.md"));
    assert!(found("capstan3 pawl").ends_with("book.txt"));
    for kind in KINDS {
        let job = project.job(of("book.txt", kind)["id"].as_i64().unwrap());
        let usage = &job["attempts"][0]["usage"];
        println!("{kind} of 5 MiB: {} µs, {} bytes", usage["cpu_us"], usage["memory"]);
        assert!(usage["memory"].as_u64().unwrap() < 256 << 20);
    }
}

#[test]
fn a_book_in_a_payload_is_refused_with_the_size_that_would_do() {
    let project = Project::new();
    let file = project.beside().join("book.json");
    fs::write(&file, json!({ "text": book(2 << 20) }).to_string()).unwrap();
    let from = format!("@{}", file.display());
    project.capstan(&["job", "add", "summarise", &from]).exits(2).complains(&["bytes: at most 1048576"]);
}

#[test]
fn a_handler_that_fails_holds_back_only_what_depends_on_it() {
    let project = Project::whole();
    project.set("handler.analyse.limits", "memory = \"1MiB\"");
    let pages = project.beside().join("pages");
    fs::create_dir(&pages).unwrap();
    fs::write(pages.join("arabic.html"), page("ar", "القهوة", ARABIC)).unwrap();
    project.import(&pages);
    project.capstan(&["run"]).exits(1);
    let outcomes = outcomes(&project);
    let state = |kind: &str| outcomes[&("arabic.html".to_owned(), kind.to_owned())]["state"].clone();
    assert_eq!(state("analyse"), "failed");
    for kind in ["ingest", "normalise", "summarise", "index"] {
        assert_eq!(state(kind), "completed", "{kind}");
    }
    assert_eq!(project.json(&["search", "القهوة"])["items"].as_array().map(Vec::len), Some(1));
}
