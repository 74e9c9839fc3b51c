//! How free slots are shared, and how many jobs may be claimed ahead.
//!
//! Ready jobs wait in *lanes*: those of one queue, kind, import and priority. The
//! lane with the smallest priority goes first, and every lane that waits gains a
//! level for each `ageing` that it was not served, so that none starves. Lanes of
//! the same level take turns twice over: first the queues, then the lanes within
//! each, so that a queue with a thousand imports gets one queue's turns. Whoever was
//! served longest ago is first. A kind that does nothing but fail yields: its lanes
//! are a level behind, until one of its jobs succeeds. A queue has room for so many as its own concurrency,
//! rate and tokens leave. What this cannot promise: that a claim serves every lane
//! that could use a slot; it looks at [`LANES`] of them, and the next claim at others.

use super::rate::{Clock, Rate};
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Lanes that one claim serves at most: each is a query.
pub const LANES: usize = 32;
/// The default of `queue.ageing`: a level for each minute.
pub const AGEING: Millis = Millis::seconds(60);
/// Attempts of a kind that fail one behind the other, after which its lanes yield.
pub const FAILURES: u32 = 20;
/// The largest concurrency of a queue.
pub const MAX_CONCURRENCY: u64 = 10_000;
/// The priorities that a job may have: from minus this to this.
pub const MAX_PRIORITY: i64 = 100;
/// Bytes of a queue's name at most.
pub const MAX_NAME: usize = 64;

/// Where a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueState {
    /// Its jobs run.
    #[default]
    Open,
    /// Its jobs wait; those that run go on.
    Paused,
    /// As paused, and becomes so when the last that runs has ended.
    Draining,
}

impl QueueState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Paused, Self::Draining];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What a queue may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Jobs that run at once; as many as there are slots without.
    pub concurrency: Option<u64>,
    /// Jobs that begin; as many as there are without.
    pub rate: Option<Rate>,
    /// Tokens that its handlers report; any number without.
    pub tokens: Option<Rate>,
}

/// A limit that an operator set: another one, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Own<T> {
    /// No limit.
    None,
    /// This one.
    Limit(T),
}

impl<T: Copy> Own<T> {
    /// The limit, if it is one.
    pub const fn limit(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::Limit(limit) => Some(limit),
        }
    }
}

/// What an operator set for a queue; the rest comes from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Set {
    /// Jobs that run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Own<u64>>,
    /// Jobs that begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Own<Rate>>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Own<Rate>>,
}

impl Set {
    /// What is set here, and the rest from there.
    pub fn over(self, base: Limits) -> Limits {
        Limits {
            concurrency: self.concurrency.map_or(base.concurrency, Own::limit),
            rate: self.rate.map_or(base.rate, Own::limit),
            tokens: self.tokens.map_or(base.tokens, Own::limit),
        }
    }
}

/// What the configuration says of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// A lane that waits gains a level for each of these. Default 1 min.
    pub ageing: Millis,
    /// The limits of those that have some.
    pub limits: BTreeMap<String, Limits>,
}

impl Default for Configured {
    fn default() -> Self {
        Self { ageing: AGEING, limits: BTreeMap::new() }
    }
}

impl Configured {
    /// The limits of a queue.
    pub fn of(&self, queue: &str) -> Limits {
        self.limits.get(queue).copied().unwrap_or_default()
    }
}

/// What a queue has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Jobs that run.
    pub running: u64,
    /// The clock of its rate.
    pub rate: Clock,
    /// The clock of its tokens.
    pub tokens: Clock,
}

/// How many more jobs of a queue may begin now.
pub fn room(limits: &Limits, used: &Used, now: Timestamp) -> u64 {
    let concurrency = limits.concurrency.map_or(u64::MAX, |most| most.saturating_sub(used.running));
    let rate = limits.rate.map_or(u64::MAX, |rate| used.rate.allows(rate, now));
    // How many tokens a job takes is known when it ends.
    let tokens = match limits.tokens {
        Some(rate) if used.tokens.allows(rate, now) == 0 => 0,
        _ => u64::MAX,
    };
    concurrency.min(rate).min(tokens)
}

/// When a queue without room has some again by the passing of time alone; none if
/// it has some, or if one of its jobs has to end first.
pub fn next_room(limits: &Limits, used: &Used, now: Timestamp) -> Option<Timestamp> {
    if limits.concurrency.is_some_and(|most| used.running >= most) {
        return None;
    }
    let rate = limits.rate.map(|rate| used.rate.next(rate, now));
    let tokens = limits.tokens.map(|rate| used.tokens.next(rate, now));
    rate.max(tokens).filter(|at| *at > now)
}

/// What ready jobs have in common that wait in one line. The smaller priority is
/// claimed first, then the smaller id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Their queue.
    pub queue: Arc<str>,
    /// Their kind.
    pub kind: Arc<str>,
    /// Their import; 0 when they belong to none.
    pub import: i64,
    /// Their priority.
    pub priority: i64,
}

/// Whether a kind gets anything done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Manner {
    /// It does, or too little is known of it.
    #[default]
    Sound,
    /// Its last attempts have all failed: retries of it must not slow down the others.
    Failing,
}

impl Manner {
    /// After so many failures in a row.
    pub const fn after(failures: u32) -> Self {
        if failures >= FAILURES { Self::Failing } else { Self::Sound }
    }
}

/// One lane's claim on free slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The lane.
    pub lane: Lane,
    /// Jobs that are ready in it.
    pub ready: u64,
    /// When it was served last, or began to wait.
    pub since: Timestamp,
    /// Its place in the order of turns: smaller was served longer ago.
    pub turn: u64,
    /// How its kind does.
    pub manner: Manner,
}

impl Demand {
    /// Its level: its priority, a level less for each `ageing` that it waited, and one more
    /// for a kind that fails.
    pub fn level(&self, now: Timestamp, ageing: Millis) -> i64 {
        let gained = i64::try_from(now.since(self.since).0 / ageing.0.max(1)).unwrap_or(i64::MAX);
        let behind = match self.manner {
            Manner::Sound => 0,
            Manner::Failing => 1,
        };
        self.lane.priority.saturating_sub(gained).saturating_add(behind)
    }
}

/// What the queues of the demands leave open, by name.
pub type Rooms = BTreeMap<Arc<str>, Room>;

/// What one queue leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Jobs that may begin.
    pub room: u64,
    /// Its place in the order of turns: smaller was served longer ago.
    pub turn: u64,
}

/// Share `free` slots among lanes: lane and slots, none with zero slots, [`LANES`] at
/// most; within a level the queue, and within a queue the lane, that got its last slot
/// last is the last, so this is also the order of turns from now on. Never gives out
/// more than `free`, nor more than a lane has ready or its queue leaves open; a queue
/// that is not in `rooms` gets nothing. Leaves nothing idle while one of [`LANES`]
/// lanes could use it.
pub fn share(demands: &[Demand], rooms: &Rooms, free: u64, now: Timestamp, ageing: Millis) -> Vec<(Lane, u64)> {
    let mut levels: BTreeMap<i64, Vec<&Demand>> = BTreeMap::new();
    for demand in demands {
        levels.entry(demand.level(now, ageing)).or_default().push(demand);
    }
    let mut rooms = rooms.clone();
    let (mut free, mut shares) = (free, Vec::new());
    for demands in levels.into_values() {
        if free == 0 || shares.len() == LANES {
            break;
        }
        let queues = in_turn(demands, &rooms, LANES - shares.len());
        let wish = |queue: &Vec<&Demand>| {
            let ready = queue.iter().fold(0_u64, |sum, demand| sum.saturating_add(demand.ready));
            queue.first().map_or(0, |demand| ready.min(open(&rooms, demand)))
        };
        for (at, slots) in turns(&queues.iter().map(wish).collect::<Vec<_>>(), free) {
            free -= slots;
            let queue = &queues[at];
            let wishes: Vec<u64> = queue.iter().map(|demand| demand.ready).collect();
            shares.extend(turns(&wishes, slots).into_iter().map(|(at, slots)| (queue[at].lane.clone(), slots)));
            if let Some(room) = queue.first().and_then(|demand| rooms.get_mut(&demand.lane.queue)) {
                room.room -= slots;
            }
        }
    }
    shares
}

fn open(rooms: &Rooms, demand: &Demand) -> u64 {
    rooms.get(&demand.lane.queue).map_or(0, |room| room.room)
}

/// The lanes of one level by queue, both in the order of their turns; the first
/// `most` lanes, where every queue has its first before any has its second.
fn in_turn<'a>(demands: Vec<&'a Demand>, rooms: &Rooms, most: usize) -> Vec<Vec<&'a Demand>> {
    let mut queues: BTreeMap<&str, Vec<&Demand>> = BTreeMap::new();
    for demand in demands.into_iter().filter(|demand| demand.ready > 0 && open(rooms, demand) > 0) {
        queues.entry(&demand.lane.queue).or_default().push(demand);
    }
    let mut queues: Vec<Vec<&Demand>> = queues.into_values().collect();
    let turn = |queue: &Vec<&Demand>| queue.first().and_then(|demand| rooms.get(&demand.lane.queue)).map(|r| r.turn);
    queues.sort_by_key(turn);
    queues.iter_mut().for_each(|lanes| lanes.sort_by_key(|demand| demand.turn));
    let longest = queues.iter().map(Vec::len).max().unwrap_or(0);
    let places = (0..longest).flat_map(|at| (0..queues.len()).map(move |queue| (queue, at)));
    let mut kept = vec![0; queues.len()];
    places.filter(|(queue, at)| *at < queues[*queue].len()).take(most).for_each(|(queue, at)| kept[queue] = at + 1);
    queues.iter_mut().zip(kept).for_each(|(lanes, kept)| lanes.truncate(kept));
    queues.retain(|lanes| !lanes.is_empty());
    queues
}

/// Equal turns, from the first to the last and again, until the slots or the wishes
/// are used up: whose wish it is and how many it got, none with nothing; who got the
/// last slot is the last.
fn turns(wishes: &[u64], free: u64) -> Vec<(usize, u64)> {
    let mut has: Vec<(usize, u64)> = vec![(0, 0); wishes.len()];
    let (mut free, mut given) = (free, 0);
    loop {
        let hungry = has.iter().zip(wishes).filter(|((_, has), wish)| has < *wish).count() as u64;
        if hungry == 0 || free == 0 {
            break;
        }
        let each = (free / hungry).max(1);
        for ((last, has), wish) in has.iter_mut().zip(wishes) {
            let more = each.min(wish - *has).min(free);
            if more > 0 {
                given += 1;
                *last = given;
                *has += more;
                free -= more;
            }
        }
    }
    let mut order: Vec<usize> = (0..wishes.len()).filter(|at| has[*at].1 > 0).collect();
    order.sort_by_key(|at| has[*at].0);
    order.into_iter().map(|at| (at, has[at].1)).collect()
}

/// Why a text cannot be the name of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a queue: 1 to {MAX_NAME} lower-case letters, digits, '-', '_' and '.'")]
pub struct NameError(String);

/// Whether a text can be the name of a queue.
///
/// # Errors
/// It is too long, or has other characters.
pub fn name(text: &str) -> Result<(), NameError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(fits) {
        Ok(())
    } else {
        Err(NameError(text.to_owned()))
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
