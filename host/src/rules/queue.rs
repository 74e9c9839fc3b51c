//! How free slots are shared, and how many jobs may be claimed ahead.

use std::collections::BTreeMap;
use std::time::Duration;

/// One queue's claim on free slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The queue.
    pub queue: String,
    /// Jobs that are ready in it.
    pub ready: u64,
    /// How many more it may run by its own limit.
    pub room: u64,
}

/// Share `free` slots among queues: equal turns, starting behind the queue that
/// was served last, until the slots or the demands are used up. Never gives out
/// more than `free`, nor more than a queue's `ready` or `room`; leaves nothing
/// idle while a queue could use it.
pub fn share(demands: &[Demand], free: u64, last_served: Option<&str>) -> BTreeMap<String, u64> {
    let start = demands.iter().position(|d| Some(d.queue.as_str()) > last_served).unwrap_or(0);
    let turns: Vec<&Demand> = demands[start..].iter().chain(&demands[..start]).collect();
    let mut given: BTreeMap<String, u64> = BTreeMap::new();
    let mut free = free;
    loop {
        let hungry: Vec<&&Demand> = turns
            .iter()
            .filter(|d| given.get(&d.queue).copied().unwrap_or(0) < d.ready.min(d.room))
            .collect();
        if hungry.is_empty() || free == 0 {
            return given;
        }
        let each = (free / hungry.len() as u64).max(1);
        for demand in hungry {
            let has = given.entry(demand.queue.clone()).or_insert(0);
            let more = each.min(demand.ready.min(demand.room) - *has).min(free);
            *has += more;
            free -= more;
        }
        given.retain(|_, slots| *slots > 0);
    }
}

/// How far ahead of its guest threads the worker claims: enough work for this
/// long, so that group commits are large when jobs are short and priorities
/// bite at once when they are long.
pub const AHEAD: Duration = Duration::from_millis(20);

/// How many more jobs to claim now. `unstarted` are claimed and wait for a guest
/// thread, `in_flight` are all that are claimed, `busy` is the recent mean of
/// thread time per attempt.
pub fn claimable(slots: u64, in_flight: u64, unstarted: u64, threads: u64, busy: Duration) -> u64 {
    let per_thread = AHEAD.as_nanos() / busy.as_nanos().max(1_000);
    let ahead = u64::try_from(per_thread).unwrap_or(u64::MAX).saturating_add(1).saturating_mul(threads);
    slots.saturating_sub(in_flight).min(ahead.saturating_sub(unstarted))
}
