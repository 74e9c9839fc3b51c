//! The words of a language: which of them say nothing by themselves, and under which form the others are counted.
//!
//! Stop words are those of stopwords-iso, endings are taken off by Snowball's algorithms. What it cannot promise:
//! anything for a language that neither of them knows.

use rust_stemmers::{Algorithm, Stemmer};
use rustc_hash::FxHashSet;
use std::borrow::Cow;

/// Whether a letter is of a script that puts no spaces between words.
#[must_use]
pub fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_hiragana(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{309f}')
}

/// What is known about the words of a language; of one that nobody knows, nothing.
pub struct Lexicon {
    stop: FxHashSet<&'static str>,
    stemmer: Option<Stemmer>,
}

impl Lexicon {
    /// The lexicon of a language, by its BCP 47 tag.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        let language = tag.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let language = if matches!(&*language, "nb" | "nn") { "no".to_owned() } else { language };
        let stop = stop_words::lookup(&language).unwrap_or_default().iter().copied().collect();
        let algorithm = match &*language {
            "ar" => Algorithm::Arabic,
            "da" => Algorithm::Danish,
            "de" => Algorithm::German,
            "el" => Algorithm::Greek,
            "en" => Algorithm::English,
            "es" => Algorithm::Spanish,
            "fi" => Algorithm::Finnish,
            "fr" => Algorithm::French,
            "hu" => Algorithm::Hungarian,
            "it" => Algorithm::Italian,
            "nl" => Algorithm::Dutch,
            "no" => Algorithm::Norwegian,
            "pt" => Algorithm::Portuguese,
            "ro" => Algorithm::Romanian,
            "ru" => Algorithm::Russian,
            "sv" => Algorithm::Swedish,
            "ta" => Algorithm::Tamil,
            "tr" => Algorithm::Turkish,
            _ => return Self { stop, stemmer: None },
        };
        Self { stop, stemmer: Some(Stemmer::create(algorithm)) }
    }

    /// The form under which a word is counted.
    #[must_use]
    pub fn key(&self, word: &str) -> String {
        self.stem(&folded(word)).into_owned()
    }

    /// A word in lower case without its ending.
    #[must_use]
    pub fn stem<'a>(&self, lower: &'a str) -> Cow<'a, str> {
        self.stemmer.as_ref().map_or(Cow::Borrowed(lower), |stemmer| stemmer.stem(lower))
    }

    /// Whether a word says nothing by itself.
    #[must_use]
    pub fn is_stop(&self, word: &str) -> bool {
        self.is_stop_folded(&folded(word))
    }

    /// The form under which a word is counted, and whether it says nothing by itself.
    #[must_use]
    pub fn read(&self, word: &str) -> (String, bool) {
        let lower = folded(word);
        (self.stem(&lower).into_owned(), self.is_stop_folded(&lower))
    }

    fn is_stop_folded(&self, lower: &str) -> bool {
        let mut letters = lower.chars();
        let is_short = letters.next().is_some_and(|first| !is_unspaced(first)) && letters.next().is_none();
        is_short || !lower.contains(char::is_alphabetic) || lower.chars().all(is_hiragana) || self.is_listed(lower)
    }

    /// Whether the list of stop words has a word in lower case.
    #[must_use]
    pub fn is_listed(&self, word: &str) -> bool {
        self.stop.contains(word)
    }
}

/// A word in lower case, with the apostrophe that lists of words have.
fn folded(word: &str) -> String {
    let lower = word.to_lowercase();
    if lower.contains('’') { lower.replace('’', "'") } else { lower }
}
