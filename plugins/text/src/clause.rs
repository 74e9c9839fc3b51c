//! The parts of a question.

use std::collections::HashSet;

use crate::sentence::sentence_ranges;
use crate::terms::Terms;
use crate::word::count;

/// Words of a part at least; letters of scripts without spaces count as words.
const LEAST: usize = 3;
/// What joins two questions, when one of [`ASKS`] follows: English, German, French, Spanish, Russian.
const JOINS: [&str; 15] =
    ["and", "or", "but", "und", "oder", "aber", "et", "ou", "mais", "y", "o", "pero", "и", "или", "а"];
/// What questions begin with in these languages.
const ASKS: [&str; 48] = [
    "what",
    "who",
    "whom",
    "whose",
    "when",
    "where",
    "why",
    "how",
    "which",
    "was",
    "wer",
    "wem",
    "wen",
    "wie",
    "wann",
    "wo",
    "warum",
    "weshalb",
    "welche",
    "welcher",
    "welches",
    "que",
    "qui",
    "quand",
    "où",
    "pourquoi",
    "comment",
    "quel",
    "quelle",
    "quels",
    "quelles",
    "qué",
    "quién",
    "cuándo",
    "dónde",
    "cómo",
    "cuál",
    "cuáles",
    "что",
    "кто",
    "когда",
    "где",
    "куда",
    "почему",
    "зачем",
    "как",
    "какой",
    "какие",
];

/// The parts of a question that has several; the question itself otherwise. They are cut at punctuation and where a
/// word that joins stands before one that asks, not by grammar, and what has less than three words is no part.
#[must_use]
pub fn clauses(question: &str) -> Vec<String> {
    let is_cut = |letter: char| matches!(letter, ',' | ';' | ':' | '、' | '，' | '；' | '：' | '،' | '؛');
    let sentences = sentence_ranges(question).into_iter().map(|sentence| &question[sentence]);
    let mut parts: Vec<String> = sentences.flat_map(|sentence| sentence.split(is_cut)).flat_map(joined).collect();
    parts.retain(|part| count(part) >= LEAST);
    if parts.len() < 2 { vec![question.trim().to_owned()] } else { parts }
}

/// The parts of a question none of whose terms is `known`, and the words of its other parts whose terms are not.
#[must_use]
pub fn missing(question: &str, known: &HashSet<String>, terms: &Terms) -> (Vec<String>, Vec<String>) {
    let (missing, covered): (Vec<String>, Vec<String>) = clauses(question).into_iter().partition(|part| {
        let wanted = terms.set(part);
        known.is_empty() || (!wanted.is_empty() && wanted.is_disjoint(known))
    });
    let mut seen = known.clone();
    let words = covered.iter().flat_map(|part| terms.content(part)).filter(|(term, _)| seen.insert(term.clone()));
    let words = words.map(|(_, word)| word.to_owned()).collect();
    (missing, words)
}

/// A clause, cut where it joins two questions; without what joins it to the one before.
fn joined(clause: &str) -> Vec<String> {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    for (at, word) in words.iter().enumerate() {
        let is_one_of = |list: &[&str], word: &str| list.contains(&&*word.to_lowercase());
        let asks = words.get(at + 1).is_some_and(|next| is_one_of(&ASKS, next));
        if is_one_of(&JOINS, word) && asks {
            parts.push(std::mem::take(&mut part).join(" "));
        } else {
            part.push(*word);
        }
    }
    parts.push(part.join(" "));
    parts
}
