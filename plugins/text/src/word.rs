//! Words, also of scripts that put no spaces between them.

use unicode_segmentation::UnicodeSegmentation as _;

/// Letters a word, for runs that nothing divides (Thai, Khmer, Lao, Burmese).
const LETTERS: usize = 8;

/// The words of a text as UAX #29 cuts them; each ideograph is one.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.unicode_words()
}

/// The same with where they begin, in bytes of `text`.
pub fn word_indices(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.unicode_word_indices()
}

/// How many words a text has; a run of letters longer than any word counts by its letters.
#[must_use]
pub fn count(text: &str) -> usize {
    words(text).map(|word| word.chars().count().div_ceil(4 * LETTERS).max(1)).sum()
}
