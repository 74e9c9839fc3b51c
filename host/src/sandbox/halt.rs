//! Why the host ended a guest: the errors with which its own callbacks trap.

use super::stop::Reason;
use crate::rules::time::Millis;

/// The host's reason. Travels through the engine as the trap's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Halt {
    /// Guest CPU spent.
    #[error("used more CPU time than limits.cpu = {0} allows: give it less to do or raise the limit")]
    Cpu(Millis),
    /// Host CPU spent in calls of the guest; it has the same limit.
    #[error(
        "its calls kept the host busy for longer than limits.cpu = {0} allows: let it call the host less or raise the limit"
    )]
    HostCpu(Millis),
    /// Wall time spent.
    #[error("ran longer than limits.wall = {0} allows: raise the limit, or let the handler answer retry-after")]
    Wall(Millis),
    /// Memory spent.
    #[error("wanted {wanted} bytes of memory, more than limits.memory = {limit} allows")]
    Memory {
        /// Sum of linear memories it would have had.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// Tables spent.
    #[error("wanted {wanted} table elements, more than limits.table_elements = {limit} allows")]
    Tables {
        /// Sum of elements it would have had.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// Calls into the host spent.
    #[error(
        "called the host more often than limits.host_calls = {0} allows: let it call less often or raise the limit"
    )]
    HostCalls(u64),
    /// Someone asked to stop it.
    #[error("stopped by the host")]
    Stop(Reason),
    /// It left by `exit`.
    #[error("called exit({0}) instead of returning from run")]
    Exit(u8),
}
