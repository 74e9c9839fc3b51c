//! Core dumps of guests: whether one is made, and which of those that are kept have to go.

use super::time::{Millis, Timestamp};
use serde::Deserialize;

/// Whether dumps are made at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dumps {
    /// None.
    #[default]
    Off,
    /// Of each guest that is ended by a trap or by a limit.
    On,
}

/// Whether one attempt leaves a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coredump {
    /// It does not.
    #[default]
    Off,
    /// It does, unless the guest has more bytes of linear memory than this.
    UpTo(u64),
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// For how long. Default 7 days.
    pub keep: Millis,
    /// Dumps at most; the oldest go. Default 20.
    pub files: u64,
    /// Bytes of all dumps at most; the oldest go. Default 1 GiB.
    pub bytes: u64,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { keep: Millis::seconds(7 * 86_400), files: 20, bytes: 1 << 30 }
    }
}

/// A dump that lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Of the attempt with this lease.
    pub lease: i64,
    /// Since when.
    pub at: Timestamp,
    /// Its size.
    pub bytes: u64,
}

/// The leases whose dumps have to go: those that are too old, and the oldest of those that are too many or too large
/// together.
pub fn surplus(mut kept: Vec<Kept>, keeping: &Keeping, now: Timestamp) -> Vec<i64> {
    kept.sort_by_key(|dump| std::cmp::Reverse((dump.at, dump.lease)));
    let (mut files, mut bytes) = (0_u64, 0_u64);
    kept.retain(|dump| {
        files += 1;
        bytes = bytes.saturating_add(dump.bytes);
        now.since(dump.at) > keeping.keep || files > keeping.files || bytes > keeping.bytes
    });
    kept.into_iter().map(|dump| dump.lease).collect()
}
