//! What an attempt did, for a test to look at.

use serde_json::Value;

use super::fake::Entry;
use super::folder::Files;
use crate::{Failure, Success};

/// What an attempt did.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub(super) outcome: Result<Success<Value>, Failure>,
    pub(super) outputs: Files,
    pub(super) log: Vec<Entry>,
}

impl Run {
    /// How the attempt ended.
    ///
    /// # Errors
    ///
    /// The handler's failure.
    pub fn outcome(&self) -> Result<&Success<Value>, &Failure> {
        self.outcome.as_ref()
    }

    /// The result, if it ended with [`Success::Done`].
    #[must_use]
    pub fn done(&self) -> Option<&Value> {
        match &self.outcome {
            Ok(Success::Done(result)) => Some(result),
            _ => None,
        }
    }

    /// The result, if it ended with [`Success::Unchanged`].
    #[must_use]
    pub fn unchanged(&self) -> Option<&Value> {
        match &self.outcome {
            Ok(Success::Unchanged(result)) => Some(result),
            _ => None,
        }
    }

    /// The failure, if it ended with one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.outcome.as_ref().err()
    }

    /// The paths of all files in the output, sorted.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.keys().map(String::as_str)
    }

    /// The bytes of a file in the output.
    #[must_use]
    pub fn output(&self, path: &str) -> Option<&[u8]> {
        self.outputs.get(path).map(Vec::as_slice)
    }

    /// A file in the output as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.output(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// What was logged.
    #[must_use]
    pub fn log(&self) -> &[Entry] {
        &self.log
    }
}
