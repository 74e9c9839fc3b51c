//! Why a job is where it is: facts in, a code and one paragraph out.
//!
//! The first thing that keeps a queued job is its reason; what would keep it next is
//! said behind it, so that nobody mends one thing to meet another. What this cannot
//! promise: that it still holds when it is read; numbers of a line stop at [`MOST`].

mod words;

use super::attempt::Class;
use super::blame::Blame;
use super::failure::Resolution;
use super::import::ImportState;
use super::job::{Wait, Why};
use super::key::{Key, Pace};
use super::progress::Progress;
use super::queue::{Limits, QueueState, Used};
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
pub use words::explain;

/// Jobs of a line that are counted at most.
pub const MOST: u64 = 1_000;

/// What keeps a job, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is for a later time.
    Scheduled,
    /// It failed, and waits for its next attempt.
    Backoff,
    /// Its handler named a later time.
    Deferred,
    /// As many jobs of its key run as may.
    KeyBusy,
    /// Its key lets nobody in before a time.
    KeyRests,
    /// Another job works on the same document.
    SubjectBusy,
    /// It ran when the host died, and such jobs run one at a time.
    Suspect,
    /// Its handler is disabled.
    HandlerDisabled,
    /// No handler does its kind, or it cannot be used.
    HandlerMissing,
    /// Its import is paused.
    ImportPaused,
    /// Its import was cancelled.
    ImportCancelled,
    /// Its queue is paused.
    QueuePaused,
    /// Its queue drains.
    QueueDraining,
    /// As many jobs of its queue run as may.
    QueueFull,
    /// Its queue began as many jobs as its rate allows.
    QueueRate,
    /// Its queue spent its tokens.
    QueueTokens,
    /// No host works.
    NoHost,
    /// Every slot is in use.
    SlotsFull,
    /// Others go before it.
    Behind,
    /// Nothing keeps it.
    Next,
    /// It runs.
    Running,
    /// It runs, and somebody asked to cancel it.
    Stopping,
    /// It is done.
    Completed,
    /// It is done, and nothing had to be made.
    Unchanged,
    /// It was given up.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl Reason {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Backoff => "backoff",
            Self::Deferred => "deferred",
            Self::KeyBusy => "key-busy",
            Self::KeyRests => "key-rests",
            Self::SubjectBusy => "subject-busy",
            Self::Suspect => "suspect",
            Self::HandlerDisabled => "handler-disabled",
            Self::HandlerMissing => "handler-missing",
            Self::ImportPaused => "import-paused",
            Self::ImportCancelled => "import-cancelled",
            Self::QueuePaused => "queue-paused",
            Self::QueueDraining => "queue-draining",
            Self::QueueFull => "queue-full",
            Self::QueueRate => "queue-rate",
            Self::QueueTokens => "queue-tokens",
            Self::NoHost => "no-host",
            Self::SlotsFull => "slots-full",
            Self::Behind => "behind",
            Self::Next => "next",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a job is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What keeps it first, or what became of it.
    pub reason: Reason,
    /// What would keep it next.
    pub also: Vec<Reason>,
    /// When the first reason ends by the passing of time alone (ms), if it does.
    pub until: Option<Timestamp>,
    /// One paragraph.
    pub text: String,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The job.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// Charged tries so far in its round, a running one included.
    pub attempt: u32,
    /// Charged tries that the round may have.
    pub max_attempts: u32,
    /// Its last error.
    pub error: Option<(Class, String)>,
    /// Where it is.
    pub standing: Standing,
    /// Now.
    pub now: Timestamp,
}

/// Where a job is, with what matters there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Queued(Box<Queued>),
    /// It runs.
    Running(Running),
    /// It is done.
    Completed(Completed),
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Whose fault that is.
        blame: Blame,
        /// Its entry in the failure log.
        entry: Option<Entry>,
    },
    /// It was cancelled.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

/// An entry in the failure log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// How it was resolved, and by whom, if it was.
    pub resolution: Option<(Resolution, Option<String>)>,
}

/// What matters of a job that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// For what.
    pub wait: Wait,
    /// Why it is queued again, if it ran before.
    pub why: Option<Why>,
    /// Not before this time.
    pub run_at: Timestamp,
    /// How often its handler asked for a later time, in this round.
    pub deferrals: u32,
    /// Deaths of the host while only it was suspected.
    pub deaths: u32,
    /// Its key, and how many wait before it.
    pub key: Option<(KeyFacts, u64)>,
    /// The job that works on its document, or the suspect that is tried.
    pub other: Option<i64>,
    /// What does its kind.
    pub handler: Handler,
    /// Its import, if it is of one that does not go on.
    pub import: Option<(i64, ImportState)>,
    /// Its queue.
    pub queue: Queue,
    /// The host that works; none when none does.
    pub worker: Option<Worker>,
    /// Who is before it among those that are ready.
    pub line: Line,
}

/// A key as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub key: Key,
    /// What it allows.
    pub pace: Pace,
}

/// What does a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// A handler that may be used.
    Ready,
    /// One of this name that is disabled.
    Disabled(String),
    /// Nothing, for this reason.
    Missing(String),
}

/// A queue as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: QueueState,
    /// What it may do at most; tokens with the burst that they have.
    pub limits: Limits,
    /// What it has used.
    pub used: Used,
}

/// A host that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// Attempts that it runs at most.
    pub slots: u64,
    /// Attempts that it runs.
    pub running: u64,
}

/// Who is before a ready job, counted up to [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// Its priority.
    pub priority: i64,
    /// Older ones of its lane.
    pub older: u64,
    /// Ready ones of its queue with a smaller priority.
    pub urgent: u64,
}

/// What matters of a job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Since when.
    pub since: Timestamp,
    /// On which handler, by name or digest.
    pub handler: String,
    /// How far it says that it is.
    pub progress: Option<Progress>,
    /// Who asked to cancel it.
    pub cancel_by: Option<String>,
}

/// What matters of a job that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// When.
    pub at: Timestamp,
    /// How long its last attempt took.
    pub took: Millis,
    /// Whether nothing had to be made.
    pub unchanged: bool,
    /// Files that it published, and their bytes.
    pub made: (u64, u64),
    /// The first jobs that followed it, with their kinds.
    pub followed: Vec<(i64, String)>,
}
