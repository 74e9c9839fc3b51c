//! Searching the library, opened for one attempt.
//!
//! Who opens it gives the way to search; this layer counts and bounds the questions. A
//! handler that may not ask is told which line would allow it.

use super::checkpoint::Answer;
use super::enqueue::Right;
use super::grant::{Ask, Library, hint};
use crate::rules::retrieve::{Passage, Question, Refusal, may_ask};
use std::sync::Arc;

/// The way to search.
pub type Search = Box<dyn Fn(Question) -> Answer<Vec<Passage>> + Send + Sync>;

/// The right to ask, opened for one attempt.
pub struct Retrieve {
    search: Result<Search, Arc<Right>>,
    limit: u64,
    asked: u64,
}

impl Retrieve {
    /// For a handler that may ask so often.
    pub fn open(search: Search, limit: u64) -> Self {
        Self { search: Ok(search), limit, asked: 0 }
    }

    /// For one that may not: it did not ask for it, or it would have been refused as a whole.
    pub fn closed(right: Arc<Right>) -> Self {
        Self { search: Err(right), limit: 0, asked: 0 }
    }

    /// The search to wait for.
    ///
    /// # Errors
    /// It may not ask this.
    pub fn ask(&mut self, question: Question) -> Result<Answer<Vec<Passage>>, Refusal> {
        let search = self.search.as_ref().map_err(|right| Refusal::Denied(denied(right)))?;
        may_ask(&question, self.asked, self.limit)?;
        self.asked += 1;
        Ok(search(question))
    }

    /// How often it asked.
    pub fn asked(&self) -> u64 {
        self.asked
    }
}

/// The words for a question that the handler did not ask to be allowed, with the lines that would allow it.
fn denied(right: &Right) -> String {
    let lines = hint(&right.handler, &right.digest, &Ask { library: Library::Readable, ..right.ask.clone() });
    format!(
        "handler {} searches the library, which it did not ask for; once its `describe` asks for it, \
         this in capstan.toml allows it:\n{lines}",
        right.handler
    )
}

impl std::fmt::Debug for Retrieve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retrieve").field("asked", &self.asked).field("limit", &self.limit).finish_non_exhaustive()
    }
}
