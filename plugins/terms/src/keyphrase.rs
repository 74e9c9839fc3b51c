//! Keyphrases: rows of words between stop words that come often and are made of words that come often.
//!
//! In the family of RAKE (Rose and others 2010), which takes what stands between stop words and adds up what its words
//! weigh. Here a word weighs as often as it comes; a phrase weighs `sum of its words / words^0.3 * sqrt(how often it
//! comes)`, so that a long row has to come more than once. A stop word may stand inside a phrase that comes twice
//! (`aceite de oliva`). Where no spaces are written, phrases are rows of letters that come twice, or that stand alone
//! between other scripts, kana and signs. Words are compared by their stems, where there is a stemmer for the language.
//!
//! What it cannot promise: it knows no grammar, so a verb that comes often is given as well, and a compound of a
//! language without spaces may be cut in the wrong place.

use rustc_hash::FxHashMap;

use capstan_text::Block;
use schemars::JsonSchema;
use serde::Serialize;

use crate::text::{Text, Token};

/// How many words a phrase has at most, and how many letters of a script without spaces; chosen, not measured.
const LONGEST: (usize, usize) = (3, 6);

/// The power of the number of words by which their sum is divided; 0.3 was best of 0, 0.3, 0.5, 0.6 and 1.
const LENGTH: f64 = 0.3;

/// A part of a phrase that was taken is taken too when it comes this many times as often; best of 1, 2, 3 and 4.
const OFTENER: u32 = 3;

/// A phrase that tells what a document is about.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Keyphrase {
    /// As it is written where it comes first.
    pub text: String,
    /// How much it weighs, as a share of what the best one weighs.
    pub score: f64,
    /// How often it comes, in any inflection that the stemmer of the language knows.
    pub count: u32,
    /// Where it comes first, in bytes of `document.md`.
    pub start: usize,
    /// Where that ends.
    pub end: usize,
}

/// A row of words, by its first place, and how often it comes.
#[derive(Clone, Copy)]
struct Row {
    first: u32,
    length: u32,
    count: u32,
}

impl Row {
    fn of(self, tokens: &[Token]) -> &[Token] {
        let first = self.first as usize;
        tokens.get(first..first + self.length as usize).unwrap_or_default()
    }
}

/// The `most` best phrases.
#[must_use]
pub fn keyphrases(text: &Text, blocks: &[Block], most: usize) -> Vec<Keyphrase> {
    let mut counts = vec![0_u32; text.forms()];
    text.tokens.iter().for_each(|token| counts[token.id as usize] += 1);
    let rows = rows(&text.tokens).into_iter().filter(|row| is_phrase(&text.tokens, *row));
    let mut weighed: Vec<(f64, Row)> = rows.map(|row| (weight(row, row.of(&text.tokens), &counts), row)).collect();
    weighed
        .sort_by(|(a, one), (b, other)| b.total_cmp(a).then((one.first, one.length).cmp(&(other.first, other.length))));
    let best = weighed.first().map_or(1.0, |(weight, _)| *weight);
    let mut chosen: Vec<(f64, Row)> = Vec::new();
    for (weight, row) in weighed {
        if chosen.len() == most {
            break;
        }
        if !chosen.iter().any(|(_, taken)| covers(&text.tokens, *taken, row)) {
            chosen.push((weight / best, row));
        }
    }
    chosen.into_iter().filter_map(|(score, row)| keyphrase(row.count, score, row.of(&text.tokens), blocks)).collect()
}

/// Every row that begins and ends with a word that says something, by what its numbers add up to.
fn rows(tokens: &[Token]) -> Vec<Row> {
    let mut rows: FxHashMap<u64, Row> = FxHashMap::default();
    for (first, start) in (0_u32..).zip(tokens).filter(|(_, token)| !token.is_stop) {
        let (longest, shortest) = if start.is_letter { (LONGEST.1, 2) } else { (LONGEST.0, 1) };
        // FNV-1a (Fowler, Noll and Vo) over the numbers, turned so that the high bits count as well.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (length, token) in (1..).zip(tokens.iter().skip(first as usize).take(longest)) {
            let goes_on = length == 1 || (token.is_joined && !(token.is_letter && token.is_stop));
            if !goes_on {
                break;
            }
            hash = (hash ^ u64::from(token.id)).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
            if length >= shortest && !token.is_stop {
                rows.entry(hash).or_insert(Row { first, length, count: 0 }).count += 1;
            }
        }
    }
    rows.into_values().collect()
}

/// Whether a row that comes once may be a phrase: one without stop words, or of letters that stand alone.
fn is_phrase(tokens: &[Token], row: Row) -> bool {
    let words = row.of(tokens);
    let end = (row.first + row.length) as usize;
    let before = (row.first as usize).checked_sub(1).and_then(|at| tokens.get(at));
    let is_free = |place: Option<&Token>, joint: Option<&Token>| {
        place.is_none_or(|token| token.is_stop) || joint.is_none_or(|token| !token.is_joined)
    };
    let is_alone = || is_free(before, words.first()) && is_free(tokens.get(end), tokens.get(end));
    row.count > 1
        || (words.iter().all(|word| !word.is_stop) && (!words.iter().any(|word| word.is_letter) || is_alone()))
}

fn weight(row: Row, words: &[Token], counts: &[u32]) -> f64 {
    let count = f64::from(row.count);
    if words.iter().any(|word| word.is_letter) {
        return count * words.len() as f64;
    }
    let own = words.iter().filter(|word| !word.is_stop).map(|word| f64::from(counts[word.id as usize]));
    let number = own.clone().count().max(1) as f64;
    own.sum::<f64>() / number.powf(LENGTH) * count.sqrt()
}

/// Whether a phrase that was taken says what another would say.
fn covers(tokens: &[Token], taken: Row, other: Row) -> bool {
    let (taken_words, words) = (taken.of(tokens), other.of(tokens));
    let is_in = |short: &[Token], long: &[Token]| {
        long.windows(short.len()).any(|part| part.iter().map(|word| word.id).eq(short.iter().map(|word| word.id)))
    };
    if is_in(words, taken_words) {
        return other.count < OFTENER * taken.count;
    }
    if is_in(taken_words, words) {
        return other.count < 2;
    }
    let shared = words.iter().filter(|word| word.is_letter && taken_words.iter().any(|taken| taken.id == word.id));
    shared.count() * 2 > words.len()
}

fn keyphrase(count: u32, score: f64, words: &[Token], blocks: &[Block]) -> Option<Keyphrase> {
    let (first, last) = (words.first()?, words.last()?);
    let block = blocks.get(first.block as usize)?;
    let range = first.start as usize..last.end as usize;
    let place = block.place(range.clone());
    let text = block.text.get(range)?.to_owned();
    Some(Keyphrase { text, score: (score * 1000.0).round() / 1000.0, count, start: place.start, end: place.end })
}
