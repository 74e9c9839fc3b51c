//! The handler of kind `index`, natively.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use capstan_index::{Entry, Index};
use capstan_sdk::testing::Bench;
use serde_json::{Value, json};

const PAGE: &str = "---\ntitle: \"Ducks\"\nlanguage: \"en\"\nsource: \"https://ducks.example/a\"\nword_count: 9\n---\n\n\
# Ducks\n\nDucks *swim* well.\n\n## Food\n\nThey eat plants.\n";

fn run(document: &str, config: Value) -> capstan_sdk::testing::Run {
    Bench::<Index>::new()
        .config(config)
        .tag("birds")
        .title("Given")
        .input("normalise", "document.md", document)
        .run()
        .unwrap()
}

fn entry(document: &str, config: Value) -> Value {
    serde_json::from_str(run(document, config).text("entry.json").unwrap()).unwrap()
}

#[test]
fn an_entry_says_what_the_document_says_and_where() {
    let entry = entry(PAGE, json!({}));
    assert_eq!(entry["title"], "Ducks");
    assert_eq!(entry["url"], "https://ducks.example/a");
    assert_eq!((&entry["language"], &entry["tags"]), (&json!("en"), &json!(["birds"])));
    let passages = entry["passages"].as_array().unwrap();
    assert_eq!(passages.len(), 2);
    assert_eq!((&passages[1]["heading"], &passages[1]["text"]), (&json!("Ducks › Food"), &json!("They eat plants.")));
    let place = |at: &str| usize::try_from(passages[0][at].as_u64().unwrap()).unwrap();
    assert_eq!(&PAGE[place("start")..place("end")], "Ducks *swim* well.");
}

#[test]
fn a_document_without_a_title_has_that_of_the_job_and_an_empty_one_no_passages() {
    let entry = entry("", json!({}));
    assert_eq!((&entry["title"], &entry["passages"]), (&json!("Given"), &json!([])));
}

#[test]
fn the_configuration_says_how_long_passages_are() {
    let text = "One two three four five six seven eight nine ten. ".repeat(40);
    let long = entry(&text, json!({}))["passages"].as_array().unwrap().len();
    let short = entry(&text, json!({"words": 20, "overlap": 0}))["passages"].as_array().unwrap().len();
    assert!(short > 4 * long, "{short} and {long}");
}

#[test]
fn what_was_not_normalised_is_refused() {
    let run = Bench::<Index>::new().run().unwrap();
    assert!(run.failure().unwrap().to_string().contains("run `normalise` first"));
}

#[test]
fn the_schema_of_entries_is_as_published() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/entry.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Entry)).unwrap() + "\n";
    if std::env::var_os("CAPSTAN_RENEW").is_some() {
        std::fs::write(file, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), schema, "renew it with CAPSTAN_RENEW=1");
}
