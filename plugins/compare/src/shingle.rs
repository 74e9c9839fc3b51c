//! The measure: how much of the marked text is in an answer, and how much of an
//! answer is in the marked text.
//!
//! Both texts become lower-case words, the words become overlapping runs of
//! four, and the runs are compared as multisets. Runs of four notice a lost
//! paragraph, a doubled one and a broken order, which single words do not.
//!
//! What it cannot promise: it does not see structure. A heading that became a
//! paragraph counts as right.

use std::collections::HashMap;

/// Words in one run.
const RUN: usize = 4;

/// Splits a text into lower-case words. Letters of scripts that are written
/// without spaces count as one word each.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        let alone = is_unspaced(letter);
        if (alone || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if alone {
            words.push(letter.to_string());
        } else if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a letter belongs to a script without spaces between words: Thai,
/// kana, and the Han blocks of the basic plane.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// F1 of `answer` against `marked`, from 0 to 1. Texts shorter than a run are
/// compared as one run; two empty texts agree.
#[must_use]
pub fn f1(marked: &str, answer: &str) -> f64 {
    let (marked, answer) = (words(marked), words(answer));
    let run = RUN.min(marked.len()).max(1);
    let (wanted, given) = (runs(&marked, run), runs(&answer, run));
    let (wanted_sum, given_sum) = (total(&wanted), total(&given));
    if wanted_sum + given_sum == 0 {
        return 1.0;
    }
    let shared: usize = wanted.iter().map(|(key, count)| (*count).min(given.get(key).copied().unwrap_or(0))).sum();
    2.0 * shared as f64 / (wanted_sum + given_sum) as f64
}

fn runs(words: &[String], run: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for window in words.windows(run) {
        *counts.entry(window).or_insert(0) += 1;
    }
    counts
}

fn total(counts: &HashMap<&[String], usize>) -> usize {
    counts.values().sum()
}

#[cfg(test)]
mod tests {
    use super::{f1, words};

    #[test]
    fn equal_texts_agree_whatever_their_punctuation() {
        assert!((f1("One two, three four five!", "one two three *four* five") - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_lost_half_costs_recall() {
        let whole = "a b c d e f g h i j k";
        let score = f1(whole, "a b c d e f");
        assert!((score - 6.0 / 11.0).abs() < 1e-9, "{score}");
    }

    #[test]
    fn unspaced_scripts_split_by_letter() {
        assert_eq!(words("東京 2024年"), ["東", "京", "2024", "年"]);
    }

    #[test]
    fn empty_against_something_is_zero() {
        assert!(f1("some words are here", "").abs() < 1e-9);
    }
}
