//! What an author implements.
//!
//! [`Handler`] ties a kind of job to its types and to the code that does it; everything that
//! `describe` says about a component is derived from it. It cannot check that the derived JSON Schema
//! accepts exactly what `serde` accepts: custom `serde` attributes want their `schemars` twin.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Artifact, Asks, Failure, Job};

/// One kind of job and how it is done.
///
/// A value is made with `Default` for every attempt and dropped after it.
pub trait Handler: Default {
    /// The kind of job that this handler does: `a-z`, `0-9` and `-`, for example `normalise`.
    const KIND: &'static str;

    /// The name of the component; that of the first exported handler counts. The kind by default.
    const NAME: &'static str = Self::KIND;

    /// The version of the component, usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;

    /// One line for operators about what it does.
    const ABOUT: &'static str;

    /// What a job carries. Jobs whose payload does not match its JSON Schema are refused when they are
    /// added.
    type Payload: DeserializeOwned + JsonSchema;

    /// What an operator may set. It must accept `{}`, so every field needs a default: put
    /// `#[serde(default)]` on the struct. [`Empty`] if there is nothing to set.
    type Config: DeserializeOwned + JsonSchema + Default;

    /// What a successful attempt answers, at most 256 KiB as JSON; `()` for nothing. Files belong into
    /// [`Job::output`].
    type Result: Serialize + JsonSchema;

    /// What the handler wants to touch; nothing by default. The operator decides what it gets.
    fn asks() -> Asks {
        Asks::default()
    }

    /// The files it makes; none by default, and then there is no [`Job::output`].
    fn artifacts() -> Vec<Artifact> {
        Vec::new()
    }

    /// Do the job. Called once per value.
    ///
    /// # Errors
    ///
    /// The variant of [`Failure`] decides whether the job is tried again.
    fn run(&mut self, job: &Job<Self>) -> Result<Success<Self::Result>, Failure>;
}

/// How an attempt went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success<R> {
    /// The work is done: what lies in the output becomes the current generation of the subject.
    Done(R),
    /// What was published before is still right: the output is thrown away, the current generation
    /// stays, and jobs that depend on it run only if something else of theirs changed.
    Unchanged(R),
}

impl<R> Success<R> {
    /// What the attempt answers.
    #[must_use]
    pub const fn result(&self) -> &R {
        match self {
            Self::Done(result) | Self::Unchanged(result) => result,
        }
    }

    /// The same ending with another answer, if `change` finds one.
    pub(crate) fn try_map<T, E>(self, change: impl FnOnce(R) -> Result<T, E>) -> Result<Success<T>, E> {
        Ok(match self {
            Self::Done(result) => Success::Done(change(result)?),
            Self::Unchanged(result) => Success::Unchanged(change(result)?),
        })
    }
}

/// An empty JSON object, for handlers without payload or without configuration. Any field is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}
