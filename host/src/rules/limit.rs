//! The limits of one attempt. Every one has a name, a unit and a default.
//!
//! A limit that is reached ends the attempt with a failure class and a message
//! that names the limit as it is called in `capstan.toml`.

use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// What one attempt may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Guest CPU time; `cpu-limit` beyond it. Default 30 s.
    pub cpu: Millis,
    /// Wall time from the attempt's first instruction; `timeout` beyond it. Default 10 min.
    pub wall: Millis,
    /// Sum of all linear memories in bytes; `memory-limit` beyond it. Default 256 MiB.
    pub memory: u64,
    /// Bytes in `/output`; `quota` beyond it. Default 64 MiB.
    pub scratch_bytes: u64,
    /// Files and folders in `/output`; `quota` beyond it. Default 1,000.
    pub scratch_files: u64,
    /// Bytes of log, stdout and stderr that are kept: the last ones. More never
    /// fails an attempt. Default 64 KiB.
    pub log: u64,
    /// Bytes of the result document; `bad-output` beyond it. Default 256 KiB.
    pub result: u64,
    /// Requests to the outside, each redirect one of them; `quota` beyond it.
    /// Default 1,000.
    pub requests: u64,
    /// Bytes of bodies sent and received, together; `quota` beyond it. Default
    /// 256 MiB.
    pub traffic: u64,
    /// Bytes of a checkpoint; a larger one is refused. Default 1 MiB.
    pub checkpoint: u64,
    /// Jobs that one attempt may queue; more are refused. Default 100.
    pub enqueued: u64,
    /// Searches of the library; more are refused. Default 100.
    pub retrievals: u64,
    /// Files, folders, streams and timers that are open at the same time; `quota`
    /// beyond it. The host's own file descriptors are shared by all guests. Default 256.
    pub handles: u64,
    /// Resources of the component model that are alive at the same time, of the guest's
    /// own making included: each handle is one too, and is counted again while it is
    /// lent; `quota` beyond it. Default 10,000.
    pub resources: u64,
    /// Elements of all tables together; `quota` beyond it. Default 100,000: five times
    /// the largest function tables seen in components of interpreters.
    pub table_elements: u64,
    /// Core instances of the component, and likewise its tables; `quota` beyond it.
    /// A component of several modules has about ten. Default 64.
    pub instances: u64,
    /// Linear memories, whatever their size; `quota` beyond it. Default 16.
    pub memories: u64,
    /// Calls from the guest into the host, those that the engine makes because the guest asks (memory that grows,
    /// handles that are dropped) included, ticks of the epoch not; `quota` beyond it. Default 10,000,000.
    pub host_calls: u64,
    /// Bytes that one call may carry from the guest to the host; `quota` beyond it.
    /// Default 16 MiB.
    pub call_bytes: u64,
    /// How long a guest that asks whether it is cancelled has to return once it is;
    /// the others are stopped at once. Default 2 s.
    pub cancel_grace: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Millis::seconds(30),
            wall: Millis::seconds(600),
            memory: 256 << 20,
            scratch_bytes: 64 << 20,
            scratch_files: 1_000,
            log: 64 << 10,
            result: 256 << 10,
            requests: 1_000,
            traffic: 256 << 20,
            checkpoint: 1 << 20,
            enqueued: 100,
            retrievals: 100,
            handles: 256,
            resources: 10_000,
            table_elements: 100_000,
            instances: 64,
            memories: 16,
            host_calls: 10_000_000,
            call_bytes: 16 << 20,
            cancel_grace: Millis::seconds(2),
        }
    }
}

/// The wall time that an attempt has: its limit, or what is left until the deadline.
pub fn wall(limit: Millis, deadline: Option<Timestamp>, now: Timestamp) -> Wall {
    match deadline.map(|at| (at, at.since(now))) {
        Some((at, left)) if left < limit => Wall::Deadline { at, left },
        _ => Wall::Limit(limit),
    }
}

/// What bounds the wall time of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// `limits.wall`.
    Limit(Millis),
    /// The job's deadline, which comes sooner.
    Deadline {
        /// When it is.
        at: Timestamp,
        /// How long until then.
        left: Millis,
    },
}

impl Wall {
    /// The span itself.
    pub const fn span(self) -> Millis {
        match self {
            Self::Limit(span) | Self::Deadline { left: span, .. } => span,
        }
    }
}
