//! `[limits]` and `[handler.NAME.limits]`: what one attempt may use.

use super::unit;
use crate::rules::limit::Limits;
use crate::rules::time::Millis;
use serde::Deserialize;

/// Limits; what is not named keeps its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsTable {
    /// Guest CPU time.
    #[serde(deserialize_with = "unit::some_duration")]
    pub cpu: Option<Millis>,
    /// Wall time.
    #[serde(deserialize_with = "unit::some_duration")]
    pub wall: Option<Millis>,
    /// Linear memory.
    #[serde(deserialize_with = "unit::some_size")]
    pub memory: Option<u64>,
    /// Bytes in `/output`.
    #[serde(deserialize_with = "unit::some_size")]
    pub scratch_bytes: Option<u64>,
    /// Files and folders in `/output`.
    pub scratch_files: Option<u64>,
    /// Kept bytes of log.
    #[serde(deserialize_with = "unit::some_size")]
    pub log: Option<u64>,
    /// Requests to the outside.
    pub requests: Option<u64>,
    /// Bytes of bodies sent and received.
    #[serde(deserialize_with = "unit::some_size")]
    pub traffic: Option<u64>,
    /// Bytes of the result.
    #[serde(deserialize_with = "unit::some_size")]
    pub result: Option<u64>,
    /// Bytes of a checkpoint.
    #[serde(deserialize_with = "unit::some_size")]
    pub checkpoint: Option<u64>,
    /// Jobs that an attempt may queue.
    pub enqueued: Option<u64>,
    /// Searches of the library.
    pub retrievals: Option<u64>,
    /// Files, folders, streams and timers open at the same time.
    pub handles: Option<u64>,
    /// Resources of the component model alive at the same time.
    pub resources: Option<u64>,
    /// Elements of all tables.
    pub table_elements: Option<u64>,
    /// Core instances, and tables.
    pub instances: Option<u64>,
    /// Linear memories.
    pub memories: Option<u64>,
    /// Calls into the host.
    pub host_calls: Option<u64>,
    /// Bytes that one call may carry to the host.
    #[serde(deserialize_with = "unit::some_size")]
    pub call_bytes: Option<u64>,
    /// What a guest has to return once it is cancelled.
    #[serde(deserialize_with = "unit::some_duration")]
    pub cancel_grace: Option<Millis>,
}

impl LimitsTable {
    /// What cannot be any number: key, value, least, most, and the same in words. Below the least no
    /// component of the usual toolchains starts; beyond the most the machine is what gives.
    pub(super) const fn bounded(&self) -> [(&'static str, Option<u64>, u64, u64, &'static str); 11] {
        [
            ("memory", self.memory, 1 << 20, 4 << 30, "1MiB to 4GiB"),
            ("checkpoint", self.checkpoint, 0, 8 << 20, "0B to 8MiB"),
            ("enqueued", self.enqueued, 0, 10_000, "0 to 10000"),
            ("retrievals", self.retrievals, 0, 10_000, "0 to 10000"),
            ("handles", self.handles, 16, 10_000, "16 to 10000"),
            ("resources", self.resources, 16, 1_000_000, "16 to 1000000"),
            ("table_elements", self.table_elements, 100, 10_000_000, "100 to 10000000"),
            ("instances", self.instances, 1, 1_000, "1 to 1000"),
            ("memories", self.memories, 1, 100, "1 to 100"),
            ("host_calls", self.host_calls, 100, u64::MAX, "100 or more"),
            ("call_bytes", self.call_bytes, 64 << 10, 1 << 30, "64KiB to 1GiB"),
        ]
    }

    /// These limits where they are named, and the others of `base`.
    pub(super) fn over(self, base: Limits) -> Limits {
        Limits {
            cpu: self.cpu.unwrap_or(base.cpu),
            wall: self.wall.unwrap_or(base.wall),
            memory: self.memory.unwrap_or(base.memory),
            scratch_bytes: self.scratch_bytes.unwrap_or(base.scratch_bytes),
            scratch_files: self.scratch_files.unwrap_or(base.scratch_files),
            log: self.log.unwrap_or(base.log),
            result: self.result.unwrap_or(base.result),
            requests: self.requests.unwrap_or(base.requests),
            traffic: self.traffic.unwrap_or(base.traffic),
            checkpoint: self.checkpoint.unwrap_or(base.checkpoint),
            enqueued: self.enqueued.unwrap_or(base.enqueued),
            retrievals: self.retrievals.unwrap_or(base.retrievals),
            handles: self.handles.unwrap_or(base.handles),
            resources: self.resources.unwrap_or(base.resources),
            table_elements: self.table_elements.unwrap_or(base.table_elements),
            instances: self.instances.unwrap_or(base.instances),
            memories: self.memories.unwrap_or(base.memories),
            host_calls: self.host_calls.unwrap_or(base.host_calls),
            call_bytes: self.call_bytes.unwrap_or(base.call_bytes),
            cancel_grace: self.cancel_grace.unwrap_or(base.cancel_grace),
        }
    }
}
