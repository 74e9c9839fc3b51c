//! The sentences of a document that say what it is about.
//!
//! Sentences of prose are candidates when they are neither scraps nor endless, each with a prior weight: more at the
//! front of the document, where a section begins, and where the words of the title stand. [`central`] and [`varied`]
//! say which are central and do not repeat each other. A document without such sentences is told by its headings.
//!
//! What it cannot promise: a sentence keeps its "this" and "he" and may need the ones before it. In tables and code
//! nothing is looked for.

use std::ops::Range;

use capstan_text::{
    Block, Document, Sentence, Shape, Terms, Vector, candidates, central, count, sentences, varied, vectors,
};

/// A sentence has at least so many words, and at most so many; letters of scripts without spaces count as words.
pub const WORDS: (usize, usize) = (5, 80);

/// A sentence has at most so many bytes.
pub const BYTES: usize = 2000;

/// What makes a sentence weigh more before the sentences are compared. Chosen on the development half of the
/// documents of `docs/summaries.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The share of the walk that follows resemblances.
    pub follow: f32,
    /// What the first sentence weighs more.
    pub front: f32,
    /// After how many sentences that has fallen to 37 %.
    pub fall: f32,
    /// What a sentence weighs more that opens a section.
    pub opening: f32,
    /// What one weighs more that has all words of the title.
    pub title: f32,
    /// How much of the prior weight counts in the score once more: its power.
    pub again: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { follow: 0.85, front: 1.0, fall: 10.0, opening: 0.5, title: 4.0, again: 0.5 }
    }
}

/// A sentence that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Cited {
    /// Its text without marks.
    pub text: String,
    /// Where it lies in the file, in bytes.
    pub range: Range<usize>,
    /// How central it is; the most central sentence of the document has 1.
    pub score: f32,
}

/// What was taken out of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// What it was taken from.
    pub origin: Origin,
    /// The sentences, in the order of the document.
    pub sentences: Vec<Cited>,
}

/// What a document is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Sentences of its prose.
    Sentences,
    /// Its headings, as it has no such sentences.
    Headings,
    /// Nothing: it has no headings either.
    Nothing,
}

impl Origin {
    /// What there is to say about it; empty for sentences.
    #[must_use]
    pub const fn note(self) -> &'static str {
        match self {
            Self::Sentences => "",
            Self::Headings => "the document has no sentences; its headings were taken",
            Self::Nothing => "the document has neither sentences nor headings",
        }
    }
}

/// At most `most` sentences. `diversity` is 0 for the most central ones whatever they repeat, and 1 for those that
/// repeat least.
#[must_use]
pub fn extract(document: &Document, most: usize, diversity: f32, weights: &Weights) -> Extract {
    let (origin, found, title) = material(document);
    let terms = Terms::of(&document.language);
    let (vectors, title) = vectors(&terms, found.iter().map(|found| &*found.text), &title);
    let prior: Vec<f32> = (0..found.len()).map(|at| prior(at, &found[at], vectors[at].dot(&title), weights)).collect();
    let chosen = candidates(&vectors, &prior);
    let near: Vec<&Vector> = chosen.iter().map(|at| &vectors[*at]).collect();
    let before: Vec<f32> = chosen.iter().map(|at| prior[*at]).collect();
    let mut scores = central(&near, &before, weights.follow);
    scores.iter_mut().zip(&before).for_each(|(score, prior)| *score *= prior.powf(weights.again));
    let highest = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    scores.iter_mut().for_each(|score| *score /= highest);
    let mut taken = varied(&near, &scores, most, diversity);
    taken.sort_unstable();
    let cited = |at: usize| {
        let Found { text, range, .. } = found[chosen[at]].clone();
        Cited { text, range, score: scores[at] }
    };
    Extract { origin, sentences: taken.into_iter().map(cited).collect() }
}

#[derive(Clone)]
struct Found {
    text: String,
    range: Range<usize>,
    opens: bool,
}

/// What may be taken, and the title.
fn material(document: &Document) -> (Origin, Vec<Found>, String) {
    let blocks = document.blocks();
    let is_heading = |block: &Block| matches!(block.shape, Shape::Heading(_));
    let opening = |at: usize| at.checked_sub(1).is_some_and(|above| is_heading(&blocks[above]));
    let (mut found, mut last) = (Vec::new(), None);
    for Sentence { text, range, block } in sentences(&blocks) {
        let opens = last.replace(block) != Some(block) && opening(block);
        if is_sentence(&text) {
            found.push(Found { text, range, opens });
        }
    }
    let mut origin = Origin::Sentences;
    if found.is_empty() {
        let headings = blocks.iter().filter(|block| is_heading(block) && block.text.len() <= BYTES);
        found.extend(headings.map(|block| {
            let (text, range) = (block.text.clone(), block.place(0..block.text.len()));
            Found { text, range, opens: false }
        }));
        origin = if found.is_empty() { Origin::Nothing } else { Origin::Headings };
    }
    let first = || blocks.iter().find(|block| is_heading(block)).map(|block| block.text.clone());
    let title = Some(document.title.clone()).filter(|title| !title.is_empty()).or_else(first);
    (origin, found, title.unwrap_or_default())
}

fn is_sentence(text: &str) -> bool {
    text.len() <= BYTES && (WORDS.0..=WORDS.1).contains(&count(text)) && !text.ends_with([':', '：'])
}

fn prior(at: usize, found: &Found, title: f32, weights: &Weights) -> f32 {
    let front = weights.front * (-(at as f32) / weights.fall).exp();
    1.0 + front + weights.title * title + if found.opens { weights.opening } else { 0.0 }
}
