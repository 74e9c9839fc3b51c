//! Queues: what is set for them, and the clocks of their rates.
//!
//! A queue has a row only once somebody paused or set it, or once its clocks ran.
//! How many of its jobs run is known to the writer alone and read again at the start.

use super::batch::{Batch, json, parse};
use super::op::{Op, Reply};
use super::view::View;
use super::{Store, StoreError};
use crate::rules::queue::{Lane, Limits, Own, QueueState, Room, Rooms, Set, Used, next_room, room};
use crate::rules::rate::Clock;
use crate::rules::time::Timestamp;
use crate::rules::{key, queue};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A queue as the writer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Queue {
    pub(crate) state: QueueState,
    /// What an operator set.
    pub(crate) set: Set,
    pub(crate) used: Used,
    /// Its place in the order of turns.
    pub(crate) turn: u64,
    /// The last claim found no room in it: until then, or until one of its jobs ends.
    pub(crate) full: Option<Option<Timestamp>>,
}

impl Queue {
    /// The queue in a row: name, state, own, rate_at, tokens_at.
    pub(crate) fn of(row: &SqliteRow) -> Result<Self, StoreError> {
        let state = QueueState::parse(row.try_get(1)?).ok_or_else(|| StoreError::Corrupt("queue state".into()))?;
        let (rate, tokens) = (Clock(row.try_get(3)?), Clock(row.try_get(4)?));
        let used = Used { running: 0, rate, tokens };
        Ok(Self { state, set: parse(row.try_get(2)?)?, used, turn: 0, full: None })
    }

    /// What it may do at most, with the burst that its tokens have.
    pub(crate) fn limits(&self, name: &str, configured: &queue::Configured) -> Limits {
        whole_tokens(self.set.over(configured.of(name)))
    }

    /// As people see it.
    pub(crate) fn row(&self, name: String, ready: u64, configured: &queue::Configured, now: Timestamp) -> QueueRow {
        let limits = self.set.over(configured.of(&name));
        // By the passing of time alone; a job that ends makes room as well.
        let by_time = Limits { concurrency: None, ..whole_tokens(limits) };
        let next_at = next_room(&by_time, &self.used, now);
        QueueRow { name, state: self.state, ready, running: self.used.running, set: self.set, limits, next_at }
    }
}

/// What an operator does to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueChange {
    /// Its jobs wait; those that run go on.
    Pause,
    /// Its jobs run again.
    Resume,
    /// As pause, and it is paused when the last that runs has ended.
    Drain,
    /// Other limits: those that are named.
    Set(Set),
    /// The limits of the configuration again.
    Reset,
}

/// A queue as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: QueueState,
    /// Jobs that a claim could take if the queue has room.
    pub ready: u64,
    /// Jobs that run.
    pub running: u64,
    /// What was set by an operator.
    pub set: Set,
    /// What holds: what was set, and the rest from the configuration.
    pub limits: Limits,
    /// When its rate and its tokens allow the next job (ms); none when they do now.
    pub next_at: Option<Timestamp>,
}

impl Store {
    /// Tell the store what the configuration says of queues and keys, now and
    /// whenever it has changed. Writes nothing.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn configure(&self, queues: queue::Configured, keys: key::Configured) -> Result<(), StoreError> {
        self.send(Op::Configure { queues: Arc::new(queues), keys: Arc::new(keys) }).await.map(|_| ())
    }

    /// Change a queue.
    ///
    /// # Errors
    /// The database said no.
    pub async fn change_queue(&self, name: String, change: QueueChange) -> Result<(), StoreError> {
        self.send(Op::Queue { name, change }).await.map(|_| ())
    }

    /// Every queue that has a row, jobs that are ready or run, or limits in the
    /// configuration, by name.
    ///
    /// # Errors
    /// The database said no.
    pub async fn queues(
        &self,
        configured: &queue::Configured,
        now: Timestamp,
    ) -> Result<BTreeMap<String, QueueRow>, StoreError> {
        let mut snapshot = self.readers().begin().await?;
        let mut queues: BTreeMap<String, Queue> =
            configured.limits.keys().map(|name| (name.clone(), Queue::default())).collect();
        let rows = sqlx::query("SELECT name, state, own, rate_at, tokens_at FROM queue");
        for row in rows.fetch_all(&mut *snapshot).await? {
            queues.insert(row.try_get(0)?, Queue::of(&row)?);
        }
        for row in sqlx::query(super::view::RUNNING).fetch_all(&mut *snapshot).await? {
            queues.entry(row.try_get(0)?).or_default().used.running = row.try_get(1)?;
        }
        let mut ready: BTreeMap<String, u64> = BTreeMap::new();
        for row in sqlx::query(READY).fetch_all(&mut *snapshot).await? {
            queues.entry(row.try_get(0)?).or_default();
            ready.insert(row.try_get(0)?, row.try_get(1)?);
        }
        snapshot.commit().await?;
        let row = |(name, queue): (String, Queue)| {
            let row = queue.row(name.clone(), ready.get(&name).copied().unwrap_or(0), configured, now);
            (name, row)
        };
        Ok(queues.into_iter().map(row).collect())
    }

    /// Every kind that a handler does.
    ///
    /// # Errors
    /// The database said no.
    pub async fn kinds(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT kind FROM route ORDER BY kind").fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }
}

pub(super) const READY: &str = "SELECT queue, count(*) FROM job WHERE wait = 'ready' GROUP BY queue";

/// Change a queue.
pub(super) fn change(batch: &mut Batch<'_>, name: &str, change: &QueueChange) -> Reply {
    let queue = batch.view.queue(name);
    match change {
        QueueChange::Pause => queue.state = QueueState::Paused,
        QueueChange::Resume => queue.state = QueueState::Open,
        QueueChange::Drain => queue.state = QueueState::Draining,
        QueueChange::Reset => queue.set = Set::default(),
        QueueChange::Set(new) => {
            let Set { concurrency, rate, tokens } = queue.set;
            queue.set = Set {
                concurrency: new.concurrency.or(concurrency),
                rate: new.rate.or(rate),
                tokens: new.tokens.or(tokens),
            };
            if matches!(new.rate, Some(Own::Limit(_))) {
                queue.used.rate = Clock::default();
            }
            if matches!(new.tokens, Some(Own::Limit(_))) {
                queue.used.tokens = Clock::default();
            }
        }
    }
    queue.full = None;
    batch.view.suspects_stuck = false;
    settle(batch, name);
    batch.queue_changed(name);
    Reply::Done
}

/// A queue that drains is paused once nothing of it runs.
fn settle(batch: &mut Batch<'_>, name: &str) {
    let queue = batch.view.queue(name);
    if queue.state == QueueState::Draining && queue.used.running == 0 {
        queue.state = QueueState::Paused;
        batch.queue_changed(name);
    }
}

/// A job of a queue that ran has ended, having used so many tokens.
pub(super) fn ended(batch: &mut Batch<'_>, name: &str, tokens: u64, now: Timestamp) {
    let configured = Arc::clone(&batch.view.queue_limits);
    let queue = batch.view.queue(name);
    queue.used.running = queue.used.running.saturating_sub(1);
    queue.full = None;
    batch.view.suspects_stuck = false;
    let queue = batch.view.queue(name);
    if tokens > 0
        && let Some(rate) = queue.set.over(configured.of(name)).tokens
    {
        queue.used.tokens = queue.used.tokens.after(rate.whole(), now, tokens);
        batch.queue_changed(name);
    }
    settle(batch, name);
}

/// What the queues with ready jobs leave open; marks those that leave nothing.
pub(super) fn rooms(batch: &mut Batch<'_>, now: Timestamp) -> Rooms {
    let configured = Arc::clone(&batch.view.queue_limits);
    let names: Vec<Arc<str>> = batch.view.lanes.keys().map(|lane| Arc::clone(&lane.queue)).collect();
    let mut rooms = Rooms::new();
    for name in names {
        if rooms.contains_key(&name) {
            continue;
        }
        let queue = batch.view.queue(&name);
        if queue.state == QueueState::Open {
            let limits = whole_tokens(queue.set.over(configured.of(&name)));
            let room = Room { room: room(&limits, &queue.used, now), turn: queue.turn };
            queue.full = (room.room == 0).then(|| next_room(&limits, &queue.used, now));
            rooms.insert(name, room);
        }
    }
    rooms
}

/// Tokens may be spent a whole period's at once.
fn whole_tokens(limits: Limits) -> Limits {
    Limits { tokens: limits.tokens.map(crate::rules::rate::Rate::whole), ..limits }
}

/// The queues in which nothing may begin, whatever the time: those that are not open,
/// and those that run as many jobs as they may.
pub(super) fn closed(view: &View) -> Vec<&str> {
    let is_closed = |(name, queue): &(&Arc<str>, &Queue)| {
        let most = queue.set.over(view.queue_limits.of(name)).concurrency;
        queue.state != QueueState::Open || most.is_some_and(|most| queue.used.running >= most)
    };
    view.queues.iter().filter(is_closed).map(|(name, _)| &**name).collect()
}

/// So many jobs of a lane have begun.
pub(super) fn began(batch: &mut Batch<'_>, lane: &Lane, jobs: u64, now: Timestamp) {
    let configured = Arc::clone(&batch.view.queue_limits);
    batch.view.turn += 1;
    let turn = batch.view.turn;
    if let Some(waiting) = batch.view.lanes.get_mut(lane) {
        (waiting.since, waiting.turn) = (Some(now), turn);
    }
    batch.view.queue(&lane.queue).turn = turn;
    started(batch, &lane.queue, jobs, now, &configured);
}

/// So many jobs of a queue have begun, out of turn or in it.
pub(super) fn started(batch: &mut Batch<'_>, name: &str, jobs: u64, now: Timestamp, configured: &queue::Configured) {
    let queue = batch.view.queue(name);
    queue.used.running += jobs;
    let limits = whole_tokens(queue.set.over(configured.of(name)));
    if jobs > 0
        && let Some(rate) = limits.rate
    {
        queue.used.rate = queue.used.rate.after(rate, now, jobs);
        batch.queue_changed(name);
    }
    let queue = batch.view.queue(name);
    queue.full = (room(&limits, &queue.used, now) == 0).then(|| next_room(&limits, &queue.used, now));
}

pub(super) const WRITE: &str = "INSERT INTO queue (name, state, own, rate_at, tokens_at)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($5) WHERE true
    ON CONFLICT (name) DO UPDATE SET state = excluded.state, own = excluded.own, rate_at = excluded.rate_at,
       tokens_at = excluded.tokens_at";

/// What is written of a queue.
pub(super) type Written<'a> = (&'a str, &'static str, String, Clock, Clock);

/// What is written of the queues that changed.
pub(super) fn rows<'a>(view: &mut View, names: &'a BTreeSet<Arc<str>>) -> Result<Vec<Written<'a>>, StoreError> {
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        let queue = view.queue(name);
        let Used { rate, tokens, .. } = queue.used;
        rows.push((name.as_ref(), queue.state.name(), json(&queue.set)?, rate, tokens));
    }
    Ok(rows)
}
