//! Ways to choose sentences.

use std::fmt;

use capstan_summarise::{WORDS, Weights, extract};
use capstan_text::count;

use crate::corpus::Pair;
use crate::rouge;

/// How long a summary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many sentences.
    Sentences(usize),
    /// So many words: as few sentences as hold them, and what is over is cut off at the end.
    Words(usize),
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentences(most) => write!(f, "{most} sentences"),
            Self::Words(most) => write!(f, "{most} words"),
        }
    }
}

/// A way to choose sentences. All choose among the same: sentences of prose that are neither scraps nor endless.
pub enum Candidate {
    /// The first.
    Lead,
    /// Any, drawn once from a seed made of the name.
    Random,
    /// What the handler does.
    Ours {
        /// The weights of the sentences.
        weights: Weights,
        /// Against repetition.
        diversity: f32,
    },
    /// Always the sentence that raises ROUGE-1 most: what choosing sentences can reach, about.
    Oracle,
}

impl Candidate {
    /// The summary as one text.
    pub fn summary(&self, pair: &Pair, length: Length) -> String {
        match length {
            Length::Sentences(most) => self.sentences(pair, most).join(" "),
            Length::Words(most) => {
                let mut text = String::new();
                for sentences in 1..=50 {
                    text = self.sentences(pair, sentences).join(" ");
                    if text.split_whitespace().count() >= most {
                        break;
                    }
                }
                text.split_whitespace().take(most).collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn sentences(&self, pair: &Pair, most: usize) -> Vec<String> {
        match self {
            Self::Lead => prose(pair).into_iter().take(most).collect(),
            Self::Random => random(pair, most),
            Self::Ours { weights, diversity } => extract(&pair.document, most, *diversity, weights)
                .sentences
                .into_iter()
                .map(|cited| cited.text)
                .collect(),
            Self::Oracle => oracle(pair, most),
        }
    }
}

fn prose(pair: &Pair) -> Vec<String> {
    let sentences = pair.document.sentences().into_iter().map(|sentence| sentence.text);
    sentences.filter(|text| (WORDS.0..=WORDS.1).contains(&count(text))).collect()
}

fn random(pair: &Pair, most: usize) -> Vec<String> {
    let sentences = prose(pair);
    let seed = pair.name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut order = fastrand::Rng::with_seed(seed).choose_multiple(0..sentences.len(), most);
    order.sort_unstable();
    order.into_iter().map(|at| sentences[at].clone()).collect()
}

fn oracle(pair: &Pair, most: usize) -> Vec<String> {
    let human = rouge::words(&pair.summary);
    let sentences: Vec<(String, Vec<String>)> =
        prose(pair).into_iter().map(|text| (text.clone(), rouge::words(&text))).collect();
    let (mut taken, mut words): (Vec<usize>, Vec<String>) = (Vec::new(), Vec::new());
    for _ in 0..most {
        let with = |at: usize| rouge::grams(&human, &[words.clone(), sentences[at].1.clone()].concat(), 1);
        let open = (0..sentences.len()).filter(|at| !taken.contains(at));
        let Some(best) = open.max_by(|a, b| with(*a).total_cmp(&with(*b))) else { break };
        taken.push(best);
        words.extend(sentences[best].1.iter().cloned());
    }
    taken.sort_unstable();
    taken.into_iter().map(|at| sentences[at].0.clone()).collect()
}
