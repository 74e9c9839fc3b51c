//! Limits that the engine counts for us, told apart by what it says when one is spent.
//!
//! For some of them it has no type of error, only words; the tests at the edges hold
//! these words, so an engine that says it differently is found before it is used. An
//! error that is not known here is a trap like any other.

use crate::rules::limit::Limits;
use wasmtime::component::ResourceTableError;

/// What the engine says of too many resources.
const RESOURCES: [&str; 2] = [
    "cannot allocate another handle: store handle limit exceeded",
    "cannot lend resource: store handle limit exceeded",
];
/// What it says of too much in one call.
const CALL_BYTES: &str = "too much data is being copied between the host and the guest: \
    fuel allocated for hostcalls has been exhausted";

/// A limit that was spent, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Spent {
    /// Too much open at the same time.
    #[error(
        "held more files, folders, streams and timers open at the same time than limits.handles = {0} allows: close some"
    )]
    Handles(u64),
    /// Too much alive at the same time.
    #[error("held more resources at the same time than limits.resources = {0} allows: drop some")]
    Resources(u64),
    /// Too much in one call.
    #[error("carried more bytes to the host in one call than limits.call_bytes = {0} allows: hand over less at a time")]
    CallBytes(u64),
    /// Too many core instances.
    #[error("wanted more core instances than limits.instances = {0} allows")]
    Instances(u64),
    /// Too many tables.
    #[error("wanted more tables than limits.instances = {0} allows")]
    Tables(u64),
    /// Too many memories.
    #[error("wanted more memories than limits.memories = {0} allows")]
    Memories(u64),
}

impl Spent {
    /// The limit behind an error of the engine, if there is one.
    pub(super) fn of(error: &wasmtime::Error, limits: &Limits) -> Option<Self> {
        if let Some(table) = error.downcast_ref::<ResourceTableError>() {
            return matches!(table, ResourceTableError::Full).then_some(Self::Handles(limits.handles));
        }
        let words = error.root_cause().to_string();
        if RESOURCES.contains(&words.as_str()) {
            return Some(Self::Resources(limits.resources));
        }
        if words == CALL_BYTES {
            return Some(Self::CallBytes(limits.call_bytes));
        }
        counted(error).map(|(what, _)| match what {
            Counted::Instances => Self::Instances(limits.instances),
            Counted::Tables => Self::Tables(limits.instances),
            Counted::Memories => Self::Memories(limits.memories),
        })
    }
}

/// What the engine counts in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Instances,
    Tables,
    Memories,
}

/// What there would have been too many of, and how many of them.
pub(super) fn counted(error: &wasmtime::Error) -> Option<(Counted, u64)> {
    let words = error.root_cause().to_string();
    let (what, wanted) = words.strip_prefix("resource limit exceeded: ")?.split_once(" count too high at ")?;
    let what = match what {
        "instance" => Counted::Instances,
        "table" => Counted::Tables,
        "memory" => Counted::Memories,
        _ => return None,
    };
    Some((what, wanted.parse().ok()?))
}
