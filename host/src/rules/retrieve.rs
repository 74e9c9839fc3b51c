//! What a guest may ask the library.

use super::search::MAX_WORDS;

/// Passages in one answer at most.
pub const MAX_PASSAGES: u32 = 50;

/// Where to look. An empty list does not narrow; those that are not empty all do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only these subjects, by their ids.
    pub subjects: Vec<String>,
    /// Only documents whose source begins with one of these.
    pub sources: Vec<String>,
    /// Only documents that carry one of these tags.
    pub tags: Vec<String>,
}

/// Subjects of a scope at most.
pub const MAX_SUBJECTS: usize = 1_000;
/// Sources and tags of a scope at most, each: every document is held against each of them.
pub const MAX_SCOPE: usize = 16;
/// Bytes of one entry of a scope at most.
pub const MAX_ENTRY: usize = 2 << 10;

/// Why a scope is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Too many entries.
    #[error("the scope has {found} {what}: at most {most} narrow")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The most.
        most: usize,
    },
    /// One that is too long.
    #[error("an entry of the scope has {0} bytes: at most {MAX_ENTRY} are compared")]
    Long(usize),
}

impl Scope {
    /// Whether it can be looked through.
    ///
    /// # Errors
    /// It has too many entries, or too long ones.
    pub fn check(&self) -> Result<(), ScopeError> {
        let lists = [
            ("subjects", &self.subjects, MAX_SUBJECTS),
            ("sources", &self.sources, MAX_SCOPE),
            ("tags", &self.tags, MAX_SCOPE),
        ];
        for (what, list, most) in lists {
            if list.len() > most {
                return Err(ScopeError::Many { what, found: list.len(), most });
            }
            if let Some(long) = list.iter().find(|entry| entry.len() > MAX_ENTRY) {
                return Err(ScopeError::Long(long.len()));
            }
        }
        Ok(())
    }
}

/// One look into the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What to look for.
    pub words: String,
    /// Where.
    pub scope: Scope,
    /// How many passages at most.
    pub limit: u32,
}

/// A piece of a document that answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The subject's id.
    pub subject: String,
    /// The title of the document, or empty.
    pub title: String,
    /// Its address.
    pub url: String,
    /// The headings above it, or empty.
    pub heading: String,
    /// Where it begins in the document, in bytes.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Its text.
    pub text: String,
    /// How well it answers.
    pub score: f64,
}

/// Why a guest gets no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It may not ask; the words have the lines that would allow it.
    #[error("{0}")]
    Denied(String),
    /// There is nothing to look for.
    #[error("there is nothing to look for: give some words")]
    Nothing,
    /// Too much of it.
    #[error("{0} bytes of words: at most {MAX_WORDS} are looked for")]
    Long(usize),
    /// No such number of passages.
    #[error("{0} passages: 1 to {MAX_PASSAGES} are given at once")]
    Limit(u32),
    /// A scope that is none.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Too many calls.
    #[error("more than limits.retrievals = {0} searches: put several questions into one, or raise the limit")]
    Many(u64),
    /// The search itself failed.
    #[error("{0}")]
    Other(String),
}

/// Whether a guest that has asked so often may ask this.
///
/// # Errors
/// It may not.
pub fn may_ask(question: &Question, asked: u64, limit: u64) -> Result<(), Refusal> {
    match question {
        _ if asked >= limit => Err(Refusal::Many(limit)),
        Question { words, .. } if words.trim().is_empty() => Err(Refusal::Nothing),
        Question { words, .. } if words.len() > MAX_WORDS => Err(Refusal::Long(words.len())),
        Question { limit, .. } if !(1..=MAX_PASSAGES).contains(limit) => Err(Refusal::Limit(*limit)),
        _ => Ok(question.scope.check()?),
    }
}
