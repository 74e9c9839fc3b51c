//! The fake desk: progress, checkpoint, jobs and a wish to stop, as a test set them up.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::enqueue::{About, Refusal};
use crate::{Failure, Passage, Saved, Scope};

/// How far an attempt said that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all; 0 when nobody knows.
    pub total: u64,
    /// What it was doing.
    pub note: String,
}

/// A job that an attempt queued.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Its kind.
    pub kind: String,
    /// Its payload.
    pub payload: Value,
    /// What it is about, if not the subject of the job.
    pub about: Option<About>,
}

/// What a bench lays out, and what an attempt leaves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Desk {
    /// Kinds that may be queued, and whether about any subject.
    pub(super) kinds: BTreeMap<String, bool>,
    pub(super) checkpoint: Option<Saved>,
    /// What can be retrieved; nothing when it was not asked for.
    pub(super) library: Option<Vec<Passage>>,
    /// How often the attempt may ask before it is told that it is cancelled.
    pub(super) cancelled_after: Option<u64>,
    pub(super) progress: Vec<Progress>,
    pub(super) queued: Vec<Queued>,
    pub(super) tokens: u64,
    /// What was looked for in the library.
    pub(super) searches: Vec<String>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// What `act` returns, and how it leaves the desk.
pub(super) fn at<T>(desk: Desk, act: impl FnOnce() -> T) -> (T, Desk) {
    DESK.set(desk);
    let value = act();
    (value, DESK.take())
}

pub(crate) fn progress(done: u64, total: u64, note: &str) {
    DESK.with_borrow_mut(|desk| desk.progress.push(Progress { done, total, note: note.to_owned() }));
}

pub(crate) fn load() -> Result<Option<Saved>, Failure> {
    Ok(DESK.with_borrow(|desk| desk.checkpoint.clone()))
}

pub(crate) fn save(format: &str, bytes: &[u8]) -> Result<(), Failure> {
    let saved = Saved { format: format.to_owned(), digest: "0".repeat(64), bytes: bytes.to_vec() };
    DESK.with_borrow_mut(|desk| desk.checkpoint = Some(saved));
    Ok(())
}

pub(crate) fn enqueue(kind: &str, payload: &str, about: Option<&About>) -> Result<(), Refusal> {
    let payload = serde_json::from_str(payload).map_err(|error| Refusal::BadPayload(error.to_string()))?;
    DESK.with_borrow_mut(|desk| {
        let wanted = if about.is_some() { "enqueue_any" } else { "enqueue" };
        match desk.kinds.get(kind) {
            Some(any) if *any || about.is_none() => {
                desk.queued.push(Queued { kind: kind.to_owned(), payload, about: about.cloned() });
                Ok(())
            }
            _ => Err(Refusal::Denied(format!("queueing `{kind}` is not asked for; name it with `Asks::{wanted}`"))),
        }
    })
}

/// Passages by how many of the words they hold; their scores are that number.
pub(crate) fn search(words: &str, scope: &Scope, limit: u32) -> Result<Vec<Passage>, Failure> {
    let Some(library) = DESK.with_borrow(|desk| desk.library.clone()) else {
        return Err(Failure::permanent("retrieving is not asked for; name it with `Asks::retrieve`"));
    };
    DESK.with_borrow_mut(|desk| desk.searches.push(words.to_owned()));
    let words = words.split_whitespace().map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    if words.is_empty() {
        return Err(Failure::permanent("there is nothing to look for"));
    }
    let mut found: Vec<Passage> = library.into_iter().filter(|passage| is_in(scope, passage)).collect();
    for passage in &mut found {
        let text = passage.text.to_lowercase();
        passage.score = words.iter().filter(|word| text.contains(word.as_str())).map(|_| 1.0).sum();
    }
    found.retain(|passage| passage.score > 0.0);
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Tags are not known here, so they do not narrow.
fn is_in(scope: &Scope, passage: &Passage) -> bool {
    let by_subject = scope.subjects.is_empty() || scope.subjects.contains(&passage.subject);
    by_subject && (scope.sources.is_empty() || scope.sources.iter().any(|source| passage.url.starts_with(source)))
}

pub(crate) fn tokens(used: u64) {
    DESK.with_borrow_mut(|desk| desk.tokens = desk.tokens.saturating_add(used));
}

pub(crate) fn cancelled() -> bool {
    DESK.with_borrow_mut(|desk| match &mut desk.cancelled_after {
        None => false,
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
    })
}
