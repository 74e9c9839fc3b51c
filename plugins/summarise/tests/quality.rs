//! Ours against the first sentences, on six texts that the project ships.
//!
//! The texts and their summaries were written for this test, so it holds what was reached and says nothing about
//! other texts; `docs/summaries.md` has measurements of those.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use capstan_summarise::{Weights, extract};
use capstan_text::{Document, words};

/// What ours reaches at least: the mean F1 of common words (ROUGE-1) for three sentences.
const FLOOR: f64 = 0.4;

/// What it is ahead of the first three sentences by at least.
const AHEAD: f64 = 0.15;

/// F1 of the words that two texts have in common, as multisets.
fn common(human: &str, ours: &str) -> f64 {
    let mut open: HashMap<String, usize> = HashMap::new();
    words(human).for_each(|word| *open.entry(word.to_lowercase()).or_default() += 1);
    let mut taken = |word: &str| open.get_mut(&word.to_lowercase()).filter(|left| **left > 0).map(|left| *left -= 1);
    let common = words(ours).filter(|word| taken(word).is_some()).count();
    2.0 * common as f64 / (words(human).count() + words(ours).count()) as f64
}

#[test]
fn ours_is_nearer_to_the_written_summary_than_the_first_sentences() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut lead, mut ours) = (0.0, 0.0);
    for path in &paths {
        let file = fs::read_to_string(path).unwrap();
        let (document, summary) = file.split_once("\n## Summary\n").unwrap();
        let document = Document::parse(document);
        let first: Vec<String> = document.sentences().into_iter().take(3).map(|sentence| sentence.text).collect();
        let taken = extract(&document, 3, 0.3, &Weights::default()).sentences;
        let taken: Vec<String> = taken.into_iter().map(|cited| cited.text).collect();
        let scores = (common(summary, &first.join(" ")), common(summary, &taken.join(" ")));
        println!("{}: first {:.3}, ours {:.3}", path.file_stem().unwrap().display(), scores.0, scores.1);
        (lead, ours) = (lead + scores.0, ours + scores.1);
    }
    let (lead, ours) = (lead / paths.len() as f64, ours / paths.len() as f64);
    println!("mean: first {lead:.3}, ours {ours:.3}");
    assert_eq!(paths.len(), 6);
    assert!(ours >= FLOOR, "{ours:.3}");
    assert!(ours >= lead + AHEAD, "{ours:.3} against {lead:.3}");
}
