//! The handler as the host runs it: JSON in, files out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use capstan_ingest::Ingest;
use capstan_sdk::Failure;
use capstan_sdk::testing::{Bench, Run};
use serde_json::{Value, json};

fn ingest(path: &str, bytes: impl Into<Vec<u8>>) -> Run {
    bench(path, bytes).run().unwrap()
}

fn bench(path: &str, bytes: impl Into<Vec<u8>>) -> Bench<Ingest> {
    Bench::new().payload(json!({ "path": path })).source("file:///x/a.html").import(path, bytes)
}

fn capture(run: &Run) -> Value {
    serde_json::from_str(run.text("capture.json").unwrap()).unwrap()
}

fn refusal(run: &Run) -> String {
    match run.failure() {
        Some(Failure::Permanent(problem)) => problem.message.clone(),
        other => panic!("no permanent failure: {other:?}"),
    }
}

#[test]
fn a_page_in_utf_8_is_kept_as_it_is() {
    let run = ingest("sub/a.html", "<meta charset=utf-8><p>für</p>");
    let capture = capture(&run);
    assert_eq!(run.text("document.html"), Some("<meta charset=utf-8><p>für</p>"));
    assert_eq!(run.outputs().collect::<Vec<_>>(), ["capture.json", "document.html"]);
    assert_eq!(capture["media_type"], "text/html");
    assert_eq!(capture["charset"], "UTF-8");
    assert_eq!(capture["charset_from"], "declared");
    assert_eq!(capture["source"], "file:///x/a.html");
    assert_eq!(capture["path"], "sub/a.html");
    assert_eq!(capture["bytes"], 31);
    assert_eq!(capture["document"], "document.html");
    assert_eq!(run.done().unwrap()["sha256"], capture["sha256"]);
}

#[test]
fn the_sha256_is_that_of_the_file() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(capture(&ingest("a.txt", "abc"))["sha256"], expected);
}

#[test]
fn another_encoding_keeps_the_original_too() {
    let bytes = b"<meta charset=iso-8859-1><p>f\xfcr</p>".to_vec();
    let run = ingest("a.html", bytes.clone());
    assert_eq!(run.text("document.html"), Some("<meta charset=iso-8859-1><p>für</p>"));
    assert_eq!(run.output("original.html"), Some(&*bytes));
    assert_eq!(capture(&run)["charset"], "windows-1252");
}

#[test]
fn formats_have_their_own_documents() {
    let cases = [
        ("a.md", "# x", "document.md", "text/markdown"),
        ("a.txt", "x", "document.txt", "text/plain"),
        ("a.xhtml", "<?xml version='1.0'?><html/>", "document.html", "application/xhtml+xml"),
    ];
    for (path, content, document, media_type) in cases {
        let run = ingest(path, content);
        assert_eq!(run.text(document), Some(content), "{path}");
        assert_eq!(capture(&run)["media_type"], media_type, "{path}");
    }
}

#[test]
fn a_pdf_gives_its_text_page_by_page() {
    let bytes = include_bytes!("../../../host/pages/notes/tide-table.pdf");
    let run = ingest("a.pdf", bytes.to_vec());
    let text = run.text("document.txt").unwrap();
    let pages: Vec<&str> = text.split('\u{c}').collect();
    assert_eq!(pages.len(), 2, "{text}");
    assert!(pages[0].contains("Tide table for Saltby, April 2025"), "{text}");
    assert!(pages[1].contains("High water 10 May"), "{text}");
    assert_eq!(run.output("original.pdf"), Some(bytes.as_slice()));
    assert_eq!(capture(&run)["charset_from"], "pdf");
}

#[test]
fn the_same_file_again_is_unchanged() {
    let first = ingest("a.html", "<p>x");
    let second = bench("a.html", "<p>x").generation("ingest", &first).run().unwrap();
    assert_eq!(second.unchanged(), Some(first.done().unwrap()));
    assert_eq!(second.outputs().count(), 0);
}

#[test]
fn another_content_version_or_note_is_done_anew() {
    let first = ingest("a.html", "<p>x");
    let changed = bench("a.html", "<p>y").generation("ingest", &first).run().unwrap();
    assert!(changed.done().is_some());

    let mut old = capture(&first);
    old["ingest"] = json!("0.0.0");
    let older = bench("a.html", "<p>x").input("ingest", "capture.json", old.to_string()).run().unwrap();
    assert!(older.done().is_some());

    let broken = bench("a.html", "<p>x").input("ingest", "capture.json", "{").run().unwrap();
    assert!(broken.done().is_some());
    assert!(broken.log()[0].message.contains("capture.json"));
}

#[test]
fn what_cannot_be_taken_in_says_which_file_and_why() {
    let cases: [(&str, &[u8], &str); 6] = [
        ("a.png", b"\x89PNG\r\n", "`.png` is not read"),
        ("a.txt", b"a\0b", "binary"),
        ("a.txt", b"", "empty"),
        ("a.pdf", b"%PDF-1.7 and nothing", "cannot be read"),
        ("a.docx", b"words", "`.docx` is not read"),
        ("a.unknown", b"words", "`.unknown` is not read"),
    ];
    for (path, bytes, why) in cases {
        let message = refusal(&ingest(path, bytes));
        assert!(message.contains(why) && message.contains(path), "{path}: {message}");
    }
}

#[test]
fn a_missing_file_and_a_path_that_leaves_are_permanent() {
    let missing = Bench::<Ingest>::new().payload(json!({ "path": "b.html" })).import("a.html", "").run().unwrap();
    assert!(refusal(&missing).contains("b.html"));
    let leaving = Bench::<Ingest>::new().payload(json!({ "path": "../a.html" })).import("a.html", "").run().unwrap();
    assert!(refusal(&leaving).contains("leaves its folder"));
}

#[test]
fn five_megabytes_are_no_trouble() {
    let page = format!("<html><body>{}</body></html>", "<p>é word</p>".repeat(400_000));
    let run = ingest("big.html", page.clone());
    assert_eq!(run.text("document.html"), Some(&*page));
}
