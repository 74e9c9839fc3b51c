//! Sentences, by Unicode's rules and a list of abbreviations.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::block::{Block, Shape};
use crate::word::count;

/// What ends in a full stop without ending a sentence, in lower case: English, German, French, Spanish, Italian,
/// Dutch, Portuguese.
const ABBREVIATIONS: [&str; 62] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "cf", "al", "fig", "figs", "eq",
    "no", "nos", "vol", "pp", "p", "ch", "sec", "ed", "eds", "inc", "ltd", "co", "corp", "approx", "dept", "est",
    "gen", "col", "lt", "sgt", "rev", "hon", "z.b", "d.h", "u.a", "bzw", "usw", "ca", "nr", "abb", "bspw", "vgl",
    "evtl", "ggf", "mme", "mlle", "m", "sra", "dra", "sig", "dott", "dhr", "mevr", "exmo", "av",
];

/// A sentence of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Where it lies in the file, in bytes.
    pub range: Range<usize>,
    /// Its text without marks.
    pub text: String,
    /// Which block it is in, by its place in [`Document::blocks`](crate::Document::blocks).
    pub block: usize,
}

/// The sentences of the prose among these blocks; a sentence names its block by the place in the list.
#[must_use]
pub fn sentences(blocks: &[Block]) -> Vec<Sentence> {
    blocks.iter().enumerate().flat_map(|(at, block)| of_block(block, at)).collect()
}

/// The sentences of a block of prose.
fn of_block(block: &Block, at: usize) -> Vec<Sentence> {
    if block.shape != Shape::Prose {
        return Vec::new();
    }
    cut(&block.text)
        .into_iter()
        .map(|range| Sentence { range: block.place(range.clone()), text: block.text[range].to_owned(), block: at })
        .collect()
}

/// Where the sentences of a plain text lie, such as that of a [`Passage`](crate::Passage). One ends at the end of
/// its line.
#[must_use]
pub fn sentence_ranges(text: &str) -> Vec<Range<usize>> {
    let start = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    let of = |line| cut(line).into_iter().map(move |at| start(line) + at.start..start(line) + at.end);
    text.lines().flat_map(of).collect()
}

/// What ends a sentence in some script.
const STOPS: [char; 16] = ['.', '!', '?', '…', '。', '．', '！', '？', '।', '॥', '։', '۔', '؟', '።', '។', '။'];
/// What may close behind that.
const CLOSING: [char; 10] = ['"', '\'', ')', ']', '”', '’', '»', '«', '」', '』'];

/// Whether a sentence of a plain text can be read alone, and is none of code or of a table: it has 5 to 80 words
/// (letters of scripts without spaces count as words), begins with a letter that is not lower-case, a number or what
/// opens before them, ends as sentences end (not so in Thai and Lao), has no tab, and four fifths of it are letters,
/// numbers and spaces.
#[must_use]
pub fn is_prose(sentence: &str) -> bool {
    let letters = sentence.chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace()).count();
    let is_text = letters * 5 >= sentence.chars().count() * 4 && !sentence.contains('\t');
    let opens = |first: char| (first.is_alphanumeric() && !first.is_lowercase()) || "\"'(“‘„«»「『¿¡".contains(first);
    let ends = |last: char| STOPS.contains(&last) || matches!(last, '\u{e00}'..='\u{eff}');
    let last = sentence.trim_end_matches(CLOSING);
    is_text && sentence.starts_with(opens) && last.ends_with(ends) && (5..=80).contains(&count(sentence))
}

/// Whether a sentence asks something, by the mark at its end.
#[must_use]
pub fn is_question(sentence: &str) -> bool {
    sentence.trim_end_matches(CLOSING).ends_with(['?', '？', '؟'])
}

/// Where the sentences of a text lie, without the spaces around them.
pub(crate) fn cut(text: &str) -> Vec<Range<usize>> {
    let mut sentences: Vec<Range<usize>> = Vec::new();
    let mut is_open = false;
    for (start, piece) in text.split_sentence_bound_indices() {
        let end = start + piece.trim_end().len();
        let start = start + piece.len() - piece.trim_start().len();
        if start >= end {
            continue;
        }
        match sentences.last_mut().filter(|_| is_open) {
            Some(last) => last.end = end,
            None => sentences.push(start..end),
        }
        is_open = is_abbreviated(&text[start..end]);
    }
    sentences.into_iter().flat_map(|sentence| at_spaces(text, sentence)).collect()
}

/// Thai and Lao put a space where others put a full stop or a comma. So what has so many letters and is not too
/// near the end is cut there.
const SPACED: usize = 60;

fn at_spaces(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let is_spaced = |letter: char| matches!(letter, '\u{e00}'..='\u{eff}');
    let mut parts = Vec::new();
    let (mut start, mut letters) = (sentence.start, 0);
    let mut left = text[sentence.clone()].chars().filter(|letter| is_spaced(*letter)).count();
    for (at, letter) in text[sentence.clone()].char_indices() {
        let here = sentence.start + at;
        if is_spaced(letter) {
            (letters, left) = (letters + 1, left - 1);
        } else if letter.is_whitespace() && letters >= SPACED && left >= SPACED / 2 {
            parts.push(start..here);
            (start, letters) = (here + letter.len_utf8(), 0);
        }
    }
    parts.push(start..sentence.end);
    parts.retain_mut(|part| {
        part.start += text[part.clone()].len() - text[part.clone()].trim_start().len();
        part.end = part.start + text[part.clone()].trim_end().len();
        part.start < part.end
    });
    parts
}

/// Whether a piece ends in an abbreviation or an initial, so that the sentence goes on.
fn is_abbreviated(piece: &str) -> bool {
    let Some(before) = piece.strip_suffix('.') else { return false };
    let last = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let mut letters = last.chars();
    let is_initial =
        matches!((letters.next(), letters.next()), (Some(only), None) if only.is_uppercase() && only != 'I');
    is_initial || ABBREVIATIONS.contains(&last.to_lowercase().as_str())
}
