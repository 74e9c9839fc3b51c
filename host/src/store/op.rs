//! What the writer task is asked, and what it answers.
//!
//! An operation is plain data that can be applied more than once: when a batch
//! fails it is rolled back and its halves are tried again, until the operation
//! that cannot be applied is alone.

use super::boot::NewBoot;
use super::bulk::{BulkStep, NewBulk, Stepped};
use super::checkpoint::NewCheckpoint;
use super::claim::{ClaimRequest, Claimed};
use super::edit::Edit;
use super::handler::{NewHandler, Standing};
use super::import::{Dispatch, NewImport};
use super::job::NewJob;
use super::key::KeyChange;
use super::progress::Said;
use super::queue::QueueChange;
use super::settle::Applied;
use super::settle::end::Ended;
use super::subject::{Removed, Removing};
use super::unique::Accepted;
use crate::rules::import::{ImportState, Turn};
use crate::rules::job::Transition;
use crate::rules::time::Timestamp;
use crate::rules::{key, queue};
use std::sync::Arc;

/// One write.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A process took the lock.
    Boot(NewBoot),
    /// The process says that it ends cleanly.
    Stop { boot: i64, now: Timestamp },
    /// Register a component.
    Handler(NewHandler),
    /// Give kinds back to the handler that did them before.
    RollBack { kinds: Vec<String>, now: Timestamp },
    /// Whether a component may be used.
    Stand { digest: String, standing: Standing },
    /// Forget a component, unless an attempt runs on it.
    RemoveHandler(String),
    /// Forget what was published about a subject, unless one of its jobs runs.
    RemoveSubject(Removing),
    /// Accept an import whose list is on disk.
    Import(NewImport),
    /// Dispatch the next items of an import.
    Chunk(Dispatch),
    /// Pause, resume or cancel an import that is in this state.
    TurnImport { id: i64, was: ImportState, turn: Turn, now: Timestamp },
    /// An import's list cannot be read.
    BreakImport { id: i64, error: String, now: Timestamp },
    /// Write who asked to cancel jobs that run.
    AskCancel { jobs: Vec<i64>, by: String },
    /// Keep what an attempt wants the next one to have.
    Checkpoint(NewCheckpoint),
    /// Write how far running jobs are.
    Progress(Vec<Said>),
    /// Apply the ends of attempts.
    Settle(Vec<Ended>),
    /// Begin an operation on all that matches.
    Freeze(NewBulk),
    /// Do the next of an operation.
    BulkStep(BulkStep),
    /// Stop an operation where it is.
    CancelBulk { id: i64, by: String, now: Timestamp },
    /// Apply changes to jobs that do not run; who asks for a new round.
    Turn { transitions: Vec<Transition>, by: Option<String>, now: Timestamp },
    /// Take note of failures.
    DeleteFailures { ids: Vec<i64>, by: String, now: Timestamp },
    /// Change queued jobs that stay queued.
    Edit { edits: Vec<Edit>, now: Timestamp },
    /// Change a queue.
    Queue { name: String, change: QueueChange },
    /// Change a key.
    Key { name: String, change: KeyChange, now: Timestamp },
    /// What the configuration says; writes nothing.
    Configure { queues: Arc<queue::Configured>, keys: Arc<key::Configured> },
    /// Unresolved failures that keep full detail; writes nothing.
    KeepFailures(u64),
    /// Answered when whatever was written before is in the pulse; writes nothing.
    CatchUp,
    /// Compare what the writer knows with what is on record.
    Recount,
    /// Requeue or fail what a dead host left running.
    Recover { settlements: Vec<Ended> },
    /// Accept jobs.
    Add(Vec<NewJob>),
    /// Take ready jobs.
    Claim(ClaimRequest),
    /// End the writer.
    Close,
}

/// What an operation answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is written.
    Done,
    /// The id of what was made.
    Id(i64),
    /// The ids of jobs.
    Ids(Vec<i64>),
    /// What became of new jobs, in the order in which they were given.
    Accepted(Vec<Accepted>),
    /// What became of a subject.
    Removed(Removed),
    /// The operation that began, unless nothing matched.
    Frozen(Option<i64>),
    /// What a step came to, unless it was not the next one.
    Stepped(Option<Stepped>),
    /// What differs.
    Differences(Vec<String>),
    /// What was claimed.
    Claimed(Vec<Claimed>),
    /// Which transitions were applied, in the order in which they were given.
    Applied(Vec<Applied>),
}
