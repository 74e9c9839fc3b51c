//! Which sentences answer a question.
//!
//! They are compared with the question and with each other: a walk along resemblances that starts anew at those near
//! the question (biased LexRank: Otterbacher, Erkan and Radev 2009) says how much each is worth, and maximal marginal
//! relevance which of them do not repeat each other.
//!
//! What it cannot promise: resemblance is of words, so a sentence that answers in other words is found only by those
//! that stand near it.

use std::collections::HashMap;

use crate::rank::{candidates, central, varied};
use crate::terms::Terms;
use crate::vector::{Vector, vectors};

/// The share of the walk that follows resemblances.
const FOLLOW: f32 = 0.5;
/// What the weight of a sentence counts beside its resemblance to the question.
const WEIGHT: f32 = 0.25;
/// What every sentence has at least, so that the walk reaches it.
const FLOOR: f32 = 0.01;
/// How much a sentence loses by repeating one that was taken before, of all that it has.
const DIVERSITY: f32 = 0.3;
/// Sentences that are worth less than this share of the best are left out: what comes below it in briefs about the
/// pages of `docs/` is seldom about the question. It was looked at, not measured.
const LEAST: f32 = 0.2;

/// A sentence that may answer a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// Its text.
    pub text: &'a str,
    /// What it is from, for example a document.
    pub from: &'a str,
    /// What it weighs by itself, 0 to 1, such as how well its passage was found.
    pub weight: f32,
}

/// The `most` sentences that answer a question best, by their places in the list, the best first. From one origin
/// come no more than half of them while others have something to say. What is the same as one before, or far worse
/// than the best, is left out.
#[must_use]
pub fn answering(question: &str, sentences: &[Candidate<'_>], terms: &Terms, most: usize) -> Vec<usize> {
    let (vectors, wanted) = vectors(terms, sentences.iter().map(|sentence| sentence.text), question);
    let weights = sentences.iter().map(|sentence| WEIGHT * sentence.weight);
    let prior: Vec<f32> = vectors.iter().zip(weights).map(|(vector, own)| FLOOR + vector.dot(&wanted) + own).collect();
    let chosen = candidates(&vectors, &prior);
    let near: Vec<&Vector> = chosen.iter().map(|at| &vectors[*at]).collect();
    let before: Vec<f32> = chosen.iter().map(|at| prior[*at]).collect();
    let mut scores = central(&near, &before, FOLLOW);
    scores.iter_mut().zip(&before).for_each(|(score, prior)| *score *= prior);
    let highest = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    scores.iter_mut().for_each(|score| *score /= highest);
    let order = varied(&near, &scores, near.len(), DIVERSITY);
    let order: Vec<usize> = order.into_iter().filter(|at| scores[*at] >= LEAST).map(|at| chosen[at]).collect();
    let mut taken: HashMap<&str, usize> = HashMap::new();
    let (within, beyond): (Vec<usize>, Vec<usize>) = order.iter().partition(|at| {
        let before = taken.entry(sentences[**at].from).or_default();
        *before += 1;
        *before <= most.div_ceil(2)
    });
    within.into_iter().chain(beyond).take(most).collect()
}
