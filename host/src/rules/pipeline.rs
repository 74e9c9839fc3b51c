//! Which kinds follow which.
//!
//! A graph of kinds from the configuration. When a job of a kind completes, one
//! job about the same subject is queued for each kind that follows it, in the
//! same transaction. If the job made nothing new, only those follow whose own
//! current generation was made from other inputs, by another handler, or never.

use super::job::Made;
use std::collections::{BTreeMap, BTreeSet};

/// The graph: kind → kinds that follow it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pipeline(BTreeMap<String, Vec<String>>);

/// Why a graph is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// A kind would run for ever.
    #[error("pipeline goes round in a circle through {0:?}: remove one of its edges in [pipeline]")]
    Circle(String),
    /// The same kind is named twice behind another.
    #[error("pipeline names {follower:?} twice behind {kind:?}: name it once in [pipeline]")]
    Twice {
        /// The kind.
        kind: String,
        /// What follows it twice.
        follower: String,
    },
}

/// What is known of a follower's current generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The digest of the handler that made it.
    pub digest: String,
    /// The generation of the preceding kind that it was made from.
    pub made_from: Option<i64>,
}

impl Pipeline {
    /// The graph with these edges, if it is one.
    ///
    /// # Errors
    /// A circle, or an edge that is there twice.
    pub fn new(edges: BTreeMap<String, Vec<String>>) -> Result<Self, PipelineError> {
        for (kind, followers) in &edges {
            let mut seen = BTreeSet::new();
            if let Some(follower) = followers.iter().find(|f| !seen.insert(f.as_str())) {
                return Err(PipelineError::Twice { kind: kind.clone(), follower: follower.clone() });
            }
        }
        let graph = Self(edges);
        match graph.0.keys().find(|kind| graph.after(kind).contains(kind.as_str())) {
            Some(kind) => Err(PipelineError::Circle(kind.clone())),
            None => Ok(graph),
        }
    }

    /// The kinds directly behind a kind.
    pub fn followers(&self, kind: &str) -> &[String] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Every kind that is named.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|(kind, after)| std::iter::once(kind).chain(after)).map(String::as_str).collect()
    }

    fn after(&self, kind: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.followers(kind).iter().map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.followers(next).iter().map(String::as_str));
            }
        }
        seen
    }
}

/// Whether a kind is to run behind one that completed. `input` is the current
/// generation of the completed kind, `digest` the handler that would run.
pub fn follows(made: Made, input: Option<i64>, digest: Option<&str>, standing: Option<&Standing>) -> bool {
    match (made, standing) {
        (Made::Something, _) | (Made::Nothing, None) => true,
        (Made::Nothing, Some(standing)) => {
            standing.made_from != input || digest.is_some_and(|digest| digest != standing.digest)
        }
    }
}
