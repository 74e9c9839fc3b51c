//! Categories and tags that a model chooses, beside a server that answers by a script.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use capstan_analyse::Analyse;
use capstan_sdk::Failure;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Asked, Bench, Run};
use serde_json::{Value, json};

const PAGE: &str = "# The keeper\n\nThe lighthouse keeper climbs twice a day; his lamp burns oil.\n";

/// What came of an attempt beside a server that gives this answer, and the messages that the server was sent.
fn run(document: &str, more: &Value, answer: Answer) -> (Run, Vec<Value>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let mut endpoint = json!({ "url": "http://127.0.0.1:11434/v1", "model": "sage" });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let taxonomy = json!([
        { "name": "works", "kind": "category", "description": "Machines and factories" },
        { "name": "works/towers", "kind": "category", "terms": ["water tower"] },
        { "name": "lamps", "kind": "tag", "terms": ["lamp"] },
        { "name": "sea", "kind": "tag", "terms": ["wave", "tide"] },
    ]);
    let outside = move |request: &Asked| {
        let question: Value = serde_json::from_slice(&request.body).unwrap();
        notes.lock().unwrap().push(question["messages"].clone());
        Ok(answer.clone())
    };
    let config = json!({ "endpoint": endpoint, "taxonomy": taxonomy });
    let bench = Bench::<Analyse>::new().input("normalise", "document.md", document).config(config).outside(outside);
    let run = bench.run().unwrap();
    let asked = asked.lock().unwrap().clone();
    (run, asked)
}

fn says(content: &Value) -> Answer {
    let message = json!({ "role": "assistant", "content": content.to_string() });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "stop" }], "usage": { "total_tokens": 5 } });
    Answer::new(200).body(body.to_string())
}

fn analysis(run: &Run) -> Value {
    let text = run.text("analysis.json").unwrap_or_else(|| panic!("{:?}", run.failure()));
    serde_json::from_str(text).unwrap()
}

#[test]
fn its_choice_takes_the_place_of_the_words_with_what_is_above() {
    let (run, asked) = run(PAGE, &json!({}), says(&json!({ "names": ["sea", "works/towers", "sea"] })));
    let found = analysis(&run);
    let of = |name: &str| json!({ "name": name, "score": 1.0, "matched": [] });
    assert_eq!(found["categories"], json!([of("works"), of("works/towers")]));
    assert_eq!((&found["tags"], &found["model"]), (&json!([of("sea")]), &json!("sage")));
    assert_eq!((&run.done().unwrap()["tags"], run.tokens()), (&json!(["sea"]), 5));
    let content = |at: usize| asked[0][at]["content"].as_str().unwrap();
    assert!(content(0).contains("JSON") && content(0).contains("\n- sea: wave, tide"), "{}", content(0));
    assert_eq!((asked.len(), content(1)), (1, PAGE));
}

#[test]
fn no_name_at_all_is_an_answer() {
    let (run, _) = run(PAGE, &json!({}), says(&json!({ "names": [] })));
    let found = analysis(&run);
    assert_eq!((&found["categories"], &found["tags"], &found["model"]), (&json!([]), &json!([]), &json!("sage")));
}

#[test]
fn a_name_that_is_not_in_the_taxonomy_is_bad_output_and_in_the_log() {
    for (said, words) in [
        (json!({ "names": ["sea", "tower"] }), "\"tower\" is not in the taxonomy"),
        (json!({ "names": ["Sea"] }), "\"Sea\" is not in the taxonomy"),
        (json!({ "tags": ["sea"] }), "names"),
        (json!(["sea", 1]), "cannot be used"),
    ] {
        let (run, _) = run(PAGE, &json!({}), says(&said));
        match run.failure() {
            Some(Failure::Other { code, json }) if code == "bad-output" => {
                assert!(json["message"].as_str().unwrap().contains(words), "{json}");
            }
            other => panic!("{said}: {other:?}"),
        }
        let entry = run.log().iter().find(|entry| entry.level == Level::Error).unwrap();
        assert!(
            entry.fields.iter().any(|(name, raw)| name == "answer" && raw.contains(&said.to_string())),
            "{entry:?}"
        );
        assert_eq!(run.outputs().count(), 0);
    }
}

#[test]
fn a_busy_server_is_asked_again_later() {
    let (run, _) = run(PAGE, &json!({}), Answer::new(429).header("retry-after", "8"));
    assert!(
        matches!(run.failure(), Some(Failure::RetryAfter { after, .. }) if after.as_secs() == 8),
        "{:?}",
        run.failure()
    );
}

#[test]
fn a_document_without_words_asks_nobody_and_a_long_one_sends_its_beginning() {
    let (empty, asked) = run("", &json!({}), says(&json!({ "names": ["sea"] })));
    assert!(analysis(&empty).get("model").is_none() && asked.is_empty());
    let long = "Die Flut höhlt Küsten. ".repeat(2_000);
    let (_, asked) = run(&long, &json!({ "context": 1024 }), says(&json!({ "names": ["sea"] })));
    let sent = asked[0][1]["content"].as_str().unwrap();
    assert!(long.starts_with(sent) && (500..3_072).contains(&sent.len()), "{}", sent.len());
    let (small, asked) = run(&long, &json!({ "context": 300 }), says(&json!({ "names": ["sea"] })));
    let failure = small.failure().unwrap().to_string();
    assert!(failure.contains("`endpoint.context`") && asked.is_empty(), "{failure}");
}
