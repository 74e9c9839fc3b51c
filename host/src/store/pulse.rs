//! The pulse: what the last commit left, as far as those who wait for work have to know it.

use crate::rules::import::Appetite;
use crate::rules::job::State;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The imports that have items to dispatch.
pub type Dispatching = BTreeMap<i64, Appetite>;

/// What the last commit left, for whoever waits for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pulse {
    /// Jobs that a claim could take now.
    pub ready: u64,
    /// Jobs that are queued, for whatever they wait.
    pub queued: u64,
    /// Of those, jobs whose handler is disabled: none of them is claimed.
    pub held: u64,
    /// Of the queued ones, jobs that would be ready if their queue and their import were not paused.
    #[serde(default)]
    pub paused: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that have ended.
    pub ended: u64,
    /// When the next waiting job becomes ready.
    pub next_timer: Option<Timestamp>,
    /// When the next key lets somebody in again that it keeps waiting for a time.
    #[serde(default)]
    pub next_key: Option<Timestamp>,
    /// When the next queue may go on by its rate or its tokens.
    #[serde(default)]
    pub next_rate: Option<Timestamp>,
    /// When the next deadline of a queued job passes.
    #[serde(default)]
    pub next_deadline: Option<Timestamp>,
    /// Imports that still have items to dispatch or jobs to wait for, and are not paused.
    pub imports: u64,
    /// Of those, imports that have items to dispatch.
    #[serde(default)]
    pub dispatching: u64,
    /// Cancelled imports whose jobs have not all ended.
    #[serde(default)]
    pub ending: u64,
    /// Operations that are not over.
    #[serde(default)]
    pub bulks: u64,
    /// Ends of jobs since this host began.
    #[serde(default)]
    pub ends: Ends,
    /// Grows with every commit that changed something.
    pub commits: u64,
}

/// How often a job came to an end; one that is given a new round may come to several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ends {
    /// As completed.
    pub completed: u64,
    /// As failed.
    pub failed: u64,
    /// As cancelled.
    pub cancelled: u64,
}

impl Ends {
    /// A job comes to this state.
    pub(crate) fn saw(&mut self, state: State) {
        match state {
            State::Completed => self.completed += 1,
            State::Failed => self.failed += 1,
            State::Cancelled => self.cancelled += 1,
            State::Queued | State::Running => {}
        }
    }
}

impl Pulse {
    /// When something changes by the passing of time alone.
    pub fn next_wake(&self) -> Option<Timestamp> {
        [self.next_timer, self.next_key, self.next_rate, self.next_deadline].into_iter().flatten().min()
    }

    /// Whether nothing will move by itself: nothing runs, nothing can be claimed, and
    /// nothing waits for a time.
    pub fn is_still(&self) -> bool {
        self.running == 0 && self.ready == 0 && self.next_wake().is_none()
    }
}
