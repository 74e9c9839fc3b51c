//! What the passages say, and what they leave open.

use std::collections::HashSet;

use capstan_sdk::Passage;
use capstan_text::{Candidate, Terms, answering, is_prose, is_question, missing, sentence_ranges};

use crate::brief::{Note, Origin};

/// Words of the question that are named at most.
const WORDS: usize = 10;
/// Questions of the passages that are named at most.
const ASKED: usize = 5;

fn note(text: &str, from: Origin, cites: Vec<usize>) -> Note<usize> {
    Note { text: text.to_owned(), from, cites }
}

/// The sentences of prose of these passages, with the places of the passages.
fn sentences(passages: &[Passage]) -> impl Iterator<Item = (usize, &str)> {
    let all = passages.iter().enumerate();
    let all = all.flat_map(|(at, of)| sentence_ranges(&of.text).into_iter().map(move |range| (at, &of.text[range])));
    all.filter(|(_, text)| is_prose(text))
}

/// At most `most` sentences of `passages` (the best first), by documents: the one with the best sentence first, its sentences in their order.
#[must_use]
pub fn choose<'a>(question: &str, passages: &'a [Passage], terms: &Terms, most: usize) -> Vec<Note<usize>> {
    let found: Vec<(usize, &str)> = sentences(passages).filter(|(_, text)| !is_question(text)).collect();
    let score = |passage: Option<&Passage>| passage.map_or(0.0, |passage| passage.score);
    let (best, least) = (score(passages.first()), score(passages.last()));
    let candidate = |(at, text): &(usize, &'a str)| {
        let Passage { subject, score, .. } = &passages[*at];
        Candidate { text, from: subject, weight: ((score - least) / (best - least).max(1.0)) as f32 }
    };
    let candidates: Vec<Candidate<'_>> = found.iter().map(candidate).collect();
    let taken = answering(question, &candidates, terms, most);
    let subject = |at: usize| &passages[found[at].0].subject;
    let first = |at: usize| taken.iter().position(|one| subject(*one) == subject(at));
    let mut sorted: Vec<_> = taken.iter().map(|at| (first(*at), passages[found[*at].0].start, *at)).collect();
    sorted.sort_unstable();
    sorted.into_iter().map(|(_, _, at)| note(found[at].1, Origin::Passage, vec![found[at].0])).collect()
}

/// Parts and words of the question that no finding is about, and what the passages ask themselves.
#[must_use]
pub fn open(question: &str, passages: &[Passage], findings: &[Note<usize>], terms: &Terms) -> Vec<Note<usize>> {
    let known: HashSet<String> = findings.iter().flat_map(|finding| terms.set(&finding.text)).collect();
    let (parts, words) = missing(question, &known, terms);
    let mut open: Vec<_> = parts.iter().map(|part| note(part, Origin::Question, Vec::new())).collect();
    open.extend(words.iter().take(WORDS).map(|word| note(word, Origin::Word, Vec::new())));
    let wanted = terms.set(question);
    let shared = |text: &str| terms.set(text).intersection(&wanted).count();
    let mut seen = HashSet::new();
    let asked = sentences(passages).filter(|(_, text)| is_question(text) && seen.insert(*text));
    let mut asked: Vec<_> = asked.map(|(at, text)| (shared(text), at, text)).filter(|asked| asked.0 > 0).collect();
    asked.sort_by_key(|asked| std::cmp::Reverse(asked.0));
    open.extend(asked.into_iter().take(ASKED).map(|(_, at, text)| note(text, Origin::Passage, vec![at])));
    open
}
