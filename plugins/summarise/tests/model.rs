//! Summaries in the words of a model, beside a server that answers by a script.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use capstan_sdk::Failure;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Asked, Bench, Run};
use capstan_summarise::Summarise;
use proptest::prelude::*;
use serde_json::{Value, json};

const PAGE: &str = "---\ntitle: \"Tide mills\"\nlanguage: \"en\"\n---\n\n# Tide mills\n\nA *tide mill* is driven by the \
tide.\n\n## The pond\n\nIts pond is filled twice a day.\n";

/// Twelve sections, each of which names its number.
fn long() -> String {
    let section =
        |at: usize| format!("## Section {at}\n\n{}\n\n", format!("Here is fact {at} of the mill. ").repeat(12));
    (0..12).map(section).collect()
}

/// A bench with this document and endpoint, beside a server that answers so; and what the server is told.
fn bench(
    document: &str,
    more: &Value,
    answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static,
) -> (Bench<Summarise>, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let mut endpoint = json!({ "url": "http://127.0.0.1:11434/v1", "model": "sage" });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let outside = move |request: &Asked| {
        let question: Value = serde_json::from_slice(&request.body).unwrap();
        let text = question["messages"][1]["content"].as_str().unwrap().to_owned();
        let mut notes = notes.lock().unwrap();
        notes.push(text.clone());
        Ok(answer(notes.len(), &text))
    };
    let config = json!({ "endpoint": endpoint, "sentences": 2 });
    let bench = Bench::new().input("normalise", "document.md", document).config(config).outside(outside);
    (bench, asked)
}

fn says(text: &str, reason: &str) -> Answer {
    let choice = json!({ "message": { "role": "assistant", "content": text }, "finish_reason": reason });
    Answer::new(200).body(json!({ "choices": [choice], "usage": { "total_tokens": 9 } }).to_string())
}

fn summary(run: &Run) -> Value {
    let text = run.text("summary.json").unwrap_or_else(|| panic!("{:?}", run.failure()));
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_short_document_is_one_question() {
    let (bench, asked) =
        bench(PAGE, &json!({}), |_, _| says("Tides drive it.\nTwice a day *it* fills. A third.", "stop"));
    let run = bench.run().unwrap();
    let summary = summary(&run);
    let file = PAGE.find("A *tide").unwrap();
    assert_eq!(
        summary,
        json!({
            "format": 1, "method": "abstractive", "language": "en", "model": "sage",
            "text": "Tides drive it. Twice a day *it* fills.",
            "sentences": [{ "text": "Tides drive it." }, { "text": "Twice a day *it* fills." }],
            "from": [{ "start": file, "end": PAGE.trim_end().len() }],
        })
    );
    assert_eq!(*asked.lock().unwrap(), ["A tide mill is driven by the tide.\nIts pond is filled twice a day."]);
    let expected = "- Tides drive it.\n- Twice a day \\*it\\* fills.\n\nWritten by sage from bytes ";
    assert!(run.text("summary.md").unwrap().contains(expected), "{:?}", run.text("summary.md"));
    assert_eq!((run.done().unwrap()["method"].clone(), run.tokens()), (json!("abstractive"), 9));
}

#[test]
fn a_long_document_is_summarised_in_parts_and_then_together() {
    let document = long();
    let (bench, asked) = bench(&document, &json!({ "context": 1024 }), |at, _| says(&format!("Said {at}."), "stop"));
    let run = bench.run().unwrap();
    let (summary, asked) = (summary(&run), asked.lock().unwrap().clone());
    let (parts, last) = (asked.len() - 1, asked.last().unwrap());
    assert!(parts > 2, "{parts}");
    assert_eq!(*last, (1..=parts).map(|at| format!("Said {at}.")).collect::<Vec<_>>().join("\n"));
    assert_eq!(summary["text"], format!("Said {}.", parts + 1));
    (0..12).for_each(|at| assert!(asked[..parts].iter().any(|text| text.contains(&format!("fact {at} of")))));
    let from = summary["from"].as_array().unwrap();
    assert_eq!(from.len(), parts);
    for (range, text) in from.iter().zip(&asked) {
        let place = |key: &str| usize::try_from(range[key].as_u64().unwrap()).unwrap();
        let range = &document[place("start")..place("end")];
        assert!(range.starts_with(&text[..20]) && range.ends_with(&text[text.len() - 20..]), "{range}\n{text}");
    }
}

#[test]
fn an_attempt_goes_on_with_what_it_was_told() {
    let document = long();
    let answer = |at: usize, _: &str| match at {
        3 => Answer::new(429).header("retry-after", "9"),
        _ => says("Short.", "stop"),
    };
    let (first, asked) = bench(&document, &json!({ "context": 1024 }), answer);
    let busy = first.run().unwrap();
    match busy.failure() {
        Some(Failure::RetryAfter { after, .. }) => assert_eq!(after.as_secs(), 9),
        other => panic!("{other:?}"),
    }
    let before = asked.lock().unwrap().clone();
    let (second, asked) = bench(&document, &json!({ "context": 1024 }), |_, _| says("Short.", "stop"));
    let whole = second.run().unwrap();
    let all = std::mem::take(&mut *asked.lock().unwrap());
    let again = second.after(&busy).run().unwrap();
    assert_eq!(*asked.lock().unwrap(), all[2..], "two answers were kept");
    assert_eq!(before[..2], all[..2]);
    assert_eq!(again.text("summary.json"), whole.text("summary.json"));
    let (other, asked) = bench(PAGE, &json!({}), |_, _| says("Short.", "stop"));
    other.after(&busy).run().unwrap();
    assert_eq!(asked.lock().unwrap().len(), 1, "what was told about another document is of no use");
}

#[test]
fn a_cancelled_attempt_asks_nothing_more() {
    let (bench, asked) = bench(&long(), &json!({ "context": 1024 }), |_, _| says("Short.", "stop"));
    let run = bench.cancelled_after(2).run().unwrap();
    assert!(run.failure().unwrap().to_string().contains("2 answers of the model are kept"));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_used_is_bad_output() {
    let cut = bench(PAGE, &json!({}), |_, _| says("The tide is", "length")).0.run().unwrap();
    let empty = bench(PAGE, &json!({}), |_, _| says("  ", "stop")).0.run().unwrap();
    let grows = |_: usize, text: &str| says(&text.repeat(2).chars().take(1_400).collect::<String>(), "stop");
    let longer = bench(&long(), &json!({ "context": 1024 }), grows).0.run().unwrap();
    for (run, words) in [(cut, "does not end"), (empty, "no text"), (longer, "no shorter")] {
        match run.failure() {
            Some(Failure::Other { code, json }) if code == "bad-output" => {
                assert!(json["message"].as_str().unwrap().contains(words), "{json}");
            }
            other => panic!("{words}: {other:?}"),
        }
        assert!(words == "no shorter" || run.log().iter().any(|entry| entry.level == Level::Error), "{:?}", run.log());
        assert_eq!(run.outputs().count(), 0);
    }
}

#[test]
fn a_context_without_room_is_named_and_a_document_without_text_asks_nobody() {
    let (small, asked) = bench(&long(), &json!({ "context": 256 }), |_, _| says("Short.", "stop"));
    let failure = small.run().unwrap().failure().unwrap().clone();
    assert!(
        matches!(failure, Failure::Permanent(_)) && failure.to_string().contains("`endpoint.context`"),
        "{failure}"
    );
    let (bare, told) = bench("# Only\n\n## Headings\n", &json!({}), |_, _| says("Short.", "stop"));
    let run = bare.run().unwrap();
    assert_eq!(
        (&summary(&run)["method"], summary(&run)["sentences"].as_array().unwrap().len()),
        (&json!("extractive"), 2)
    );
    assert!(asked.lock().unwrap().is_empty() && told.lock().unwrap().is_empty());
}

#[test]
fn the_model_is_what_it_can_do_without() {
    let asks = serde_json::to_value(Bench::<Summarise>::describe().unwrap().asks).unwrap();
    let optional = json!({ "http": ["POST *://*:*"], "secrets": ["chat"] });
    assert_eq!(asks, json!({ "imports": false, "artifacts": ["normalise"], "optional": optional }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a model says, there are at most as many sentences as were asked for, and each is of its words.
    #[test]
    fn there_are_never_more_sentences_than_asked(said in "(\\PC|[.?!\n] ){1,60}") {
        let answer = said.clone();
        let run = bench(PAGE, &json!({}), move |_, _| says(&answer, "stop")).0.run().unwrap();
        prop_assert!(run.done().is_some() || said.trim().is_empty(), "{:?}", run.failure());
        if run.done().is_some() {
            let summary = summary(&run);
            let sentences = summary["sentences"].as_array().unwrap();
            prop_assert!(sentences.len() <= 2);
            prop_assert!(sentences.iter().all(|sentence| said.contains(sentence["text"].as_str().unwrap())));
        }
    }
}
