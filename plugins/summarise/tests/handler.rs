//! The handler as the host runs it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::{env, fs};

use capstan_sdk::Failure;
use capstan_sdk::testing::{Bench, Run};
use capstan_summarise::{Summarise, Summary};
use capstan_text::{Document, Shape};
use serde_json::{Value, json};

const PAGE: &str = "---\ntitle: \"Tide mills\"\nlanguage: \"en\"\nsource: \"https://example.org/a\"\n---\n\n# Tide mills\n\n\
A tide mill is a *water mill* that is driven by the tide &amp; by nothing else. The [sluice](https://example.org/s) \
closes when the tide falls, so that the water stays in the pond behind the mill. Then the miller waits!\n\n\
## The pond\n\nThe pond of a tide mill is filled by the rising tide twice a day. A heron lives there.\n\n\
- The wheel turns when the water of the pond is higher than the tide outside.\n- Flour\n";

fn with(document: &str, config: Value, payload: Value) -> Run {
    Bench::<Summarise>::new().input("normalise", "document.md", document).config(config).payload(payload).run().unwrap()
}

fn summarised(document: &str) -> (Value, Value, String) {
    let run = with(document, json!({}), json!({}));
    let answer = run.done().unwrap_or_else(|| panic!("{:?}", run.failure())).clone();
    let summary = serde_json::from_str(run.text("summary.json").unwrap()).unwrap();
    (answer, summary, run.text("summary.md").unwrap().to_owned())
}

#[test]
fn sentences_come_with_their_place_in_the_file() {
    let (answer, summary, file) = summarised(PAGE);
    let cited = summary["sentences"].as_array().unwrap();
    assert_eq!(cited.len(), 4);
    let place = |at: usize| {
        let (start, end) = (cited[at]["start"].as_u64().unwrap(), cited[at]["end"].as_u64().unwrap());
        &PAGE[start as usize..end as usize]
    };
    assert_eq!(cited[0]["text"], "A tide mill is a water mill that is driven by the tide & by nothing else.");
    assert_eq!(place(0), "A tide mill is a *water mill* that is driven by the tide &amp; by nothing else.");
    assert!(place(1).starts_with("The [sluice](https://example.org/s) closes"), "{}", place(1));
    assert_eq!(place(3), "The wheel turns when the water of the pond is higher than the tide outside.");
    assert_eq!(
        (&answer["method"], &answer["sentences"], &answer["language"]),
        (&json!("extractive"), &json!(4), &json!("en"))
    );
    assert_eq!(
        (&summary["format"], &summary["method"], &answer["note"]),
        (&json!(1), &json!("extractive"), &Value::Null)
    );
    assert_eq!(answer["words"], capstan_text::count(summary["text"].as_str().unwrap()));
    let start =
        "---\ntitle: \"Tide mills\"\nlanguage: \"en\"\nsource: \"https://example.org/a\"\n---\n\n- A tide mill is";
    assert!(file.starts_with(start), "{file}");
    assert!(file.contains(&format!("tide outside. [{}–{}]\n", cited[3]["start"], cited[3]["end"])), "{file}");
}

#[test]
fn the_payload_wins_over_the_configuration() {
    let count = |config: Value, payload: Value| with(PAGE, config, payload).done().unwrap()["sentences"].clone();
    assert_eq!(count(json!({ "sentences": 2 }), json!({})), 2);
    assert_eq!(count(json!({ "sentences": 2 }), json!({ "sentences": 1 })), 1);
    assert_eq!(count(json!({ "sentences": 50 }), json!({})), 4, "the document has no more");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |config: Value, payload: Value, says: &str| {
        let run = with(PAGE, config, payload);
        let Some(Failure::Permanent(problem)) = run.failure() else { panic!("{:?}", run.outcome()) };
        assert_eq!(problem.message, says);
        assert_eq!(run.outputs().count(), 0);
    };
    refused(json!({ "sentences": 0 }), json!({}), "`sentences` is 0; give 1 to 50");
    refused(json!({ "sentences": 51 }), json!({}), "`sentences` is 51; give 1 to 50");
    refused(json!({}), json!({ "sentences": 51 }), "`sentences` is 51; give 1 to 50");
    refused(json!({ "diversity": 1.5 }), json!({}), "`diversity` is 1.5; give 0 to 1");
    refused(json!({ "diversity": -0.1 }), json!({}), "`diversity` is -0.1; give 0 to 1");
}

#[test]
fn the_schemas_say_the_same_ranges() {
    let said = serde_json::to_value(Bench::<Summarise>::describe()).unwrap();
    let (config, payload) = (&said["kinds"][0]["config"]["properties"], &said["kinds"][0]["payload"]["properties"]);
    for sentences in [&config["sentences"], &payload["sentences"]] {
        assert_eq!((&sentences["minimum"], &sentences["maximum"]), (&json!(1), &json!(50)));
    }
    assert_eq!((&config["diversity"]["minimum"], &config["diversity"]["maximum"]), (&json!(0.0), &json!(1.0)));
    assert_eq!(said["asks"]["artifacts"], json!(["normalise"]));
}

#[test]
fn without_a_document_it_fails_for_good() {
    let run = Bench::<Summarise>::new().run().unwrap();
    assert!(matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("normalise")));
}

#[test]
fn an_empty_document_is_done_with_a_note() {
    for empty in ["", "---\ntitle: \"A title\"\n---\n\n", "\n\n\n", "![picture](a.png)"] {
        let (answer, summary, _) = summarised(empty);
        assert_eq!((&answer["sentences"], &answer["words"]), (&json!(0), &json!(0)));
        assert_eq!(answer["note"], "the document has neither sentences nor headings");
        assert_eq!((&summary["sentences"], &summary["text"]), (&json!([]), &json!("")));
    }
}

#[test]
fn code_and_tables_are_told_by_their_headings() {
    let (answer, summary, _) =
        summarised("# The gate\n\n```rust\nfn main() { open(); }\n```\n\n## Its *levels*\n\n```\n1\n```\n");
    assert_eq!(answer["note"], "the document has no sentences; its headings were taken");
    assert_eq!(summary["text"], "The gate Its levels");
    let (answer, summary, _) = summarised("| level | minutes |\n|---|---|\n| 1 | 20 |\n");
    assert_eq!(
        (&answer["note"], &summary["text"]),
        (&json!("the document has neither sentences nor headings"), &json!(""))
    );
}

#[test]
fn signs_of_markdown_stay_text() {
    let odd = "# A\n\nThe *b* of `a_b` \\[is\\] \\<i\\> and \\&amp; not &amp;lt; here.\n\n3\\. is no number of a list but text.\n\n\\# nor is this a heading of it.";
    let (_, summary, file) = summarised(odd);
    let texts: Vec<&str> =
        summary["sentences"].as_array().unwrap().iter().map(|cited| cited["text"].as_str().unwrap()).collect();
    assert_eq!(texts[0], "The b of a_b [is] <i> and &amp; not &lt; here.");
    let read: Vec<String> = Document::parse(&file)
        .blocks()
        .into_iter()
        .filter(|block| block.shape == Shape::Prose)
        .map(|block| block.text)
        .collect();
    assert_eq!(read.len(), texts.len(), "{file}");
    for (read, text) in read.iter().zip(texts) {
        assert_eq!(read.rsplit_once(" [").unwrap().0, text);
    }
}

/// Renewed by `CAPSTAN_RENEW=1 cargo test -p capstan-summarise`.
#[test]
fn the_published_schema_is_the_one_of_the_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/summary.schema.json");
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Summary)).unwrap();
    now.push('\n');
    if env::var_os("CAPSTAN_RENEW").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap();
    assert!(published == now, "{} is stale; run CAPSTAN_RENEW=1 cargo test -p capstan-summarise", path.display());
}
