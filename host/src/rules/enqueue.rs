//! Which jobs a guest may queue.
//!
//! A grant names kinds, and for each whether the job may be about any subject or only
//! about that of the job that queues it. Numbers, bytes and the depth of the line of
//! parents are bounded, so that jobs that queue one another come to an end. What this
//! cannot promise: that the end is soon; sixteen generations of a hundred jobs are many.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many parents a queued job may have, up to the first.
pub const MAX_DEPTH: i64 = 16;
/// Bytes of one payload at most: 1 MiB.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Bytes of the payloads that one attempt may queue: 4 MiB.
pub const MAX_PAYLOADS: u64 = 4 << 20;
/// Bytes of a source at most.
pub const MAX_SOURCE: usize = 4 << 10;
/// Bytes of a title at most.
pub const MAX_TITLE: usize = 1 << 10;
/// Tags at most, and bytes of each.
pub const MAX_TAGS: usize = 32;
/// Bytes of a tag at most.
pub const MAX_TAG: usize = 128;

/// What the jobs that are queued may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subjects {
    /// Only the subject of the job that queues them.
    Own,
    /// Any subject.
    Any,
}

/// One entry of an ask or a grant: `normalise`, or `ingest:any`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Queueing {
    /// The kind of the jobs.
    pub kind: String,
    /// What they may be about.
    pub subjects: Subjects,
}

/// A text that is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no kind to queue: write a kind, for example \"normalise\", or \"ingest:any\" for any subject")]
pub struct QueueingError(String);

impl TryFrom<String> for Queueing {
    type Error = QueueingError;

    fn try_from(text: String) -> Result<Self, QueueingError> {
        let (kind, subjects) = match text.split_once(':') {
            None => (text.as_str(), Subjects::Own),
            Some((kind, "any")) => (kind, Subjects::Any),
            Some(_) => return Err(QueueingError(text)),
        };
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=64).contains(&kind.len()) || !kind.bytes().all(fits) {
            return Err(QueueingError(text));
        }
        Ok(Self { kind: kind.to_owned(), subjects })
    }
}

impl From<Queueing> for String {
    fn from(entry: Queueing) -> Self {
        entry.to_string()
    }
}

impl std::fmt::Display for Queueing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.subjects {
            Subjects::Own => f.write_str(&self.kind),
            Subjects::Any => write!(f, "{}:any", self.kind),
        }
    }
}

/// Kinds and what jobs of them may be about.
pub type Kinds = BTreeMap<String, Subjects>;

/// The widest of the entries for each kind.
pub fn kinds<'a>(entries: impl IntoIterator<Item = &'a Queueing>) -> Kinds {
    let mut kinds = Kinds::new();
    for entry in entries {
        let widest = kinds.entry(entry.kind.clone()).or_insert(entry.subjects);
        *widest = (*widest).max(entry.subjects);
    }
    kinds
}

/// A job that a guest wants to queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its kind.
    pub kind: String,
    /// Its payload, JSON text.
    pub payload: String,
    /// What it is about, if it is another subject.
    pub about: Option<Other>,
}

/// Another subject than that of the job that queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The canonical source: an absolute URL.
    pub source: String,
    /// A title, or empty.
    pub title: String,
    /// Tags.
    pub tags: Vec<String>,
}

/// Where the attempt stands that wants to queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many parents its job has.
    pub depth: i64,
    /// Jobs that it has queued.
    pub jobs: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// How many jobs it may queue.
    pub limit: u64,
}

/// Why a job is not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not asked for or not granted.
    #[error("{0}")]
    Denied(String),
    /// Nobody does it.
    #[error("no handler does kind {0:?}: add one with `capstan handler add FILE`")]
    UnknownKind(String),
    /// The payload does not fit.
    #[error("the payload for kind {kind:?} {wrong}")]
    BadPayload {
        /// The kind.
        kind: String,
        /// What is wrong.
        wrong: String,
    },
    /// Too many jobs.
    #[error("the attempt has queued {0} jobs, as many as limits.enqueued allows: queue fewer, or raise the limit")]
    TooMany(u64),
    /// Too many bytes.
    #[error("the payloads of what the attempt queues would have {0} bytes: at most {MAX_PAYLOADS}")]
    TooLarge(u64),
    /// Too long a line of parents.
    #[error("the job has {0} parents that queued one another: a queued job may have {MAX_DEPTH}")]
    TooDeep(i64),
    /// A subject that cannot be one.
    #[error("{0}")]
    BadSubject(String),
}

/// Whether a wish may be granted, as far as grants, numbers and sizes go. `denied` finds
/// the words for what was not asked for.
///
/// # Errors
/// The first thing that speaks against it.
pub fn may_queue(
    allowed: &Kinds,
    wish: &Wish,
    standing: Standing,
    denied: impl Fn(&Queueing) -> String,
) -> Result<(), Refusal> {
    let wanted = if wish.about.is_some() { Subjects::Any } else { Subjects::Own };
    if allowed.get(&wish.kind).is_none_or(|subjects| *subjects < wanted) {
        let entry = Queueing { kind: wish.kind.clone(), subjects: wanted };
        return Err(Refusal::Denied(denied(&entry)));
    }
    if standing.depth >= MAX_DEPTH {
        return Err(Refusal::TooDeep(standing.depth));
    }
    if standing.jobs >= standing.limit {
        return Err(Refusal::TooMany(standing.jobs));
    }
    if wish.payload.len() > MAX_PAYLOAD {
        let wrong = format!("has {} bytes: at most {MAX_PAYLOAD}", wish.payload.len());
        return Err(Refusal::BadPayload { kind: wish.kind.clone(), wrong });
    }
    let bytes = standing.bytes + wish.payload.len() as u64;
    if bytes > MAX_PAYLOADS {
        return Err(Refusal::TooLarge(bytes));
    }
    wish.about.as_ref().map_or(Ok(()), bounded)
}

fn bounded(about: &Other) -> Result<(), Refusal> {
    let longest = about.tags.iter().map(String::len).max().unwrap_or(0);
    let sizes = [
        ("bytes of source", about.source.len(), MAX_SOURCE),
        ("bytes of title", about.title.len(), MAX_TITLE),
        ("tags", about.tags.len(), MAX_TAGS),
        ("bytes in a tag", longest, MAX_TAG),
    ];
    match sizes.into_iter().find(|(_, has, most)| has > most) {
        Some((what, has, most)) => {
            Err(Refusal::BadSubject(format!("the other subject has {has} {what}: at most {most}")))
        }
        None => Ok(()),
    }
}
