//! The one place that reads a clock.

use crate::rules::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock now; 1970 if the machine's clock stands before it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The kernel's id of this boot of the machine: tells a reboot from the death of
/// a process. Empty where there is none.
pub fn machine_boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
