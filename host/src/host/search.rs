//! Search: find documents, make the index anew.

use super::job::MAX_PAGE;
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::rules::retrieve::Scope;
pub use crate::rules::search::Mode;
use crate::rules::search::{Query, QueryError, snippet};
use crate::service::search::{self, Ask, SearchError};
pub use crate::store::search::Size;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Documents that can be paged through at most.
pub const MAX_FOUND: u32 = 200;

/// Find documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchFind {
    /// What to look for: words, `"phrases"`, `-unwanted` words.
    pub words: String,
    /// Which rankings count.
    #[serde(default)]
    pub mode: Mode,
    /// Only these subjects.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Only documents whose source begins so.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Only documents with one of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How many to pass over: the `next` of the page before.
    #[serde(default)]
    pub after: u32,
    /// How many at most.
    pub limit: u32,
}

/// A page of documents, the best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The documents.
    pub items: Vec<Document>,
    /// Where the next page begins.
    pub next: Option<u32>,
    /// Why a ranking is missing.
    pub note: Option<String>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The subject's id.
    pub subject: String,
    /// Its title, or empty.
    pub title: String,
    /// Its address.
    pub url: String,
    /// Its language, or empty.
    pub language: String,
    /// The headings above the passage that answers best.
    pub heading: String,
    /// The part of that passage that holds most of the words.
    pub snippet: String,
    /// Where that passage begins in `document.md`, in bytes.
    pub start: i64,
    /// Where it ends.
    pub end: i64,
    /// How well it answers; comparable within one answer only.
    pub score: f64,
    /// The document's rank by words, from 1.
    pub by_words: Option<usize>,
    /// Its rank by meaning.
    pub by_meaning: Option<usize>,
}

impl Verb for SearchFind {
    const ROUTE: &'static str = "search/find";
    type Reply = Results;

    async fn call(self, host: &Host) -> Result<Results, Refusal> {
        if !(1..=MAX_PAGE.min(MAX_FOUND)).contains(&self.limit) {
            let most = MAX_PAGE.min(MAX_FOUND);
            return Err(Refusal::usage(format!("limit {} is none: 1 to {most} documents are shown", self.limit)));
        }
        let query = Query::parse(&self.words).map_err(|error| Refusal::usage(error.to_string()))?;
        let scope = Scope { subjects: self.subjects, sources: self.sources, tags: self.tags };
        scope.check().map_err(|error| Refusal::usage(error.to_string()))?;
        let (after, limit) = (usize::try_from(self.after).unwrap_or(0), usize::try_from(self.limit).unwrap_or(0));
        let most = usize::try_from(MAX_FOUND).unwrap_or(usize::MAX);
        let ask = Ask { query, text: self.words, scope, mode: self.mode, limit: (after + limit + 1).min(most) };
        let runtime = host.working().await?;
        let answer = search::documents(runtime, &ask).await?;
        let next = (answer.hits.len() > after + limit).then(|| self.after + self.limit);
        let items = answer.hits.into_iter().skip(after).take(limit).map(|hit| {
            let snippet = snippet(&hit.found.text, &ask.query);
            let found = hit.found;
            Document {
                subject: found.subject,
                title: found.title,
                url: found.url,
                language: found.language,
                heading: found.heading,
                snippet,
                start: found.start,
                end: found.stop,
                score: hit.score,
                by_words: hit.words,
                by_meaning: hit.vectors,
            }
        });
        Ok(Results { items: items.collect(), next, note: answer.note })
    }
}

/// Make the index anew from what is published.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRebuild {}

/// What the index holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// How much there is in it.
    #[serde(flatten)]
    pub size: Size,
    /// How long it took (ms).
    pub took_ms: u64,
}

impl Verb for SearchRebuild {
    const ROUTE: &'static str = "search/rebuild";
    type Reply = Rebuilt;

    async fn call(self, host: &Host) -> Result<Rebuilt, Refusal> {
        let begun = Instant::now();
        let runtime = host.working().await?;
        let size = search::rebuild(runtime).await?;
        Ok(Rebuilt { size, took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) })
    }
}

impl From<SearchError> for Refusal {
    fn from(error: SearchError) -> Self {
        match &error {
            SearchError::Query(QueryError::Nothing(_) | QueryError::Long(_)) => Self::usage(error.to_string()),
            SearchError::Index(_) | SearchError::Meaning(_) => Self::failed(error.to_string()),
        }
    }
}
