//! What is asked.

use std::collections::HashMap;

use anyhow::{Context, Result};

use crate::corpus::{Half, Page, digest, half_of};

/// Questions as people ask them.
const PARAPHRASES: &str = include_str!("../questions.txt");

/// How many words a title or a sentence needs to be a question.
const TITLE_WORDS: usize = 2;
const SENTENCE_WORDS: usize = 6;

/// How many questions of a set and a half are asked at most: those of the pages that come first.
const MOST: usize = 250;

/// What kind of question it is, and with it which index is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// The title of a page; title and first sentence are not indexed.
    Title,
    /// Its first sentence; title and first sentence are not indexed.
    Sentence,
    /// A question in other words; the whole page is indexed.
    Paraphrase,
}

/// A question and the pages that answer it.
pub struct Question {
    /// Its set.
    pub set: Set,
    /// Its half.
    pub half: Half,
    /// Its words.
    pub text: String,
    /// The pages that are right, by their place; one of them is enough.
    pub right: Vec<usize>,
}

/// The paraphrases, as pages and text.
///
/// # Errors
///
/// When a line has no tab.
pub fn paraphrases() -> Result<Vec<(Vec<&'static str>, &'static str)>> {
    let lines = PARAPHRASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (pages, text) = line.split_once('\t').with_context(|| format!("`{line}` has no tab"))?;
            Ok((pages.split('|').collect(), text))
        })
        .collect()
}

/// All questions about these pages. What two pages would be asked in the same words is not asked.
///
/// # Errors
///
/// When a paraphrase is about a page that is not there.
pub fn all(pages: &[Page]) -> Result<Vec<Question>> {
    let mut questions = taken(pages, Set::Title, TITLE_WORDS, |page| &page.title);
    questions.extend(taken(pages, Set::Sentence, SENTENCE_WORDS, |page| &page.sentence));
    for (wanted, text) in paraphrases()? {
        let right: Vec<usize> = (0..pages.len()).filter(|at| wanted.contains(&pages[*at].path.as_str())).collect();
        let first = wanted.first().copied().unwrap_or_default();
        anyhow::ensure!(!right.is_empty(), "`{first}` is no page, or none with text");
        questions.push(Question { set: Set::Paraphrase, half: half_of(first), text: text.to_owned(), right });
    }
    Ok(questions)
}

fn taken(pages: &[Page], set: Set, words: usize, text: fn(&Page) -> &String) -> Vec<Question> {
    let mut asked: HashMap<&str, usize> = HashMap::new();
    for page in pages {
        *asked.entry(text(page)).or_default() += 1;
    }
    let mut order: Vec<usize> = (0..pages.len()).collect();
    order.sort_by_key(|at| digest(&pages[*at].path));
    let mut left = HashMap::from([(true, MOST), (false, MOST)]);
    let mut questions = Vec::new();
    for at in order {
        let page = &pages[at];
        let text = text(page);
        let room = left.entry(page.half == Half::Development).or_default();
        if asked[text.as_str()] == 1 && capstan_text::count(text) >= words && *room > 0 {
            *room -= 1;
            questions.push(Question { set, half: page.half, text: text.clone(), right: vec![at] });
        }
    }
    questions
}
