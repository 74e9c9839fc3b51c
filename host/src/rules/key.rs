//! Concurrency keys: what shares one limit, for example the host that jobs fetch from.
//!
//! An open job with a key is *admitted* unless it waits for its key or for a time.
//! Whatever becomes due is parked first; then each key lets in as many as it has
//! room for, by priority and age. A key with an interval lets in one job at a time
//! that has not begun, and rests for the interval once it begins; a key whose
//! handler was told to come back later rests until then. What this cannot promise:
//! a limit that is lowered below what is admitted holds only when those have ended;
//! a job that may have killed the host begins without regard to the interval; and an
//! admitted job keeps its place while its queue is paused or its handler disabled.

use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Jobs of one key at most, by default.
pub const LIMIT: u64 = 4;
/// The largest limit.
pub const MAX_LIMIT: u64 = 10_000;
/// The longest interval: a day.
pub const MAX_INTERVAL: Millis = Millis::seconds(86_400);
/// Bytes of a key's name at most.
pub const MAX_NAME: usize = 256;

/// How many jobs of a key at once, and how far apart they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Admitted jobs at most, 1 to [`MAX_LIMIT`]. Default 4.
    pub limit: u64,
    /// The least time between two beginnings. Default 0: none.
    pub min_interval: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: LIMIT, min_interval: Millis(0) }
    }
}

/// What an operator set for one key; the rest comes from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Set {
    /// Admitted jobs at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The least time between two beginnings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_interval: Option<Millis>,
}

impl Set {
    /// What is set here, and the rest from there.
    pub fn over(self, base: Pace) -> Pace {
        Pace { limit: self.limit.unwrap_or(base.limit), min_interval: self.min_interval.unwrap_or(base.min_interval) }
    }
}

/// What the configuration says of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// The pace of those that are not named.
    pub common: Pace,
    /// The pace of those that are.
    pub named: BTreeMap<String, Pace>,
}

impl Configured {
    /// The pace of a key.
    pub fn of(&self, key: &str) -> Pace {
        self.named.get(key).copied().unwrap_or(self.common)
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key {
    /// Admitted jobs that have not begun.
    pub idle: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that wait for it.
    pub waiting: u64,
    /// It lets nobody in before this time; zero when it does not rest.
    pub next_at: Timestamp,
}

impl Key {
    /// How many of those that wait are let in now.
    pub fn admits(&self, pace: Pace, now: Timestamp) -> u64 {
        if self.rests(now) {
            return 0;
        }
        let room = pace.limit.saturating_sub(self.idle.saturating_add(self.running));
        let abreast = if pace.min_interval == Millis(0) { room } else { room.min(1_u64.saturating_sub(self.idle)) };
        abreast.min(self.waiting)
    }

    /// The key with what is moved of it.
    #[must_use]
    pub fn after(self, moves: Moves) -> Self {
        Self {
            idle: self.idle.saturating_add_signed(moves.idle),
            running: self.running.saturating_add_signed(moves.running),
            waiting: self.waiting.saturating_add_signed(moves.waiting),
            next_at: self.next_at.max(moves.rest),
        }
    }

    /// Whether it lets nobody in yet.
    pub fn rests(&self, now: Timestamp) -> bool {
        self.next_at > now
    }
}

/// What becomes of a key: differences of its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moves {
    /// Of the admitted jobs that have not begun.
    pub idle: i64,
    /// Of those that run.
    pub running: i64,
    /// Of those that wait.
    pub waiting: i64,
    /// It rests until then; zero when nobody said so.
    pub rest: Timestamp,
}

impl Moves {
    /// Whether a key that let in nobody more may do so after this, at the same time.
    pub fn makes_room(self, pace: Pace) -> bool {
        self.waiting > 0 || self.idle + self.running < 0 || (pace.min_interval > Millis(0) && self.idle < 0)
    }
}

/// Until when a key rests of which a job begins now; zero when it does not.
pub fn rest_after_start(pace: Pace, now: Timestamp) -> Timestamp {
    if pace.min_interval == Millis(0) { Timestamp(0) } else { now.after(pace.min_interval) }
}

/// Where the jobs of a kind get their key from when they name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// From the host name of the address in their payload.
    Host,
    /// From nowhere: they have none.
    None,
}

/// The key of a job about this canonical source: the host name of an address of the
/// web, in lower case; nothing for files and the rest.
pub fn of_source(source: &str, from: Source) -> Option<String> {
    if from == Source::None {
        return None;
    }
    let url = url::Url::parse(source).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.host_str().map(str::to_ascii_lowercase)
}

/// Why a text cannot be the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing.
    #[error("a key has no empty name: leave it out, or name what the jobs share")]
    Empty,
    /// Too long.
    #[error("the key's name has {0} bytes: at most {MAX_NAME}")]
    Long(usize),
    /// Not printable.
    #[error("the key's name {0:?} has control characters: use others")]
    Control(String),
}

/// Whether a text can be the name of a key.
///
/// # Errors
/// What speaks against it.
pub fn name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME {
        return Err(NameError::Long(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control(text.to_owned()));
    }
    Ok(())
}
