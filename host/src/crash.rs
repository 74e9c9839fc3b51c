//! Named points where a test may kill the process.
//!
//! With `CAPSTAN_CRASH_AT=name` (or `name:n` for the n-th visit) in the
//! environment the process sends itself SIGKILL there, so that tests visit both
//! sides of every step that must survive a crash. Without the variable a point
//! costs one atomic load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names a point.
pub const VARIABLE: &str = "CAPSTAN_CRASH_AT";

/// Every point that an import passes, in the order in which a job passes them.
pub const POINTS: [&str; 12] = [
    "import.before_commit",
    "import.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "publish.before_sync",
    "publish.after_sync",
    "publish.after_rename",
    "publish.after_parents",
    "apply.before_commit",
    "apply.after_commit",
    "list.before_commit",
    "list.after_commit",
];

/// The points that a job passes only if its handler keeps checkpoints.
pub const CHECKPOINT_POINTS: [&str; 2] = ["checkpoint.before_commit", "checkpoint.after_commit"];

/// The points that a handler passes when it is put in place, in their order; those of the grant only when an entry is
/// added to `capstan.toml`.
pub const HANDLER_POINTS: [&str; 6] = [
    "handler.before_grant",
    "handler.after_grant",
    "handler.before_file",
    "handler.after_file",
    "handler.before_commit",
    "handler.after_commit",
];

/// The points of going back to the handler before.
pub const ROLLBACK_POINTS: [&str; 2] = ["rollback.before_commit", "rollback.after_commit"];

/// The points of what the queue is told and does by itself, both sides of each commit: a queue or a key is changed, jobs
/// are added, one that is unique replaces another, jobs that do not run are cancelled or
/// tried again, failures are taken note of, somebody asks to cancel those that run, a handler is disabled or enabled, a
/// dead host's jobs are recovered; and what a claim finds due: timers, deadlines, keys that rest no longer.
pub const STEP_POINTS: [&str; 26] = [
    "queue.before_commit",
    "queue.after_commit",
    "key.before_commit",
    "key.after_commit",
    "edit.before_commit",
    "edit.after_commit",
    "add.before_commit",
    "add.after_commit",
    "replace.before_commit",
    "replace.after_commit",
    "turn.before_commit",
    "turn.after_commit",
    "failure.before_commit",
    "failure.after_commit",
    "cancel.before_commit",
    "cancel.after_commit",
    "stand.before_commit",
    "stand.after_commit",
    "recover.before_commit",
    "recover.after_commit",
    "timer.before_commit",
    "timer.after_commit",
    "deadline.before_commit",
    "deadline.after_commit",
    "admit.before_commit",
    "admit.after_commit",
];

/// The points of an operation on many jobs: its set is frozen, it takes a step, it is cancelled.
pub const BULK_POINTS: [&str; 6] = [
    "freeze.before_commit",
    "freeze.after_commit",
    "bulk.before_commit",
    "bulk.after_commit",
    "halt.before_commit",
    "halt.after_commit",
];

static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
static VISITS: AtomicU64 = AtomicU64::new(0);

/// Whether the environment asks for a death at all.
pub fn is_armed() -> bool {
    wanted().is_some()
}

fn wanted() -> Option<&'static (String, u64)> {
    WANTED.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| parse(&text))).as_ref()
}

/// Die here if the environment asks for it.
pub fn point(name: &'static str) {
    let Some((at, visit)) = wanted() else { return };
    if at == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == *visit {
        // The signal is certain to end this process; there is nothing to do with an error.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

fn parse(text: &str) -> (String, u64) {
    match text.rsplit_once(':') {
        Some((name, visit)) => (name.to_owned(), visit.parse().unwrap_or(1)),
        None => (text.to_owned(), 1),
    }
}
