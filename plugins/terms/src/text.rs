//! The text as a row of numbered words: what phrases and terms are counted in.

use capstan_text::{Block, Lexicon, Shape, is_unspaced};
use rustc_hash::FxHashMap;

/// What may stand between two words of a phrase.
const JOINTS: [&str; 4] = ["", " ", "-", "‑"];

/// Letters before an apostrophe that are a word of their own, at most: `l'huile`, `qu'il`.
const ELIDED: usize = 2;

/// The longest stop word of a script without spaces that is looked for, in letters.
const STOP: usize = 4;

/// A word, or a letter of a script without spaces.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// The number of its form.
    pub id: u32,
    /// The number of its block.
    pub block: u32,
    /// Where it lies in the text of the block.
    pub start: u32,
    /// Where that ends.
    pub end: u32,
    /// Whether a phrase may go on with it.
    pub is_joined: bool,
    /// Whether it says nothing by itself.
    pub is_stop: bool,
    /// Whether it is a letter of a script without spaces.
    pub is_letter: bool,
}

/// The words of a document but for its code.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// They, in their order.
    pub tokens: Vec<Token>,
    ids: FxHashMap<String, u32>,
}

impl Text {
    /// Read the blocks of a document.
    #[must_use]
    pub fn read(blocks: &[Block], lexicon: &Lexicon) -> Self {
        let mut text = Self::default();
        for (at, block) in (0..).zip(blocks).filter(|(_, block)| block.shape != Shape::Code) {
            let first = text.tokens.len();
            text.block(at, &block.text, lexicon);
            text.stop_letters(first, &block.text, lexicon);
        }
        text
    }

    /// The number of a form, if it is in the text.
    #[must_use]
    pub fn id(&self, key: &str) -> Option<u32> {
        self.ids.get(key).copied()
    }

    /// How many forms there are.
    #[must_use]
    pub fn forms(&self) -> usize {
        self.ids.len()
    }

    fn block(&mut self, block: u32, text: &str, lexicon: &Lexicon) {
        let mut last: Option<(usize, bool)> = None;
        for (start, word) in capstan_text::word_indices(text) {
            let end = start + word.len();
            let (start, word) = without_elision(start, word);
            let is_letter = word.chars().next().is_some_and(is_unspaced) && word.chars().nth(1).is_none();
            let joint =
                last.filter(|(_, letter)| *letter == is_letter).map(|(end, _)| text.get(end..start).unwrap_or("\n"));
            let (key, is_stop) = lexicon.read(word);
            let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
            let id = *self.ids.entry(key).or_insert(next);
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.tokens.push(Token {
                id,
                block,
                start: place(start),
                end: place(end),
                is_joined: joint.is_some_and(|joint| JOINTS.contains(&joint) && (!is_letter || joint.is_empty())),
                is_stop,
                is_letter,
            });
            last = Some((end, is_letter));
        }
    }

    /// Marks letters that are part of a stop word of several letters.
    fn stop_letters(&mut self, first: usize, text: &str, lexicon: &Lexicon) {
        let tokens = self.tokens.get_mut(first..).unwrap_or_default();
        for at in 0..tokens.len() {
            let from = tokens[at];
            if !from.is_letter {
                continue;
            }
            for length in 2..=STOP.min(tokens.len() - at) {
                let to = tokens[at + length - 1];
                let is_word = to.is_letter && to.end - from.start <= 4 * STOP as u32;
                let word = text.get(from.start as usize..to.end as usize).filter(|_| is_word);
                if word.is_some_and(|word| lexicon.is_listed(word)) {
                    tokens[at..at + length].iter_mut().for_each(|token| token.is_stop = true);
                }
            }
        }
    }
}

/// A word behind what was drawn together with it: `huile` of `l'huile`.
fn without_elision(start: usize, word: &str) -> (usize, &str) {
    match word.split_once(['\'', '’']) {
        Some((before, rest)) if before.chars().count() <= ELIDED && rest.chars().nth(ELIDED).is_some() => {
            (start + word.len() - rest.len(), rest)
        }
        _ => (start, word),
    }
}
