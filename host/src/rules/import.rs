//! What an import is and how it adds up.
//!
//! Every item is in exactly one of seven places at any instant:
//! `total = done + failed + cancelled + duplicate + skipped + invalid + remaining`.
//! Where an item is follows from its whole tree of jobs, never from one of them.

use super::job::{Made, State};
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// Where an import is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportState {
    /// The list is written, nothing was dispatched.
    Pending,
    /// Chunks are being dispatched, or their jobs run.
    Processing,
    /// Someone paused it.
    Paused,
    /// Every item is accounted for.
    Completed,
    /// Someone cancelled it.
    Cancelled,
    /// Its list cannot be read.
    Failed,
}

impl ImportState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Processing, Self::Paused, Self::Completed, Self::Cancelled, Self::Failed];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How many jobs of an item's tree are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tree {
    /// Queued or running.
    pub open: i64,
    /// Failed.
    pub failed: i64,
    /// Cancelled.
    pub cancelled: i64,
    /// Completed, having made something.
    pub made: i64,
}

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// Something of it is still before us.
    Remaining,
    /// A job of it failed for good.
    Failed,
    /// A job of it was cancelled, and none failed.
    Cancelled,
    /// All of it completed, and something was made.
    Done,
    /// All of it completed, and nothing had to be made.
    Skipped,
}

impl Tree {
    /// Where the item is whose tree this is.
    pub const fn item(self) -> Item {
        if self.open > 0 {
            Item::Remaining
        } else if self.failed > 0 {
            Item::Failed
        } else if self.cancelled > 0 {
            Item::Cancelled
        } else if self.made > 0 {
            Item::Done
        } else {
            Item::Skipped
        }
    }

    /// The tree with one more job in this state.
    #[must_use]
    pub const fn with(self, state: State, made: Made) -> Self {
        self.shift(state, made, 1)
    }

    /// The tree with one job fewer in this state.
    #[must_use]
    pub const fn without(self, state: State, made: Made) -> Self {
        self.shift(state, made, -1)
    }

    const fn shift(mut self, state: State, made: Made, by: i64) -> Self {
        match (state, made) {
            (State::Queued | State::Running, _) => self.open += by,
            (State::Failed, _) => self.failed += by,
            (State::Cancelled, _) => self.cancelled += by,
            (State::Completed, Made::Something) => self.made += by,
            (State::Completed, Made::Nothing) => {}
        }
        self
    }

    /// The sum of two trees.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            open: self.open + other.open,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            made: self.made + other.made,
        }
    }

    /// The difference of two trees.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            open: self.open - other.open,
            failed: self.failed - other.failed,
            cancelled: self.cancelled - other.cancelled,
            made: self.made - other.made,
        }
    }
}

/// How many items of an import are where; what is left of the total remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Items that are done.
    pub done: i64,
    /// Items of which a job failed.
    pub failed: i64,
    /// Items that were cancelled.
    pub cancelled: i64,
    /// Items for which nothing had to be made.
    pub skipped: i64,
}

impl Account {
    /// Move one item from one place to another.
    pub const fn shift(&mut self, from: Item, to: Item) {
        self.add(from, -1);
        self.add(to, 1);
    }

    const fn add(&mut self, place: Item, by: i64) {
        match place {
            Item::Remaining => {}
            Item::Failed => self.failed += by,
            Item::Cancelled => self.cancelled += by,
            Item::Done => self.done += by,
            Item::Skipped => self.skipped += by,
        }
    }
}

/// Items up to this many are single jobs, unless it is configured; more make a batch
/// that goes chunk by chunk. From the seed documents.
pub const SINGLE_JOBS: u64 = 50;

/// What there is of an import, for whoever dispatches its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appetite {
    /// Its items.
    pub total: u64,
    /// Items of it that become jobs together.
    pub chunk: u64,
    /// Jobs of it that a claim could take, were their queue not full or paused.
    pub ready: u64,
}

/// How fast an import hands its items out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Up to so many items all become jobs at once.
    pub single_jobs: u64,
    /// Items that become jobs together; never none.
    pub chunk: u64,
    /// Chunks that may wait to be claimed.
    pub window: u64,
}

impl Flow {
    /// How many items may become jobs now, of an import of `total` items of which
    /// `ready` jobs wait to be claimed, where they do not stand in line for it: none until
    /// half of the window is free, so that many share a commit.
    pub const fn room(self, total: u64, ready: u64) -> u64 {
        if total <= self.single_jobs {
            return total;
        }
        // A chunk of none would never end.
        let chunk = if self.chunk == 0 { 1 } else { self.chunk };
        let window = chunk.saturating_mul(self.window);
        if ready > window / 2 {
            return 0;
        }
        // Whole chunks only: who has room for a part of one waits.
        (window.saturating_sub(ready) / chunk).saturating_mul(chunk)
    }
}

/// How long a job of a small import waits behind the one before it with the same key:
/// from `least` to `most`, where `random` (0 ≤ random < 1) says.
pub fn stagger(least: Millis, most: Millis, random: f64) -> Millis {
    let span = most.0.saturating_sub(least.0);
    // A span of milliseconds is far below the 2^53 that a float has exactly.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let part = (span as f64 * random.clamp(0.0, 1.0)) as u64;
    Millis(least.0.saturating_add(part.min(span)))
}

/// What somebody wants of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// Nothing more of it begins.
    Pause,
    /// It goes on.
    Resume,
    /// Nothing of it begins any more, and what is left is cancelled.
    Cancel,
}

impl Turn {
    /// Every turn.
    pub const ALL: [Self; 3] = [Self::Pause, Self::Resume, Self::Cancel];

    /// The state that an import in this one comes to; none when it is there already.
    ///
    /// # Errors
    /// It cannot, and the state is why.
    pub const fn of(self, state: ImportState) -> Result<Option<ImportState>, ImportState> {
        use ImportState::{Cancelled, Completed, Failed, Paused, Pending, Processing};
        match (self, state) {
            (Self::Pause, Pending | Processing) => Ok(Some(Paused)),
            (Self::Resume, Paused) => Ok(Some(Processing)),
            (Self::Cancel, Pending | Processing | Paused | Failed) => Ok(Some(Cancelled)),
            (Self::Pause, Paused) | (Self::Resume, Pending | Processing) | (Self::Cancel, Cancelled) => Ok(None),
            (Self::Pause | Self::Resume, Completed | Cancelled | Failed) | (Self::Cancel, Completed) => Err(state),
        }
    }

    /// What was done, for people.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Cancel => "cancelled",
        }
    }
}
