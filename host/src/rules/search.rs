//! What a search looks for, and which of two rankings counts how much.
//!
//! Words are looked for in any form that the index folds together; `"a phrase"` must be there as it is, and `-word`
//! must not. Without either, passages that are near in meaning are ranked as well, and both rankings are fused: the scores of
//! each are spread between 0, its last, and 1, its first, and seven tenths of the one by words are added to three of the other.
//! That and how deep rankings are looked at was chosen on the development half of the task in `docs/embedding.md`, where
//! fusion by ranks alone (reciprocal rank fusion, k = 60) found less than words do.
//! Text in scripts that put no spaces between words is cut into letters on both sides, so that a word of it is a phrase.
//! What this cannot promise: that words are folded rightly in languages other than English.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that are looked for at most.
pub const MAX_WORDS: usize = 1 << 10;
/// Words, phrases and unwanted words at most, each; the others are not looked for.
pub const MAX_TERMS: usize = 64;
/// What the ranking by words counts, and that by meaning.
pub const SHARES: (f64, f64) = (0.7, 0.3);
/// Entries of each ranking that are looked at.
pub const DEPTH: u32 = 100;
/// Letters of a snippet at most.
pub const SNIPPET: usize = 240;

/// Which rankings count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Both.
    #[default]
    Hybrid,
    /// That by words.
    Words,
    /// That by meaning.
    Vectors,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    wanted: Vec<String>,
    phrases: Vec<String>,
    unwanted: Vec<String>,
}

/// Why a search cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is nothing that could be found.
    #[error("there is nothing to look for in {0:?}: give a word that documents may hold")]
    Nothing(String),
    /// Too much.
    #[error("{0} bytes to look for: at most {MAX_WORDS} are")]
    Long(usize),
}

impl Query {
    /// Read what somebody typed.
    ///
    /// # Errors
    /// There is nothing in it, or too much.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > MAX_WORDS {
            return Err(QueryError::Long(text.len()));
        }
        let mut query = Self::default();
        // Quotes come in pairs; one that is alone is a letter like others.
        let parts: Vec<&str> = text.split('"').collect();
        for (at, part) in parts.iter().enumerate() {
            let is_quoted = at % 2 == 1 && at + 1 < parts.len();
            if is_quoted {
                push(&mut query.phrases, part);
            } else {
                part.split_whitespace().for_each(|word| query.word(word));
            }
        }
        if query.wanted.is_empty() && query.phrases.is_empty() {
            return Err(QueryError::Nothing(text.to_owned()));
        }
        Ok(query)
    }

    fn word(&mut self, word: &str) {
        let (list, word) = match word.strip_prefix('-') {
            Some(word) => (&mut self.unwanted, word),
            None => (&mut self.wanted, word),
        };
        push(list, word);
    }

    /// Whether it says exactly what must and must not be there, so that nearness in meaning is no answer.
    pub fn is_exact(&self) -> bool {
        !self.phrases.is_empty() || !self.unwanted.is_empty()
    }

    /// The words and phrases that it looks for, in lower case.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().chain(&self.phrases).map(String::as_str)
    }

    /// Its words, which may be common ones.
    pub fn words(&self) -> &[String] {
        &self.wanted
    }

    /// As the index wants it (FTS5). Common words are left out if others remain: they rank nothing and cost most.
    pub fn expression(&self, common: &BTreeSet<String>) -> String {
        let rare: Vec<&String> = self.wanted.iter().filter(|word| !common.contains(word.as_str())).collect();
        let wanted = if rare.is_empty() && self.phrases.is_empty() { self.wanted.iter().collect() } else { rare };
        let any = joined(wanted.into_iter().chain(&self.phrases), " OR ");
        let mut expression = format!("({any})");
        if !self.phrases.is_empty() {
            expression = format!("({}) AND {expression}", joined(self.phrases.iter(), " AND "));
        }
        if !self.unwanted.is_empty() {
            expression = format!("({expression}) NOT ({})", joined(self.unwanted.iter(), " OR "));
        }
        expression
    }
}

/// One more term, if there is room and it is not there.
fn push(list: &mut Vec<String>, text: &str) {
    if let Some(term) = term(text)
        && list.len() < MAX_TERMS
        && !list.contains(&term)
    {
        list.push(term);
    }
}

fn joined<'a>(terms: impl Iterator<Item = &'a String>, between: &str) -> String {
    terms.map(|term| format!("\"{term}\"")).collect::<Vec<_>>().join(between)
}

/// A term in the form that is looked for, or nothing if there is no letter in it.
fn term(text: &str) -> Option<String> {
    let lower: String = spaced(&text.to_lowercase()).chars().filter(|c| *c != '"' && *c != '\0').collect();
    let term = lower.trim_matches(|c: char| !c.is_alphanumeric());
    (!term.is_empty()).then(|| term.to_owned())
}

/// A text in which the letters of scripts without spaces stand alone.
pub fn spaced(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unspaced) {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len() * 2);
    let mut was_unspaced = false;
    for letter in text.chars() {
        let is_unspaced = is_unspaced(letter);
        if is_unspaced || was_unspaced {
            spaced.push(' ');
        }
        spaced.push(letter);
        was_unspaced = is_unspaced;
    }
    Cow::Owned(spaced)
}

/// Han, Hiragana and Katakana, Thai, Lao, Burmese, Khmer: blocks of the Unicode Standard.
fn is_unspaced(letter: char) -> bool {
    matches!(u32::from(letter),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// One ranking out of several, each the best first, with its weight; equal scores in the order of the keys. One that is
/// shorter than it might be ends with all that there is, so its last is worth something: it is spread from 0.
pub fn fuse<T: Ord + Copy>(rankings: &[(f64, &[(T, f64)])], depth: usize) -> Vec<(T, f64)> {
    let mut scores: BTreeMap<T, f64> = BTreeMap::new();
    for (weight, ranking) in rankings {
        let (Some((_, first)), Some((_, last))) = (ranking.first(), ranking.last()) else { continue };
        let last = if ranking.len() < depth { last.min(0.0) } else { *last };
        let spread = first - last;
        let mut seen = BTreeSet::new();
        for (key, score) in ranking.iter().filter(|(key, _)| seen.insert(*key)) {
            let part = if spread > 0.0 { (score - last) / spread } else { 1.0 };
            *scores.entry(*key).or_default() += weight * part;
        }
    }
    let mut fused: Vec<(T, f64)> = scores.into_iter().collect();
    fused.sort_by(|one, other| other.1.total_cmp(&one.1));
    fused
}

/// The part of a text that holds most of the terms, in one line.
pub fn snippet(text: &str, query: &Query) -> String {
    let words: Vec<(usize, usize)> = word_places(text);
    let stems: Vec<&str> = query.terms().flat_map(str::split_whitespace).map(stem).collect();
    let lower: Vec<String> = words.iter().map(|(start, end)| text[*start..*end].to_lowercase()).collect();
    let hits: Vec<Option<usize>> =
        lower.iter().map(|word| stems.iter().position(|stem| word.starts_with(stem))).collect();
    let mut best = (0, 0);
    for from in 0..words.len() {
        if from > 0 && hits[from].is_none() {
            continue;
        }
        let distinct: BTreeSet<usize> = reach(text, &words, from).filter_map(|at| hits[at]).collect();
        if distinct.len() > best.0 {
            best = (distinct.len(), from);
        }
    }
    // A few words before the first hit, so that it can be read.
    let from = if best.1 < 6 { 0 } else { best.1 - 5 };
    let Some(last) = reach(text, &words, from).last() else { return String::new() };
    let (start, end) = (if from == 0 { 0 } else { words[from].0 }, words[last].1);
    let end = if last + 1 == words.len() { text.len() } else { end };
    let line = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (if start > 0 { "… " } else { "" }, if end < text.len() { " …" } else { "" });
    format!("{before}{line}{after}")
}

/// The words that a snippet beginning with this one holds.
fn reach<'a>(text: &str, words: &'a [(usize, usize)], from: usize) -> impl Iterator<Item = usize> + use<'a> {
    let start = words.get(from).map_or(0, |(start, _)| *start);
    let most = text[start..].char_indices().nth(SNIPPET).map_or(text.len(), |(at, _)| start + at);
    (from..words.len()).take_while(move |at| *at == from || words[*at].1 <= most)
}

/// Where words lie; those of scripts without spaces letter by letter, and longer ones in parts.
fn word_places(text: &str) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut letters = 0;
    let mut is_open = false;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        let goes_on = letter.is_alphanumeric() && !is_unspaced(letter) && letters < SNIPPET / 4;
        match places.last_mut().filter(|_| is_open && goes_on) {
            Some(last) => {
                last.1 = end;
                letters += 1;
            }
            None if letter.is_alphanumeric() => {
                places.push((at, end));
                letters = 1;
            }
            None => {}
        }
        is_open = letter.is_alphanumeric() && !is_unspaced(letter);
    }
    places
}

/// What the forms of a word begin with: all but its last two letters, four at least.
fn stem(word: &str) -> &str {
    let letters = word.chars().count();
    let kept = letters.saturating_sub(2).max(4.min(letters));
    word.char_indices().nth(kept).map_or(word, |(at, _)| &word[..at])
}
