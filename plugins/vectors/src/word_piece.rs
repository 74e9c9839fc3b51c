//! Text as tokens of BERT's English vocabulary, upper and lower case alike.
//!
//! The method is the one that the model was trained with (Devlin et al., 2019): control characters go, ideographs
//! stand alone, accents are taken off, letters become small, the text is cut at spaces and punctuation, and every
//! word into the longest pieces that the vocabulary knows, from its beginning on.
//!
//! What it cannot promise: letters that are newer than the reference's tables of Unicode may be told apart otherwise
//! than there.

use fst::raw::{Fst, Output};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory as Category, GeneralCategoryGroup as Group, UnicodeGeneralCategory as _};

static VOCABULARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vocabulary.fst"));

/// The number of `[UNK]`, which a word becomes when it cannot be put together from pieces.
const UNKNOWN: u16 = 100;

/// How many letters a word may have; a longer one is unknown, as in the reference.
const LETTERS: usize = 100;

/// The tokenizer.
pub struct WordPiece {
    pieces: Option<Fst<&'static [u8]>>,
}

impl Default for WordPiece {
    fn default() -> Self {
        Self { pieces: Fst::new(VOCABULARY).ok() }
    }
}

impl WordPiece {
    /// The SHA-256 of the vocabulary, as `sha256:` and 64 hex digits.
    pub const DIGEST: &'static str = env!("VOCABULARY_DIGEST");
    /// `[UNK]`: a word that the vocabulary cannot spell.
    pub const UNKNOWN: u16 = UNKNOWN;
    /// `[CLS]`, which a transformer wants in front of the text.
    pub const START: u16 = 101;
    /// `[SEP]`, which it wants behind the text.
    pub const END: u16 = 102;

    /// The tokens of a text in their order, without [`Self::START`] and [`Self::END`].
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<u16> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        let mut word = String::new();
        for letter in letters(text) {
            let alone = is_punctuation(letter);
            if alone || letter == ' ' {
                self.spell(&word, &mut tokens);
                word.clear();
            }
            if alone {
                self.spell(letter.encode_utf8(&mut [0; 4]), &mut tokens);
            } else if letter != ' ' {
                word.push(letter);
            }
        }
        self.spell(&word, &mut tokens);
        tokens
    }

    /// The longest pieces of a word, or that it is unknown.
    fn spell(&self, word: &str, tokens: &mut Vec<u16>) {
        let before = tokens.len();
        let mut at = 0;
        let is_short = word.len() <= LETTERS || word.chars().count() <= LETTERS;
        while at < word.len() {
            let prefix = if at == 0 { "" } else { "##" };
            let Some((token, length)) = self.longest(prefix, &word[at..]).filter(|_| is_short) else {
                tokens.truncate(before);
                tokens.push(UNKNOWN);
                return;
            };
            tokens.push(token);
            at += length;
        }
    }

    /// The longest token that `text` begins with, looked for behind `prefix`, and its length without it.
    fn longest(&self, prefix: &str, text: &str) -> Option<(u16, usize)> {
        let pieces = self.pieces.as_ref()?;
        let (mut node, mut sum) = (pieces.root(), Output::zero());
        let mut found = None;
        for (at, byte) in prefix.bytes().chain(text.bytes()).enumerate() {
            let Some(step) = node.find_input(byte) else { break };
            let step = node.transition(step);
            sum = sum.cat(step.out);
            node = pieces.node(step.addr);
            let length = (at + 1).saturating_sub(prefix.len());
            if node.is_final() && length > 0 && text.is_char_boundary(length) {
                found = u16::try_from(sum.cat(node.final_output()).value()).ok().map(|token| (token, length));
            }
        }
        found
    }
}

/// The letters that are left, small and without accents; every space is `' '`.
fn letters(text: &str) -> impl Iterator<Item = char> {
    let alone = |letter: char| {
        let space = is_ideograph(letter).then_some(' ');
        space.into_iter().chain([letter]).chain(space)
    };
    text.chars()
        .filter_map(clean)
        .flat_map(alone)
        .nfd()
        .filter(|letter| letter.is_ascii() || letter.general_category() != Category::NonspacingMark)
        .flat_map(char::to_lowercase)
}

fn clean(letter: char) -> Option<char> {
    match letter {
        ' '..='~' => Some(letter),
        '\t' | '\n' | '\r' => Some(' '),
        '\u{fffd}' => None,
        _ if letter.is_whitespace() => Some(' '),
        _ => {
            let is_left = !matches!(
                letter.general_category(),
                Category::Control | Category::Format | Category::PrivateUse | Category::Surrogate
            );
            is_left.then_some(letter)
        }
    }
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation() || (!letter.is_ascii() && letter.general_category_group() == Group::Punctuation)
}

/// Ideographs of Chinese, as the reference tells them: kana and Hangul are no part of it.
const fn is_ideograph(letter: char) -> bool {
    matches!(letter as u32, 0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F
        | 0x2B740..=0x2B81F | 0x2B920..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}
