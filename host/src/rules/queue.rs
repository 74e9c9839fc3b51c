//! How free slots are shared, and how many jobs may be claimed ahead.

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

/// Who gets how many slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shares {
    /// Queue and slots, in the order of their turns; none with zero slots.
    pub slots: Vec<(String, u64)>,
    /// The queue that got the last slot: the next turn begins behind it.
    pub last_served: Option<String>,
}

/// Share `free` slots among queues: equal turns, starting behind the queue that
/// was served last, until the slots or the demands are used up. Never gives out
/// more than `free`, nor more than a queue's `ready` or `room`; leaves nothing
/// idle while a queue could use it. `demands` are in the order of their names,
/// and each queue is there once.
pub fn share(demands: &[Demand], free: u64, last_served: Option<&str>) -> Shares {
    let start = demands.iter().position(|d| Some(d.queue.as_str()) > last_served).unwrap_or(0);
    let mut turns: Vec<(&Demand, u64)> =
        demands[start..].iter().chain(&demands[..start]).map(|demand| (demand, 0)).collect();
    let mut last = last_served;
    let mut free = free;
    loop {
        let hungry = turns.iter().filter(|(demand, has)| *has < demand.wish()).count() as u64;
        if hungry == 0 || free == 0 {
            break;
        }
        let each = (free / hungry).max(1);
        for (demand, has) in &mut turns {
            let more = each.min(demand.wish() - *has).min(free);
            if more > 0 {
                *has += more;
                free -= more;
                last = Some(&demand.queue);
            }
        }
    }
    let slots = turns.iter().filter(|(_, has)| *has > 0).map(|(demand, has)| (demand.queue.clone(), *has)).collect();
    Shares { slots, last_served: last.map(str::to_owned) }
}

impl Demand {
    /// What it could use.
    fn wish(&self) -> u64 {
        self.ready.min(self.room)
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
