//! Vectors of a model behind an endpoint, beside a server that answers by a script.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use capstan_embed::{DIMENSION, Embed};
use capstan_sdk::Failure;
use capstan_sdk::endpoint::BATCH;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Asked, Bench, Run};
use capstan_vectors::Index;
use proptest::prelude::*;
use serde_json::{Value, json};

const PAGE: &str =
    "---\ntitle: \"Tides\"\n---\n\n# The sea\n\nThe moon pulls the water.\n\n## Bread\n\nKnead the dough.\n";

/// What the server was asked, and the texts of each question.
type Notes = Arc<Mutex<Vec<(Asked, Vec<String>)>>>;

/// A bench whose endpoint has this beside address and model, with this configured beside it, next to a server that
/// answers so: which question it is, from 1, and its texts.
fn bench(
    endpoint: &Value,
    config: &Value,
    answer: impl Fn(usize, &[String]) -> Answer + Send + Sync + 'static,
) -> (Bench<Embed>, Notes) {
    let notes = Notes::default();
    let (kept, mut table) = (Arc::clone(&notes), json!({ "url": "http://127.0.0.1:11434/v1", "model": "sage" }));
    table.as_object_mut().unwrap().extend(endpoint.as_object().unwrap().clone());
    let mut whole = json!({ "endpoint": table });
    whole.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let outside = move |asked: &Asked| {
        let question: Value = serde_json::from_slice(&asked.body).unwrap();
        let texts: Vec<String> = serde_json::from_value(question["input"].clone()).unwrap();
        let mut kept = kept.lock().unwrap();
        kept.push((asked.clone(), texts.clone()));
        Ok(answer(kept.len(), &texts))
    };
    (Bench::new().config(whole).outside(outside), notes)
}

fn document(bench: Bench<Embed>, file: &str) -> Run {
    bench.payload(json!({})).input("normalise", "document.md", file).run().unwrap()
}

fn query(bench: Bench<Embed>, words: &str) -> Run {
    bench.payload(json!({ "query": words })).run().unwrap()
}

/// These vectors, the last one first.
fn says(vectors: &[Vec<f32>]) -> Answer {
    let row = |(index, vector)| json!({ "index": index, "embedding": vector });
    let data: Vec<Value> = vectors.iter().enumerate().rev().map(row).collect();
    Answer::new(200).body(json!({ "data": data, "usage": { "total_tokens": 7 } }).to_string())
}

/// A vector of so many numbers, which says how long the text is and where in the alphabet it begins.
fn vector(text: &str, dimension: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimension];
    vector[0] = text.len() as f32;
    vector[dimension - 1] = text.bytes().next().map_or(0.0, f32::from);
    vector
}

fn of(texts: &[String], dimension: usize) -> Answer {
    says(&texts.iter().map(|text| vector(text, dimension)).collect::<Vec<_>>())
}

fn index(run: &Run) -> Index {
    let text = run.text("vectors.json").unwrap_or_else(|| panic!("{:?}", run.failure()));
    serde_json::from_str(text).unwrap()
}

fn rows(run: &Run) -> Vec<Vec<f32>> {
    let (numbers, rest) = run.output("vectors.f32").unwrap().as_chunks::<4>();
    assert!(rest.is_empty());
    let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    numbers.chunks(index(run).dimension).map(<[f32]>::to_vec).collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn is_unit(vector: &[f32]) -> bool {
    (cosine(vector, vector) - 1.0).abs() < 1e-5
}

/// The server's vector of this text, for another length.
fn is_of(row: &[f32], text: &str) -> bool {
    let whole = vector(text, row.len());
    let length = cosine(&whole, &whole).sqrt();
    is_unit(row) && (cosine(row, &whole) / length - 1.0).abs() < 1e-5
}

#[track_caller]
fn is_bad_output(run: &Run, words: &str) {
    match run.failure() {
        Some(Failure::Other { code, json }) if code == "bad-output" => {
            assert!(json["message"].as_str().unwrap().contains(words), "{json}");
        }
        other => panic!("{words}: {other:?}"),
    }
    assert!(run.log().iter().any(|entry| entry.level == Level::Error), "{:?}", run.log());
    assert_eq!(run.outputs().count(), 0);
}

#[track_caller]
fn is_permanent(run: &Run, words: &str) {
    let failure = run.failure().unwrap();
    assert!(matches!(failure, Failure::Permanent(_)) && failure.to_string().contains(words), "{failure}");
    assert_eq!(run.outputs().count(), 0);
}

/// A document of so many passages, with the configuration that makes each paragraph one.
fn long(passages: usize) -> (String, Value) {
    let file = (0..passages).map(|at| format!("Passage number {at} {}\n\n", "of many ".repeat(at % 9))).collect();
    (file, json!({ "words": 3, "overlap": 0 }))
}

#[test]
fn documents_and_searches_are_of_one_model() {
    let (server, notes) = bench(&json!({}), &json!({}), |_, texts| of(texts, 3));
    let page = document(server.clone(), PAGE);
    let (index, rows) = (index(&page), rows(&page));
    let texts = ["Tides\nThe sea\nThe moon pulls the water.", "Tides\nThe sea\nBread\nKnead the dough."];
    assert_eq!(notes.lock().unwrap()[0].1, texts, "title, headings and text, as with the table");
    assert_eq!((index.format, index.dimension, index.normalised, rows.len()), (1, 3, true, 2));
    assert!(rows.iter().zip(texts).all(|(row, text)| is_of(row, text)), "{rows:?}");
    let cited: Vec<&str> = index.passages.iter().map(|place| &PAGE[place.start..place.end]).collect();
    assert_eq!(cited, ["The moon pulls the water.", "Knead the dough."]);
    assert_eq!((page.done().unwrap()["passages"].clone(), page.tokens()), (json!(2), 7));
    assert_eq!(index.model.name, "sage");

    let run = query(server, "Lunar gravity");
    let answer = run.unchanged().unwrap();
    assert_eq!(answer["model"], serde_json::to_value(&index.model).unwrap());
    assert_eq!(answer["dimension"], 3);
    assert!(is_of(&serde_json::from_value::<Vec<f32>>(answer["vector"].clone()).unwrap(), "Lunar gravity"));
    assert_eq!(run.outputs().count(), 0);
    let notes = notes.lock().unwrap();
    assert!(
        notes.iter().all(|(asked, _)| asked.method == "POST" && asked.url == "http://127.0.0.1:11434/v1/embeddings")
    );
    assert_eq!((notes.len(), &notes[1].1), (2, &vec!["Lunar gravity".to_owned()]));
    let sent: Value = serde_json::from_slice(&notes[0].0.body).unwrap();
    assert_eq!(sent, json!({ "model": "sage", "input": texts }), "nothing else leaves");
}

#[test]
fn a_vector_stands_with_its_passage_whatever_the_order_of_the_answer() {
    let (file, config) = long(2 * BATCH + 1);
    let (server, notes) = bench(&json!({}), &config, |_, texts| of(texts, 5));
    let run = document(server, &file);
    let (index, rows) = (index(&run), rows(&run));
    let sizes: Vec<usize> = notes.lock().unwrap().iter().map(|(_, texts)| texts.len()).collect();
    assert!(sizes.len() >= 3 && sizes.iter().all(|size| *size <= BATCH), "{sizes:?}");
    let sent: Vec<String> = notes.lock().unwrap().iter().flat_map(|(_, texts)| texts.clone()).collect();
    assert_eq!((rows.len(), index.passages.len()), (sent.len(), sent.len()));
    assert!(sent.len() > 2 * BATCH);
    for ((text, place), row) in sent.iter().zip(&index.passages).zip(&rows) {
        assert_eq!(text.trim(), file[place.start..place.end].trim());
        assert!(is_of(row, text), "{text}");
    }
}

#[test]
fn another_dimension_than_the_configured_one_is_bad_output() {
    let wanted = json!({ "dimension": 3 });
    let (server, _) = bench(&json!({}), &wanted, |_, texts| of(texts, 4));
    for run in [document(server.clone(), PAGE), query(server, "sea")] {
        is_bad_output(&run, "has 4 numbers where 3 are expected");
    }
    let (server, _) = bench(&json!({}), &wanted, |_, texts| of(texts, 3));
    assert_eq!(index(&document(server.clone(), PAGE)).dimension, 3);
    assert_eq!(query(server, "sea").unchanged().unwrap()["dimension"], 3);
}

#[test]
fn a_dimension_that_changes_between_batches_is_bad_output() {
    let (file, config) = long(BATCH + 1);
    let (server, notes) = bench(&json!({}), &config, |at, texts| of(texts, 2 + at));
    is_bad_output(&document(server, &file), "has 4 numbers where 3 are expected");
    assert_eq!(notes.lock().unwrap().len(), 2);
}

#[test]
fn too_few_vectors_and_what_is_none_are_bad_output() {
    for (body, words) in [
        (json!({ "data": [] }).to_string(), "0 vectors for 2 texts"),
        (
            json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 1, "embedding": [] }] }).to_string(),
            "is empty",
        ),
        (
            r#"{"data": [{"index": 0, "embedding": [1e39]}, {"index": 1, "embedding": [1]}]}"#.to_owned(),
            "cannot be used",
        ),
        ("Come back later.".to_owned(), "cannot be used"),
    ] {
        let (server, _) = bench(&json!({}), &json!({}), move |_, _| Answer::new(200).body(body.clone()));
        is_bad_output(&document(server, PAGE), words);
    }
}

#[test]
fn a_busy_server_says_when_to_come_again() {
    let busy = |_: usize, _: &[String]| Answer::new(429).header("retry-after", "9");
    let (server, _) = bench(&json!({}), &json!({}), busy);
    for run in [document(server.clone(), PAGE), query(server, "sea")] {
        match run.failure() {
            Some(Failure::RetryAfter { after, .. }) => assert_eq!(after.as_secs(), 9),
            other => panic!("{other:?}"),
        }
        assert_eq!(run.outputs().count(), 0);
    }
    let (server, _) = bench(&json!({}), &json!({}), |_, _| Answer::new(401));
    is_permanent(&document(server, PAGE), "embeddings");
}

#[test]
fn vectors_of_zeros_are_left_out() {
    let zeros = |_: usize, texts: &[String]| says(&texts.iter().map(|_| vec![0.0; 3]).collect::<Vec<_>>());
    let (server, _) = bench(&json!({}), &json!({}), zeros);
    let run = document(server.clone(), PAGE);
    assert_eq!((index(&run).passages.len(), index(&run).dimension, rows(&run).len()), (0, 3, 0));
    assert_eq!(query(server, "sea").unchanged().unwrap()["vector"], Value::Null);
    let second = |_: usize, texts: &[String]| {
        let mut vectors: Vec<_> = texts.iter().map(|text| vector(text, 3)).collect();
        vectors[0] = vec![0.0; 3];
        says(&vectors)
    };
    let run = document(bench(&json!({}), &json!({}), second).0, PAGE);
    let (index, rows) = (index(&run), rows(&run));
    assert_eq!((&PAGE[index.passages[0].start..index.passages[0].end], rows.len()), ("Knead the dough.", 1));
    assert!(is_of(&rows[0], "Tides\nThe sea\nBread\nKnead the dough."));
}

#[test]
fn where_nothing_is_to_be_embedded_the_dimension_is_asked_for_unless_it_is_known() {
    for (config, questions) in [(json!({}), 1), (json!({ "dimension": 3 }), 0)] {
        let (server, notes) = bench(&json!({}), &config, |_, texts| of(texts, 3));
        let run = document(server.clone(), "# Only a heading\n");
        assert_eq!((index(&run).dimension, index(&run).passages.len(), rows(&run).len()), (3, 0, 0));
        assert_eq!(notes.lock().unwrap().len(), questions);
        let run = query(server, " \n ");
        let answer = run.unchanged().unwrap();
        assert_eq!((&answer["vector"], &answer["dimension"]), (&Value::Null, &json!(3)));
        assert_eq!(notes.lock().unwrap().len(), 2 * questions);
        assert!(notes.lock().unwrap().iter().all(|(_, texts)| texts.iter().all(|text| !text.trim().is_empty())));
    }
}

#[test]
fn a_vector_has_as_many_numbers_as_the_search_takes_and_no_more() {
    let (server, _) = bench(&json!({}), &json!({}), |_, texts| of(texts, DIMENSION));
    assert_eq!(index(&document(server, PAGE)).dimension, DIMENSION);
    let (server, _) = bench(&json!({}), &json!({}), |_, texts| of(texts, DIMENSION + 1));
    for run in [document(server.clone(), PAGE), query(server, "sea")] {
        is_permanent(&run, "have 4097 numbers; the search takes up to 4096");
    }
    for (dimension, is_fine) in [(0, false), (1, true), (DIMENSION, true), (DIMENSION + 1, false)] {
        let config = json!({ "dimension": dimension });
        let (server, notes) = bench(&json!({}), &config, move |_, texts| of(texts, dimension));
        let run = document(server, PAGE);
        assert_eq!((run.done().is_some(), notes.lock().unwrap().len()), (is_fine, usize::from(is_fine)));
        if !is_fine {
            is_permanent(&run, "give 1 to 4096");
        }
    }
}

#[test]
fn each_server_and_each_model_has_a_digest_of_its_own() {
    let digest = |endpoint: Value| {
        let (server, _) = bench(&endpoint, &json!({}), |_, texts| of(texts, 3));
        index(&document(server, PAGE)).model.digest
    };
    let plain = digest(json!({}));
    let others = [
        json!({ "model": "fool" }),
        json!({ "url": "http://127.0.0.1:11434/v2" }),
        json!({ "url": "http://127.0.0.1:11435/v1" }),
        json!({ "url": "https://127.0.0.1:11434/v1" }),
    ];
    let all: HashSet<String> = others.into_iter().map(digest).chain([plain.clone(), bundled()]).collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|digest| digest.len() == 71 && digest.starts_with("sha256:")), "{all:?}");
    for same in [json!({ "url": "http://127.0.0.1:11434/v1/" }), json!({ "timeout_s": 5 })] {
        assert_eq!(digest(same), plain);
    }
    // What is on disk in libraries: another value here parts them from their vectors.
    assert_eq!(plain, "sha256:eed5f2892bd81d270bfe9d920f74533cad480dff874251b707f920b3498e1620");
}

fn bundled() -> String {
    index(&document(Bench::new(), PAGE)).model.digest
}

#[test]
fn without_an_endpoint_nobody_is_asked() {
    let notes = Arc::new(Mutex::new(0));
    let kept = Arc::clone(&notes);
    let server = Bench::new().outside(move |_| {
        *kept.lock().unwrap() += 1;
        Ok(Answer::new(500))
    });
    for config in [json!({}), json!({ "dimension": 256 })] {
        let run = document(server.clone().config(config), PAGE);
        assert_eq!((index(&run).model.name.as_str(), index(&run).dimension), ("capstan-static-minilm", 256));
        assert_eq!(rows(&run), rows(&document(Bench::new(), PAGE)));
    }
    assert!(query(server.clone(), "sea").unchanged().unwrap()["vector"].is_array());
    is_permanent(&document(server.config(json!({ "dimension": 3 })), PAGE), "the bundled model has 256");
    assert_eq!(*notes.lock().unwrap(), 0);
}

#[test]
fn the_model_is_what_it_can_do_without() {
    let described = Bench::<Embed>::describe().unwrap();
    let asks = serde_json::to_value(described.asks).unwrap();
    let optional = json!({ "http": ["POST *://*:*"], "secrets": ["embeddings"] });
    assert_eq!(asks, json!({ "imports": false, "artifacts": ["normalise"], "optional": optional }));
    let schema = serde_json::to_value(schemars::schema_for!(capstan_embed::Config)).unwrap();
    let range = &schema["properties"]["dimension"];
    assert_eq!((&range["minimum"], &range["maximum"]), (&json!(1), &json!(DIMENSION)));
    assert_eq!(schema["additionalProperties"], false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever numbers a server sends, every vector that is written has the length 1 and stands with a passage, and
    /// only those of zeros are missing.
    #[test]
    fn whatever_the_numbers_are_rows_and_passages_belong_together(
        vectors in prop::collection::vec(
            prop_oneof![
                1 => Just(vec![0.0; 4]),
                3 => prop::collection::vec(any::<f32>().prop_filter("finite", |number| number.is_finite()), 4),
            ],
            1..12,
        ),
    ) {
        let file: String = (0..vectors.len()).map(|at| format!("## {at}\n\nPassage.\n\n")).collect();
        let with_direction = vectors.iter().filter(|vector| vector.iter().any(|number| *number != 0.0)).count();
        let (server, _) = bench(&json!({}), &json!({}), move |_, _| says(&vectors));
        let run = document(server, &file);
        let (index, rows) = (index(&run), rows(&run));
        prop_assert_eq!((rows.len(), index.passages.len()), (with_direction, with_direction));
        prop_assert!(rows.iter().all(|row| is_unit(row)));
        prop_assert!(index.passages.iter().all(|place| &file[place.start..place.end] == "Passage."));
    }
}
