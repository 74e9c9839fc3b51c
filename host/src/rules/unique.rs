//! Jobs of which one is enough.
//!
//! Two jobs are the same when their kind and their key are the same; without a key
//! of their own the payload is it. A new one that meets the same in one of the
//! states that it names, accepted within the period that it names, is not accepted
//! a second time. What this cannot promise: payloads are compared as JSON text with
//! sorted names; `1` and `1.0` are two.

use super::job::State;
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What becomes of a new job that meets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conflict {
    /// It is not accepted, and the answer says so.
    Skip,
    /// It replaces payload, priority, time and tags of one that is still queued;
    /// otherwise the one that is there is the answer.
    Replace,
    /// The one that is there is the answer.
    Existing,
}

/// When a new job is the same as one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// The hash that both share.
    pub hash: String,
    /// In which states the one that is there counts. By default queued and running.
    pub states: States,
    /// How long ago it may have been accepted; any time without.
    pub period: Option<Millis>,
    /// What becomes of the new one.
    pub conflict: Conflict,
}

/// A set of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct States([bool; State::ALL.len()]);

impl States {
    /// Queued and running.
    pub const OPEN: Self = Self([true, true, false, false, false]);

    /// These states.
    pub fn of(states: &[State]) -> Self {
        let mut set = [false; State::ALL.len()];
        states.iter().for_each(|state| set[*state as usize] = true);
        Self(set)
    }

    /// Whether a state is among them.
    pub const fn has(self, state: State) -> bool {
        self.0[state as usize]
    }

    /// Those that are, in their order.
    pub fn iter(self) -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(move |state| self.has(*state))
    }
}

/// A job that has the same hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Same {
    /// The job.
    pub id: i64,
    /// Where it is in its life.
    pub state: State,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// What becomes of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is accepted.
    Accept,
    /// This one is there already, and the new one is forgotten.
    Skip(i64),
    /// This one is the answer.
    Existing(i64),
    /// This one gets what the new one brings.
    Replace(i64),
}

/// What becomes of a new job that meets those with the same hash: the newest that
/// counts decides.
pub fn judge(unique: &Unique, same: &[Same], now: Timestamp) -> Verdict {
    let counts = |same: &&Same| {
        unique.states.has(same.state) && unique.period.is_none_or(|period| now.since(same.created_at) < period)
    };
    match same.iter().filter(counts).max_by_key(|same| same.id) {
        None => Verdict::Accept,
        Some(same) => match unique.conflict {
            Conflict::Skip => Verdict::Skip(same.id),
            Conflict::Replace if same.state == State::Queued => Verdict::Replace(same.id),
            Conflict::Replace | Conflict::Existing => Verdict::Existing(same.id),
        },
    }
}

/// What a job is the same by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// A key of its own.
    Key(&'a str),
    /// Its payload, JSON text with sorted names.
    Payload(&'a str),
}

/// The hash of a kind and what its jobs are the same by: 32 hex digits.
pub fn hash(kind: &str, by: By<'_>) -> String {
    use std::fmt::Write;
    let (what, text) = match by {
        By::Key(key) => ("key", key),
        By::Payload(payload) => ("payload", payload),
    };
    let mut hash = Sha256::new();
    for part in [what, kind, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
