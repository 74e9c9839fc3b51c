//! What to search for next, from what was found (pseudo relevance feedback, after Rocchio 1971): answers often use
//! other words than questions do.

use std::collections::{HashMap, HashSet};

use crate::terms::Terms;

/// Letters of a word: one alone says little, and what is very long is an address or a number.
const LETTERS: std::ops::RangeInclusive<usize> = 2..=30;
/// Of so many texts words are taken; the others say how common a word is.
const TOP: usize = 8;

/// The `most` words that stand out in these texts and whose terms are not `known`, in one of their forms. The texts
/// have weights and stand by them, the heaviest first.
#[must_use]
pub fn feedback(texts: &[(&str, f64)], known: &HashSet<String>, terms: &Terms, most: usize) -> Vec<String> {
    let mut weights: HashMap<String, (f64, f64)> = HashMap::new();
    let mut spelt: HashMap<String, &str> = HashMap::new();
    for (rank, (text, own)) in texts.iter().enumerate() {
        spelt.extend(terms.content(text));
        let mut counts: HashMap<String, f64> = HashMap::new();
        terms.each(text, |term| *counts.entry(term.to_owned()).or_default() += 1.0);
        let all: f64 = counts.values().sum();
        for (term, times) in counts.into_iter().filter(|(term, _)| !known.contains(term)) {
            let (weight, holders) = weights.entry(term).or_default();
            *holders += 1.0;
            *weight += if rank < TOP { times / all * own } else { 0.0 };
        }
    }
    let is_word = |term: &str| LETTERS.contains(&term.chars().count()) && term.chars().any(char::is_alphabetic);
    let rare = |holders: f64| ((texts.len() as f64 + 1.0) / holders).ln();
    let words = weights.iter().map(|(term, (weight, holders))| (weight * rare(*holders), term));
    let mut words: Vec<(f64, &String)> = words.filter(|(weight, term)| *weight > 0.0 && is_word(term)).collect();
    words.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    let words = words.into_iter().take(most);
    words.map(|(_, term)| spelt.get(term).map_or_else(|| term.clone(), |word| (*word).to_owned())).collect()
}
