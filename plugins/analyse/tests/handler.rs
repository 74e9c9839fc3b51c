//! The handler as the host runs it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::{env, fs};

use capstan_analyse::{Analyse, Analysis};
use capstan_sdk::Failure;
use capstan_sdk::testing::{Bench, Run};
use serde_json::{Value, json};

const PAGE: &str = "---\ntitle: \"The lighthouse keeper\"\nlanguage: \"en\"\nsource: \"https://example.org/keeper\"\n---\n\n\
# The lighthouse keeper\n\nThe lighthouse keeper of Saltby began on 2024-05-10. A lighthouse keeper climbs twice a day; his lamp \
burns oil. Write to keeper@example.org or see [the tower](https://tower.example.org/tides?a=1).\n";

fn run(config: &Value, document: &str) -> Run {
    Bench::<Analyse>::new().config(config.clone()).input("normalise", "document.md", document).run().unwrap()
}

fn analysis(run: &Run) -> Value {
    serde_json::from_str(run.text("analysis.json").unwrap()).unwrap()
}

#[test]
fn a_page_is_analysed() {
    let taxonomy = json!([
        { "name": "works/towers", "kind": "category", "terms": ["lighthouse keeper", "water wheel"] },
        { "name": "works", "kind": "category", "description": "Machines and factories" },
        { "name": "cats", "kind": "tag", "terms": ["cat"] },
        { "name": "lamps", "kind": "tag", "terms": ["lamp"] },
    ]);
    let run = run(&json!({ "keyphrases": 3, "taxonomy": taxonomy }), PAGE);
    let found = analysis(&run);
    assert_eq!(
        (&found["format"], &found["language"]["tag"], &found["language"]["from"]),
        (&json!(1), &json!("en"), &json!("stated"))
    );
    assert_eq!(found["sentences"], 3);
    assert_eq!(found["keyphrases"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&found["keyphrases"][0]["text"], &found["keyphrases"][0]["score"]),
        (&json!("lighthouse keeper"), &json!(1.0))
    );
    assert_eq!(found["keyphrases"][0]["count"], 3);
    for phrase in found["keyphrases"].as_array().unwrap() {
        let at = |name: &str| usize::try_from(phrase[name].as_u64().unwrap()).unwrap();
        assert_eq!(&PAGE[at("start")..at("end")], phrase["text"].as_str().unwrap());
    }
    assert_eq!(found["categories"][0]["name"], "works");
    assert_eq!(found["categories"][1]["name"], "works/towers");
    assert_eq!(found["categories"][1]["matched"], json!(["lighthouse keeper"]));
    assert_eq!(
        found["categories"][0]["score"], found["categories"][1]["score"],
        "what lies below counts for what is above"
    );
    assert_eq!(found["tags"].as_array().unwrap().len(), 1);
    assert_eq!(found["tags"][0]["name"], "lamps");
    let one = |text: &str| json!([{ "text": text, "count": 1, "offset": PAGE.find(text).unwrap() }]);
    assert_eq!(found["entities"]["dates"], one("2024-05-10"));
    assert_eq!(found["entities"]["emails"], one("keeper@example.org"));
    assert_eq!(found["entities"]["urls"], one("https://tower.example.org/tides?a=1"));
    assert_eq!(found["entities"]["domains"][0]["text"], "tower.example.org");
    let summary = run.done().unwrap();
    assert_eq!((&summary["digest"], &summary["simhash"]), (&found["digest"], &found["simhash"]));
    assert_eq!((&summary["categories"], &summary["tags"]), (&json!(["works", "works/towers"]), &json!(["lamps"])));
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let config =
        json!({ "taxonomy": [{ "name": "a", "kind": "tag", "terms": ["lighthouse", "lamp", "oil", "water"] }] });
    let first = run(&config, PAGE);
    for _ in 0..5 {
        assert_eq!(run(&config, PAGE).text("analysis.json"), first.text("analysis.json"));
    }
}

#[test]
fn without_a_document_it_fails_for_good() {
    let run = Bench::<Analyse>::new().run().unwrap();
    assert!(matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("run `normalise`")));
}

#[test]
fn a_taxonomy_that_cannot_be_meant_fails_for_good_and_names_the_node() {
    for (taxonomy, word) in [
        (
            json!([{ "name": "a", "kind": "tag", "terms": ["x"] }, { "name": "a", "kind": "category", "terms": ["y"] }]),
            "two nodes `a`",
        ),
        (json!([{ "name": "b", "kind": "tag" }]), "`b` of `taxonomy` has no words"),
        (json!([{ "name": "c", "kind": "tag", "terms": ["—", ""] }]), "`c` of `taxonomy` has no words"),
    ] {
        let run = run(&json!({ "taxonomy": taxonomy }), PAGE);
        assert!(
            matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains(word)),
            "{:?}",
            run.failure()
        );
        assert_eq!(run.outputs().count(), 0);
    }
}

#[test]
fn a_language_that_normalise_guessed_is_called_detected() {
    let text = "\n---\n\nDas Wasser steigt zweimal am Tag, und niemand hat es geholt, denn der Mond zieht es an.\n";
    let language = |head: &str| analysis(&run(&json!({}), &format!("---\n{head}{text}")))["language"].clone();
    assert_eq!(language("language: \"de\"\nlanguage_from: \"detected\"")["from"], "detected");
    let wrong = language("language: \"en-GB\"");
    assert_eq!((&wrong["tag"], &wrong["from"], &wrong["detected"]), (&json!("en-GB"), &json!("stated"), &json!("de")));
    let unusable = language("language: \"german\"");
    assert_eq!((&unusable["tag"], &unusable["from"]), (&json!("de"), &json!("detected")));
}

#[test]
fn the_configuration_says_its_limits() {
    let schema = serde_json::to_value(Bench::<Analyse>::describe()).unwrap()["kinds"][0]["config"].clone();
    let fields = &schema["properties"];
    assert_eq!((&fields["keyphrases"]["default"], &fields["keyphrases"]["maximum"]), (&json!(10), &json!(100)));
    assert_eq!((&fields["reading_speed"]["minimum"], &fields["reading_speed"]["default"]), (&json!(50), &json!(238)));
    assert_eq!(fields["taxonomy"]["maxItems"], 1000);
    for (keyphrases, given) in [(0, 0), (1, 1), (100, 2)] {
        let run = run(&json!({ "keyphrases": keyphrases }), "Red apples. Green pears.");
        assert_eq!(analysis(&run)["keyphrases"].as_array().unwrap().len(), given);
    }
}

/// Renewed by `CAPSTAN_RENEW=1 cargo test -p capstan-analyse`.
#[test]
fn the_published_schema_is_the_one_of_the_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/analysis.schema.json");
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Analysis)).unwrap();
    now.push('\n');
    if env::var_os("CAPSTAN_RENEW").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(published == now, "{} is stale; run CAPSTAN_RENEW=1 cargo test -p capstan-analyse", path.display());
}
