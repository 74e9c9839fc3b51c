//! The handler as the host runs it, alone and after `ingest`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use capstan_ingest::Ingest;
use capstan_normalise::Normalise;
use capstan_sdk::Failure;
use capstan_sdk::testing::{Bench, Run};
use serde_json::{Value, json};

fn normalise(media_type: &str, document: &str, content: &str) -> Run {
    let source = "https://example.org/dir/page.html";
    let capture = json!({ "source": source, "media_type": media_type, "document": document });
    let bench = Bench::<Normalise>::new().input("ingest", "capture.json", capture.to_string());
    bench.input("ingest", document, content).payload(json!({})).run().unwrap()
}

/// Runs `ingest` and then `normalise` on a page that the project ships.
fn shipped(path: &Path) -> (Value, String) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let ingest = Bench::<Ingest>::new().payload(json!({ "path": name })).source("https://example.org/p/x");
    let ingested = ingest.import(name, fs::read(path).unwrap()).run().unwrap();
    let normalised = Bench::<Normalise>::new().payload(json!({})).generation("ingest", &ingested).run().unwrap();
    let result = normalised.done().unwrap_or_else(|| panic!("{name}: {:?}", normalised.failure())).clone();
    (result, normalised.text("document.md").unwrap().to_owned())
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host/pages")
}

#[test]
fn front_matter_comes_before_the_content() {
    let page = r#"<html lang="en"><title>A "quoted": title | Site</title>
        <meta property="og:title" content='A "quoted": title'><meta property="og:site_name" content="Site">
        <meta name="author" content="Ada B."><link rel="canonical" href="/real">
        <meta property="article:published_time" content="2025-01-02">
        <body><main><p>Some words that are long enough to be taken for a sentence of the page.</p></main>"#;
    let run = normalise("text/html", "document.html", page);
    let file = run.text("document.md").unwrap();
    let expected = r#"---
title: "A \"quoted\": title"
byline: "Ada B."
site: "Site"
language: "en"
published: "2025-01-02"
canonical_url: "https://example.org/real"
source: "https://example.org/dir/page.html"
word_count: 15
---

Some words that are long enough to be taken for a sentence of the page.
"#;
    assert_eq!(file, expected);
    assert_eq!(run.done().unwrap()["words"], 15);
}

#[test]
fn without_ingest_it_fails_for_good() {
    let run = Bench::<Normalise>::new().payload(json!({})).run().unwrap();
    assert!(matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("ingest")));
}

#[test]
fn a_broken_note_of_ingest_fails_for_good() {
    let run = Bench::<Normalise>::new().payload(json!({})).input("ingest", "capture.json", "{}").run().unwrap();
    assert!(matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("capture.json")));
}

#[test]
fn an_empty_page_is_done_with_a_warning() {
    let run = normalise("text/html", "document.html", "<html><body></body></html>");
    assert_eq!(run.done().unwrap()["words"], 0);
    assert!(run.log().iter().any(|entry| entry.message.contains("no content")));
}

#[test]
fn markdown_keeps_its_marks_and_gives_its_front_matter() {
    let content = "---\ntitle: 'From above'\nauthor: Ada\n---\r\n# Heading  \r\n\r\n\r\n\r\n* a\r\n";
    let run = normalise("text/markdown", "document.md", content);
    let file = run.text("document.md").unwrap();
    assert!(file.contains("title: \"From above\"\nbyline: \"Ada\"\n"), "{file}");
    assert!(file.ends_with("---\n\n# Heading\n\n* a\n"), "{file}");
}

#[test]
fn plain_text_takes_its_first_line_as_title_and_is_escaped() {
    let run = normalise("text/plain", "document.txt", "The log\n\n# no heading, *no* <b>mark</b>\u{c}next page");
    let file = run.text("document.md").unwrap();
    assert!(file.contains("title: \"The log\"\n"), "{file}");
    assert!(file.ends_with("\\# no heading, \\*no\\* \\<b>mark\\</b>\n\nnext page\n"), "{file}");
}

#[test]
fn the_language_is_guessed_when_the_page_does_not_say_it() {
    let page = "<p>Das Wasser steigt zweimal am Tag, und niemand hat es geholt, denn der Mond zieht es an.</p>";
    let run = normalise("text/html", "document.html", page);
    assert_eq!(run.done().unwrap()["language"], "de");
    assert!(run.text("document.md").unwrap().contains("\nlanguage: \"de\"\nlanguage_from: \"detected\"\n"));
}

#[test]
fn every_shipped_page_keeps_its_text_and_loses_the_rest() {
    let cases: [(&str, &[&str], &[&str]); 16] = [
        (
            "news/tide-mill.html",
            &[
                "The restoration took eleven years",
                "![The restored water wheel at low tide](https://example.org/img/wheel.jpg)",
                "## Eleven years of work",
                "> It does not hurry",
                "[a range of four metres](https://example.org/news/tides)",
            ],
            &["cookies", "kitchens", "Ferry", "park?", "Imprint", "Weather"],
        ),
        (
            "blog/slow-queue.html",
            &["```rust\nfor job in jobs {", "| Batch | Jobs per second |", "**count the waits, not the work**"],
            &["jam jar", "newsletter", "trackers"],
        ),
        (
            "reference/gate.html",
            &["# gate\n", "`open(gate, height=300)`", "```python\nimport gate", "| `Jammed` | 7 |", "slowly at first"],
            &["¶", "previous", "Created with"],
        ),
        ("recipes/oat-bread.html", &["400 g wheat flour", "Stir everything together"], &["your oven", "newsletter"]),
        ("docs/faq.html", &["Can I visit the mill?", "steep", "*signs*"], &["Home"]),
        ("forum/thread-118.html", &["too hot to touch", "wipe out two thirds", "butter dish"], &["Log in"]),
        ("de/gezeiten.html", &["Küste steht", "## Springtide"], &["Gummistiefel", "Startseite", "Impressum"]),
        ("fr/carnet.html", &["toutes les douze secondes"], &["Partager", "Mentions"]),
        ("ja/shiohigari.html", &["潮が大きく引きます", "熊手"], &["関連記事", "ホーム"]),
        ("ru/mayak.html", &["Механизм с гирями"], &["Главная", "Поделиться", "права"]),
        ("ar/sayd.html", &["يخرج الصيادون"], &["الرئيسية", "شارك"]),
        ("docs/utf16.html", &["naïve, Größe, Ελλάδα, Привет"], &["Back"]),
        ("docs/signals.xhtml", &["| Flat hand | Slower |"], &["Contents"]),
        ("notes/opening-day.md", &["**09:42**", "./gate --open west"], &["author:"]),
        ("notes/log-1934.txt", &["The lower gate leaks again", "\\* The owl"], &["\r"]),
        ("notes/tide-table.pdf", &["Tide table for Saltby", "Low water 10 May"], &["\u{c}"]),
    ];
    for (path, kept, lost) in cases {
        let (result, file) = shipped(&pages().join(path));
        for part in kept {
            assert!(file.contains(part), "{path} lost {part:?}:\n{file}");
        }
        for part in lost {
            assert!(!file.contains(part), "{path} kept {part:?}:\n{file}");
        }
        assert!(!result["title"].as_str().unwrap().is_empty(), "{path} has no title");
    }
}
