//! Findings in the words of a model, beside a server that answers by a script.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::{Arc, Mutex};

use capstan_sdk::Failure;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Run};
use serde_json::{Value, json};

use support::{bench, brief, library, resolves};

const QUESTION: &str = "How do swifts sleep?";

/// What came of an attempt beside a server that gives this answer, and the bodies that the server was sent.
fn run(more: &Value, answer: Answer) -> (Run, Vec<Value>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let mut endpoint = json!({ "url": "http://127.0.0.1:11434/v1", "model": "sage" });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let outside = move |request: &capstan_sdk::testing::Asked| {
        notes.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
        Ok(answer.clone())
    };
    let run = bench(QUESTION).config(json!({ "endpoint": endpoint, "sentences": 2 })).outside(outside).run().unwrap();
    let asked = asked.lock().unwrap().clone();
    (run, asked)
}

/// An answer with these words.
fn says(content: &Value) -> Answer {
    let message = json!({ "role": "assistant", "content": content.to_string() });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "stop" }], "usage": { "total_tokens": 70 } });
    Answer::new(200).body(body.to_string())
}

#[test]
fn its_findings_are_written_with_the_passages_that_they_cite() {
    let said = json!({
        "findings": [
            { "text": "Swifts sleep on the wing.", "cites": [2, 1, 2] },
            { "text": "  They rise\nat dusk. ", "cites": [1] },
            { "text": "A third is more than was asked for.", "cites": [1] },
        ],
        "open": ["How long they sleep.", " "],
    });
    let (run, asked) = run(&json!({}), says(&said));
    let brief = brief(&run);
    assert_eq!((&brief["method"], &brief["model"]), (&json!("abstractive"), &json!("sage")));
    let findings = brief["findings"].as_array().unwrap();
    let texts: Vec<&Value> = findings.iter().map(|finding| &finding["text"]).collect();
    assert_eq!(texts, ["Swifts sleep on the wing.", "They rise\nat dusk."]);
    assert!(findings.iter().all(|finding| finding["from"] == "model"));
    findings.iter().for_each(|finding| resolves(&brief, finding, &library()));
    assert_eq!(findings[0]["cites"].as_array().unwrap().len(), 2);
    assert!(
        brief["open"]
            .as_array()
            .unwrap()
            .contains(&json!({ "text": "How long they sleep.", "from": "model", "cites": [] }))
    );
    assert_eq!((run.tokens(), asked.len()), (70, 1));
    let file = run.text("brief.md").unwrap();
    assert!(file.contains("## Findings\n\n- Swifts sleep on the wing. [1:"), "{file}");
    assert!(file.contains("\n- They rise at dusk. [") && file.contains("\n- How long they sleep.\n"), "{file}");
}

#[test]
fn it_is_sent_the_question_and_numbered_passages_and_told_to_answer_json() {
    let (_, asked) = run(&json!({}), says(&json!({ "findings": [] })));
    let content = |at: usize| asked[0]["messages"][at]["content"].as_str().unwrap();
    assert!(content(0).contains("JSON") && content(0).ends_with("may be given: 2."), "{}", content(0));
    assert!(content(1).starts_with("Question: How do swifts sleep?\n\n[1] Common swift"), "{}", content(1));
    assert_eq!(asked[0]["response_format"], json!({ "type": "json_object" }));
    for passage in library().iter().filter(|passage| passage.text.contains("sleep")) {
        assert!(content(1).contains(&passage.text), "{}", content(1));
    }
}

#[test]
fn no_more_passages_are_sent_than_fit_and_only_those_can_be_cited() {
    let context = json!({ "context": 700 });
    let (few, asked) = run(&context, says(&json!({ "findings": [{ "text": "x", "cites": [9] }] })));
    let content = asked[0]["messages"][1]["content"].as_str().unwrap();
    let given = content.matches("\n[").count();
    assert!((1..8).contains(&given), "{content}");
    let failure = few.failure().unwrap().to_string();
    assert!(failure.contains(&format!("finding 1 cites passage 9 of {given}")), "{failure}");
    let (none, asked) = run(&json!({ "context": 256 }), says(&json!({})));
    assert_eq!(asked, Vec::<Value>::new());
    let failure = none.failure().unwrap();
    assert!(
        matches!(failure, Failure::Permanent(_)) && failure.to_string().contains("`endpoint.context`"),
        "{failure}"
    );
}

#[test]
fn an_answer_that_cites_wrongly_is_bad_output_and_in_the_log() {
    for (said, words) in [
        (
            json!({ "findings": [{ "text": "Swifts.", "cites": [1] }, { "text": "So.", "cites": [0] }] }),
            "finding 2 cites passage 0",
        ),
        (json!({ "findings": [{ "text": "Swifts.", "cites": [1, 99] }] }), "finding 1 cites passage 99 of "),
        (json!({ "findings": [{ "text": "Swifts.", "cites": [] }] }), "finding 1 cites no passage"),
        (json!({ "findings": [{ "text": " ", "cites": [1] }] }), "finding 1 says nothing"),
        (json!({ "findings": [{ "text": "Swifts." }] }), "cites"),
        (json!({ "findings": [{ "text": "Swifts.", "cites": [-1] }] }), "-1"),
        (json!({ "open": [] }), "findings"),
        (json!("Swifts sleep."), "expected"),
    ] {
        let (run, _) = run(&json!({}), says(&said));
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
        assert_eq!((run.outputs().count(), run.tokens()), (0, 70));
    }
}

#[test]
fn a_busy_server_is_asked_again_later_without_searching_again() {
    let (busy, _) = run(&json!({}), Answer::new(429).header("retry-after", "7"));
    match busy.failure() {
        Some(Failure::RetryAfter { after, .. }) => assert_eq!(after.as_secs(), 7),
        other => panic!("{other:?}"),
    }
    assert!(!busy.searches().is_empty());
    let again = bench(QUESTION).after(&busy).run().unwrap();
    assert_eq!((again.searches().len(), again.done().unwrap()["method"].clone()), (0, json!("extractive")));
}

#[test]
fn without_passages_no_model_is_asked() {
    let endpoint = json!({ "url": "http://127.0.0.1:11434/v1", "model": "sage" });
    let run = bench(QUESTION).library(Vec::new()).config(json!({ "endpoint": endpoint })).run().unwrap();
    assert_eq!(brief(&run)["method"], "extractive");
}
