//! What an attempt did, for a test to look at.

use std::time::Duration;

use serde_json::Value;

use super::desk::{Desk, Progress, Queued};
use super::fake::Entry;
use super::folder::Files;
use crate::{Failure, Saved, Success};

/// What an attempt did.
#[derive(Debug, Clone)]
pub struct Run {
    pub(super) cpu: Duration,
    pub(super) outcome: Result<Success<Value>, Failure>,
    pub(super) outputs: Files,
    pub(super) log: Vec<Entry>,
    pub(super) desk: Desk,
}

impl Run {
    /// CPU time of the thread in the handler, from its payload to its answer. Reading inputs and writing outputs
    /// count; making the folders before and looking at the output after do not.
    #[must_use]
    pub const fn cpu(&self) -> Duration {
        self.cpu
    }

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

    /// How far it said that it was, each time.
    #[must_use]
    pub fn progress(&self) -> &[Progress] {
        &self.desk.progress
    }

    /// What the next attempt would find: what it kept, or what it was given.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Saved> {
        self.desk.checkpoint.as_ref()
    }

    /// The jobs that it queued; none when it failed.
    #[must_use]
    pub fn queued(&self) -> &[Queued] {
        &self.desk.queued
    }

    /// What it looked for in the library, in this order.
    #[must_use]
    pub fn searches(&self) -> &[String] {
        &self.desk.searches
    }

    /// The tokens that it said it used.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.desk.tokens
    }

    /// What was logged.
    #[must_use]
    pub fn log(&self) -> &[Entry] {
        &self.log
    }
}
