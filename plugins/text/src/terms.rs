//! What texts are compared by: their words without the frequent ones, brought to their stems.
//!
//! Words are those of UAX #29 in lower case. Where the language of the document is known, its stop words fall away
//! (stopwords-iso) and Snowball's algorithm takes the endings off. Scripts without spaces are compared by runs of
//! letters: two for Han and kana, three for Thai, Lao, Khmer and Burmese; a pair of hiragana is grammar more often
//! than not and falls away like a stop word.
//!
//! What it cannot promise: a run of letters is no word, and a language without a list keeps its frequent words;
//! what stands in most sentences counts for little all the same.

use std::collections::HashSet;

use crate::lexicon::Lexicon;
use crate::word::words;

/// How the words of one language become terms.
pub struct Terms(Lexicon);

impl Terms {
    /// For a BCP 47 tag; an unknown or empty one has neither stop words nor stems.
    #[must_use]
    pub fn of(language: &str) -> Self {
        Self(Lexicon::of(language))
    }

    /// The terms of a text, in their order.
    pub fn each(&self, text: &str, mut take: impl FnMut(&str)) {
        let mut run = Vec::new();
        for word in words(text) {
            match unspaced(word) {
                Some(length) => run.push((word, length)),
                None => {
                    grams(&mut run, &mut take);
                    self.word(word, &mut take);
                }
            }
        }
        grams(&mut run, &mut take);
    }

    /// The terms of a text, each once.
    #[must_use]
    pub fn set(&self, text: &str) -> HashSet<String> {
        let mut set = HashSet::new();
        self.each(text, |term| _ = set.insert(term.to_owned()));
        set
    }

    /// The words of a text that become terms, each behind its term; none of scripts without spaces.
    #[must_use]
    pub fn content<'a>(&self, text: &'a str) -> Vec<(String, &'a str)> {
        let mut content = Vec::new();
        for word in words(text).filter(|word| unspaced(word).is_none()) {
            self.word(word, &mut |term: &str| content.push((term.to_owned(), word)));
        }
        content
    }

    fn word(&self, word: &str, take: &mut impl FnMut(&str)) {
        let word = word.to_lowercase();
        if !self.0.is_listed(&word) {
            take(&self.0.stem(&word));
        }
    }
}

/// The runs of letters of pieces that stand beside each other in the text.
fn grams(run: &mut Vec<(&str, usize)>, take: &mut impl FnMut(&str)) {
    for beside in run.chunk_by(|(word, _), (next, _)| std::ptr::eq(word.as_bytes().as_ptr_range().end, next.as_ptr())) {
        let length = beside.iter().map(|(_, length)| *length).max().unwrap_or(1);
        let letters: Vec<char> = beside.iter().flat_map(|(word, _)| word.chars()).collect();
        for gram in letters.windows(length.min(letters.len()).max(1)) {
            if !gram.iter().all(|letter| matches!(letter, '\u{3041}'..='\u{309f}')) {
                take(&gram.iter().collect::<String>());
            }
        }
    }
    run.clear();
}

/// How long the runs of letters of this word's script are, if it puts no spaces between words.
fn unspaced(word: &str) -> Option<usize> {
    match word.chars().next()? {
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Some(3),
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Some(2)
        }
        _ => None,
    }
}
