//! The word lists of `words/` and the words of a text.
//!
//! The lists are data: one entry a line, `#` begins a remark. They cover English best, then German,
//! French, Spanish, Italian, Russian, Japanese and Arabic; pages in other languages keep more.

use std::collections::HashSet;
use std::sync::LazyLock;

type List = LazyLock<HashSet<&'static str>>;

pub(crate) static BESIDE: List = LazyLock::new(|| list(include_str!("../words/beside.txt")));
pub(crate) static NAMES: List = LazyLock::new(|| list(include_str!("../words/names.txt")));
pub(crate) static COMMENTS: List = LazyLock::new(|| list(include_str!("../words/comments.txt")));
pub(crate) static LINES: List = LazyLock::new(|| list(include_str!("../words/lines.txt")));
pub(crate) static COOKIES: List = LazyLock::new(|| list(include_str!("../words/cookies.txt")));
pub(crate) static SECTIONS: List = LazyLock::new(|| list(include_str!("../words/sections.txt")));

fn list(file: &'static str) -> HashSet<&'static str> {
    file.lines().filter(|line| !line.starts_with('#')).collect()
}

/// The words of a text in lower case, one space between them.
pub(crate) fn plain(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Whether a letter belongs to a script without spaces between words: Thai, kana, and the Han blocks of
/// the basic plane. Such letters are counted as words.
#[must_use]
pub fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}
