//! The language that a text seems to be in.

/// Codes of three letters and the shorter ones that BCP 47 asks for, a pair a line.
const LANGUAGES: &str = include_str!("languages.txt");

/// How many letters are looked at; more change nothing and cost time.
const SAMPLE: usize = 4000;

/// In a text with this share of letters of other scripts, Latin ones are names and terms that it mentions.
const OTHER: usize = 5;

/// A language that a text seems to be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// A BCP 47 tag, for example `de`.
    pub tag: String,
    /// How sure the detector is, from 0 to 1. It is no probability.
    pub confidence: f64,
    /// Whether the detector would rely on it itself; about half of single sentences are not reliable.
    pub is_reliable: bool,
}

/// Guess the language of a text, by its letters and their groups of three. Nothing without letters.
#[must_use]
pub fn guess(text: &str) -> Option<Guess> {
    let letters = text.chars().filter(|letter| letter.is_alphabetic() || letter.is_whitespace()).take(SAMPLE);
    let mut sample: String = letters.collect();
    let is_latin = |letter: char| matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    let other = sample.chars().filter(|letter| letter.is_alphabetic() && !is_latin(*letter)).count();
    if other * OTHER >= sample.chars().filter(|letter| letter.is_alphabetic()).count() {
        sample.retain(|letter| letter.is_whitespace() || !is_latin(letter));
    }
    let found = whatlang::detect(&sample)?;
    let code = found.lang().code();
    let short = LANGUAGES.lines().find_map(|pair| pair.strip_prefix(code)?.strip_prefix(' '));
    let tag = short.unwrap_or(code).to_owned();
    Some(Guess { tag, confidence: found.confidence(), is_reliable: found.is_reliable() })
}
