//! The handler as the host runs it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use capstan_embed::Embed;
use capstan_sdk::Failure;
use capstan_sdk::testing::{Bench, Run};
use capstan_vectors::{Index, QUERY_LETTERS};
use proptest::prelude::*;
use serde_json::{Value, json};

fn bench(file: &str) -> Bench<Embed> {
    Bench::new().payload(json!({})).input("normalise", "document.md", file)
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

fn query(words: &str) -> Run {
    Bench::<Embed>::new().payload(json!({ "query": words })).run().unwrap()
}

fn vector(words: &str) -> Vec<f32> {
    serde_json::from_value(query(words).unchanged().unwrap()["vector"].clone()).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn is_unit(vector: &[f32]) -> bool {
    (cosine(vector, vector) - 1.0).abs() < 1e-5
}

const PAGE: &str = "---\ntitle: \"Tides\"\n---\n\n# Tides\n\nThe moon pulls the water of the sea.\n\n\
## Bread\n\nKnead flour, water and salt, and let the dough rest in a warm kitchen.\n";

#[test]
fn vectors_and_index_belong_together() {
    let run = bench(PAGE).run().unwrap();
    let (index, rows) = (index(&run), rows(&run));
    assert_eq!((index.format, index.normalised, index.passages.len(), rows.len()), (1, true, 2, 2));
    assert!(rows.iter().all(|row| row.len() == index.dimension && is_unit(row)));
    let cited: Vec<&str> = index.passages.iter().map(|place| &PAGE[place.start..place.end]).collect();
    assert_eq!(cited[0], "The moon pulls the water of the sea.");
    assert!(cited[1].starts_with("Knead flour") && cited[1].ends_with("warm kitchen."));
    let done = run.done().unwrap();
    assert_eq!((&done["passages"], &done["dimension"]), (&json!(2), &json!(index.dimension)));
    assert_eq!(done["model"], serde_json::to_value(&index.model).unwrap());
}

#[test]
fn the_index_is_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/embed.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Index)).unwrap() + "\n";
    if std::env::var_os("CAPSTAN_WRITE_SCHEMA").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, schema, "run the test with CAPSTAN_WRITE_SCHEMA=1 to write it again");
    let validator = jsonschema::validator_for(&serde_json::from_str(&published).unwrap()).unwrap();
    for file in [PAGE, ""] {
        let written: Value = serde_json::from_str(bench(file).run().unwrap().text("vectors.json").unwrap()).unwrap();
        assert!(validator.is_valid(&written), "{written}");
    }
    assert!(!validator.is_valid(&json!({ "format": 1 })));
}

#[test]
fn a_search_is_embedded_like_a_document_and_writes_nothing() {
    let run = query("ocean and lunar gravity");
    let answer = run.unchanged().unwrap();
    assert_eq!(run.outputs().count(), 0);
    let asked: Vec<f32> = serde_json::from_value(answer["vector"].clone()).unwrap();
    let page = bench(PAGE).run().unwrap();
    assert_eq!((&answer["model"]["digest"], asked.len()), (&json!(index(&page).model.digest), index(&page).dimension));
    assert!(is_unit(&asked));
    let rows = rows(&page);
    assert!(cosine(&asked, &rows[0]) > cosine(&asked, &rows[1]), "the moon is nearer than bread");
    let baking = vector("how to bake a loaf");
    assert!(cosine(&baking, &rows[1]) > cosine(&baking, &rows[0]));
}

#[test]
fn a_search_without_a_known_word_has_no_vector() {
    for words in ["", "  ", "\u{10ffff}", "\u{1f9ff}\u{1f9ff}"] {
        assert_eq!(query(words).unchanged().unwrap()["vector"], Value::Null, "{words:?}");
    }
}

#[test]
fn a_query_may_be_as_long_as_the_limit_and_no_longer() {
    let letters = |count: usize| "é ".repeat(count / 2);
    assert!(query(&letters(QUERY_LETTERS)).unchanged().is_some());
    let run = query(&(letters(QUERY_LETTERS) + "e"));
    assert!(matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("8193 letters")));
}

#[test]
fn payload_and_configuration_refuse_what_they_do_not_know() {
    for bench in [Bench::<Embed>::new().payload(json!({ "quarry": "x" })), bench(PAGE).config(json!({ "word": 1 }))] {
        assert!(!bench.run().is_ok_and(|run| run.failure().is_none()));
    }
}

#[test]
fn without_a_document_it_fails_for_good() {
    let run = Bench::<Embed>::new().payload(json!({})).run().unwrap();
    assert!(
        matches!(run.failure(), Some(Failure::Permanent(problem)) if problem.message.contains("run `normalise` first"))
    );
}

#[test]
fn an_empty_document_is_done_without_passages() {
    for file in ["", "---\ntitle: \"Nothing\"\n---\n\n", "# Only a heading\n", "\u{1f9ff} \u{1f9ff}\n"] {
        let run = bench(file).run().unwrap();
        assert_eq!((index(&run).passages.len(), run.output("vectors.f32").unwrap().len()), (0, 0), "{file:?}");
        assert!(run.log().iter().any(|entry| entry.message.contains("no passage")));
    }
}

#[test]
fn passages_overlap_as_far_as_the_configuration_says() {
    let text: String = (0..400).map(|at| format!("Sentence number {at} says little. ")).collect();
    let places = |overlap: usize| {
        let run = bench(&text).config(json!({ "words": 50, "overlap": overlap })).run().unwrap();
        index(&run).passages
    };
    let (with, without) = (places(20), places(0));
    assert!(with.windows(2).all(|pair| pair[1].start < pair[0].end), "each begins in the one before");
    assert!(without.windows(2).all(|pair| pair[1].start >= pair[0].end));
    assert!(with.len() > without.len());
}

#[test]
fn documents_of_every_kind_have_vectors() {
    let cases = [
        ("ideographs", "吾輩は猫である。名前はまだ無い。\n\n中文字符没有空格，标点也不同。\n".repeat(60)),
        ("right to left", "مرحبا بالعالم، كيف حالك اليوم؟\n\nשלום עולם, מה שלומך היום?\n".repeat(60)),
        ("Thai", "ภาษาไทยไม่มีช่องว่างระหว่างคำ".repeat(300)),
        ("code", format!("```rust\n{}```\n", "let answer = compute(6, 7);\n".repeat(300))),
        ("table", format!("| a | b |\n|---|---|\n{}", "| flour | 400 g |\n".repeat(300))),
        ("one word", "word".repeat(50_000)),
        ("letters outside the vocabulary among words", format!("{} known words", "\u{1f9ff} ".repeat(500))),
    ];
    for (name, file) in cases {
        let run = bench(&file).run().unwrap();
        let (places, rows) = (index(&run).passages, rows(&run));
        assert_eq!(places.len(), rows.len(), "{name}");
        // No word of these can be spelt: they are runs of more letters than the tokenizer takes.
        let is_unspelt = matches!(name, "one word" | "Thai");
        assert_eq!(rows.is_empty(), is_unspelt, "{name}");
        assert!(rows.iter().all(|row| is_unit(row)), "{name}");
        assert!(
            places.iter().all(|place| file.get(place.start..place.end).is_some_and(|text| !text.is_empty())),
            "{name}"
        );
    }
}

#[test]
fn a_document_of_five_megabytes_is_embedded() {
    let paragraph = "The tide mill grinds flour twice a day, when the gates hold back the water of the bay. ";
    let page = format!("## A chapter\n\n{}\n\n", paragraph.repeat(12));
    let file = page.repeat(5_000_000 / page.len() + 1);
    let start = Instant::now();
    let run = bench(&file).run().unwrap();
    let spent = start.elapsed();
    let passages = index(&run).passages.len();
    println!("{} bytes, {passages} passages, {spent:?}; high-water mark of memory {}", file.len(), high_water());
    assert!(file.len() >= 5_000_000 && passages > 4000);
    assert_eq!(index(&run).passages.last().map(|place| place.end), Some(file.trim_end().len()));
}

/// The most memory this process ever held, as Linux tells it.
fn high_water() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim).to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_is_in_order_and_of_length_one(
        parts in prop::collection::vec("(# |- |> )?[a-zé猫 \\.]{0,60}\n\n?", 0..20),
        words in 1_usize..40,
        overlap in 0_usize..60,
    ) {
        let file = parts.concat();
        let make = || bench(&file).config(json!({ "words": words, "overlap": overlap })).run().unwrap();
        let (run, again) = (make(), make());
        let places = index(&run).passages;
        prop_assert!(places.windows(2).all(|pair| pair[0].start < pair[1].start && pair[0].end <= pair[1].end));
        prop_assert!(places.iter().all(|place| place.start < place.end && file.get(place.start..place.end).is_some()));
        prop_assert!(rows(&run).iter().all(|row| is_unit(row)));
        prop_assert_eq!(run.output("vectors.f32"), again.output("vectors.f32"), "the same every time");
        prop_assert_eq!(run.output("vectors.json"), again.output("vectors.json"));
    }
}
