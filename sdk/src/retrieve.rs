//! Search over what the library holds.
//!
//! The host searches what the handlers of kind `index` made of every document, by words and, where there are
//! vectors, by meaning. Needs [`Asks::retrieve`](crate::Asks::retrieve) and the grant for it, which is one to
//! read every document of the library.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Failure, desk};

/// Where to look. An empty list does not narrow; those that are not empty all do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Only these subjects, by their ids.
    pub subjects: Vec<String>,
    /// Only documents whose source begins with one of these.
    pub sources: Vec<String>,
    /// Only documents that carry one of these tags.
    pub tags: Vec<String>,
}

/// A piece of a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// The subject's id.
    pub subject: String,
    /// The title of the document, or empty.
    pub title: String,
    /// Its address.
    pub url: String,
    /// The headings above the passage, or empty.
    pub heading: String,
    /// Where it begins in `document.md` of the subject, in bytes.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Its text.
    pub text: String,
    /// How well it answers; comparable within one answer only.
    pub score: f64,
}

pub(crate) fn search(words: &str, scope: &Scope, limit: u32) -> Result<Vec<Passage>, Failure> {
    desk::search(words, scope, limit)
}
