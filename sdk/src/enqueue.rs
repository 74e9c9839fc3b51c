//! Further jobs, queued when the attempt succeeds.
//!
//! The host checks each at the call, so that a handler learns at once what is wrong; it commits them with
//! the completion of the job. An attempt that fails queues nothing.

use serde::Serialize;

use crate::{Failure, desk};

/// Why a job was not taken; the text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not asked for ([`Asks::enqueue`](crate::Asks::enqueue)) or not granted. An attempt that fails as
    /// permanent after this fails with class `denied`.
    #[error("{0}")]
    Denied(String),
    /// No handler does this kind.
    #[error("{0}")]
    UnknownKind(String),
    /// The payload does not match the kind's schema, or is longer than 1 MiB.
    #[error("{0}")]
    BadPayload(String),
    /// More jobs than an attempt may queue (100 by default), or 4 MiB of payloads.
    #[error("{0}")]
    TooMany(String),
    /// Too many jobs queued one another.
    #[error("{0}")]
    TooDeep(String),
    /// Source, title or tags that cannot be taken.
    #[error("{0}")]
    BadSubject(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<Refusal> for Failure {
    /// Only what nobody foresaw may go away by itself.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Other(words) => Self::transient(words),
            refusal => Self::permanent(refusal.to_string()),
        }
    }
}

/// What a job is about that is not about the subject of the job that queues it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// An absolute URL; the host computes the subject from it.
    pub source: String,
    /// A title, or empty.
    pub title: String,
    /// Tags.
    pub tags: Vec<String>,
}

impl About {
    /// A document at this absolute URL, without title and tags.
    pub fn source(source: impl Into<String>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }
}

pub(crate) fn add<T: Serialize>(kind: &str, payload: &T, about: Option<&About>) -> Result<(), Refusal> {
    let payload = serde_json::to_string(payload)
        .map_err(|error| Refusal::BadPayload(format!("the payload for kind `{kind}` is no JSON: {error}")))?;
    desk::enqueue(kind, &payload, about)
}
