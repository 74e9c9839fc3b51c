//! One run of a job: how it ended and what it used.

use super::time::Millis;
use serde::{Deserialize, Serialize};

/// Why an attempt did not succeed. Each class has its own retry policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The handler said that it may work another time.
    Transient,
    /// The handler said that it never will.
    Permanent,
    /// The handler named a time to try again.
    Deferred,
    /// The guest crashed: a panic, an abort, a broken invariant.
    Trap,
    /// Wall time spent.
    Timeout,
    /// Guest CPU time spent.
    CpuLimit,
    /// Memory spent.
    MemoryLimit,
    /// Spent whatever else is counted: bytes and files of `/output`, requests, handles, calls.
    Quota,
    /// The guest reached for something that was not granted.
    Denied,
    /// The payload does not match the handler's schema.
    BadPayload,
    /// The result or the artifacts are not what the handler announced.
    BadOutput,
    /// No handler does this kind.
    NoHandler,
    /// The host could not do its part: a full disk, a broken folder.
    HostFault,
    /// The host died, again and again, while only this job was suspected.
    Lost,
    /// Someone cancelled the job.
    Cancelled,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Transient,
        Self::Permanent,
        Self::Deferred,
        Self::Trap,
        Self::Timeout,
        Self::CpuLimit,
        Self::MemoryLimit,
        Self::Quota,
        Self::Denied,
        Self::BadPayload,
        Self::BadOutput,
        Self::NoHandler,
        Self::HostFault,
        Self::Lost,
        Self::Cancelled,
    ];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Deferred => "deferred",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::CpuLimit => "cpu-limit",
            Self::MemoryLimit => "memory-limit",
            Self::Quota => "quota",
            Self::Denied => "denied",
            Self::BadPayload => "bad-payload",
            Self::BadOutput => "bad-output",
            Self::NoHandler => "no-handler",
            Self::HostFault => "host-fault",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        }
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with the result document (JSON text).
    Done(String),
    /// Nothing had to be done, with the result document (JSON text).
    Unchanged(String),
    /// Not done.
    Failed(Fault),
    /// The host stopped the guest because the host itself stops: uncharged.
    Stopped,
}

/// Why an attempt was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The class.
    pub class: Class,
    /// One line for people; names the thing and the value.
    pub message: String,
    /// More as JSON text, if the guest gave any.
    pub details: Option<String>,
    /// For [`Class::Deferred`]: how long the handler asked to wait.
    pub after: Option<Millis>,
    /// Guest frames with function names, innermost first, one a line; empty if
    /// the guest did not trap.
    pub backtrace: String,
}

impl Fault {
    /// A fault with neither details nor backtrace.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), details: None, after: None, backtrace: String::new() }
    }
}

/// What an attempt used, measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// CPU time inside the guest, in microseconds: spans between the engine's
    /// call-hook edges, settled against the CPU clock of the thread every 100 µs
    /// and at the end of each poll, so that waiting is never charged.
    pub cpu_us: u64,
    /// CPU time that the host spent in calls the guest made, in microseconds;
    /// measured in the same way.
    pub host_us: u64,
    /// Wall time from start to end of the attempt, in microseconds.
    pub wall_us: u64,
    /// Peak of the sum of linear memories, in bytes.
    pub memory: u64,
    /// Bytes that lay in `/output` at most.
    pub scratch_bytes: u64,
    /// Files and folders that were made in `/output`.
    pub scratch_files: u64,
    /// Calls from the guest into the host, counted like [`Limits::host_calls`](super::limit::Limits::host_calls).
    pub host_calls: u64,
    /// Bytes written to log, stdout and stderr, kept or not.
    pub log_bytes: u64,
    /// Bytes of the result document.
    pub result_bytes: u64,
    /// Requests to the outside.
    pub requests: u64,
    /// Bytes of the bodies of these requests.
    pub sent_bytes: u64,
    /// Bytes of the bodies of the answers.
    pub received_bytes: u64,
    /// Bytes of the checkpoints that were kept, those that replaced one another included.
    pub checkpoint_bytes: u64,
    /// Bytes of the largest of them.
    pub largest_checkpoint: u64,
    /// Jobs that it wanted to be queued; they are only if it succeeded.
    pub enqueued: u64,
    /// Searches of the library.
    pub retrievals: u64,
    /// Tokens of a model that it said it used.
    pub tokens: u64,
    /// Files, folders, streams and timers that were open at the same time at most.
    pub handles: u64,
    /// Elements of all tables together, at most.
    pub table_elements: u64,
    /// Core instances that were made of the component.
    pub instances: u64,
    /// Tables that the component has.
    pub tables: u64,
    /// Linear memories that the component has.
    pub memories: u64,
}

impl Usage {
    /// Every amount, by the name that it has in JSON.
    pub const fn amounts(&self) -> [(&'static str, u64); 22] {
        // Each is named, so that a new one is not forgotten.
        let Self {
            cpu_us,
            host_us,
            wall_us,
            memory,
            scratch_bytes,
            scratch_files,
            host_calls,
            log_bytes,
            result_bytes,
            requests,
            sent_bytes,
            received_bytes,
            checkpoint_bytes,
            largest_checkpoint,
            enqueued,
            retrievals,
            tokens,
            handles,
            table_elements,
            instances,
            tables,
            memories,
        } = *self;
        [
            ("cpu_us", cpu_us),
            ("host_us", host_us),
            ("wall_us", wall_us),
            ("memory", memory),
            ("scratch_bytes", scratch_bytes),
            ("scratch_files", scratch_files),
            ("host_calls", host_calls),
            ("log_bytes", log_bytes),
            ("result_bytes", result_bytes),
            ("requests", requests),
            ("sent_bytes", sent_bytes),
            ("received_bytes", received_bytes),
            ("checkpoint_bytes", checkpoint_bytes),
            ("largest_checkpoint", largest_checkpoint),
            ("enqueued", enqueued),
            ("retrievals", retrievals),
            ("tokens", tokens),
            ("handles", handles),
            ("table_elements", table_elements),
            ("instances", instances),
            ("tables", tables),
            ("memories", memories),
        ]
    }

    /// What is not zero; the rest is zero when these are read again.
    pub fn used(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        self.amounts().into_iter().filter(|(_, amount)| *amount != 0)
    }
}
