//! What the writer knows without asking.
//!
//! The writer is the only one who changes the database, so it keeps the few
//! numbers that each claim needs in memory: loaded once at start, changed with
//! every batch, and put back when a batch is rolled back.

use super::batch::parse;
use super::failure::entry::Log;
use super::import::Existing;
use super::pulse::{Dispatching, Ends, Pulse};
use super::queue::Queue;
use super::{StoreError, bulk};
use crate::rules::import::{Appetite, ImportState};
use crate::rules::job::State;
use crate::rules::key;
use crate::rules::queue::{self, FAILURES, Lane, Manner, QueueState};
use crate::rules::time::Timestamp;
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Jobs per kind and state, in the order of [`State::ALL`].
pub(crate) type Tally = BTreeMap<String, [i64; State::ALL.len()]>;

/// Move `by` jobs of a kind into (or out of) a state.
pub(crate) fn count(tally: &mut Tally, kind: &str, state: State, by: i64) {
    match tally.get_mut(kind) {
        Some(counts) => counts[state as usize] += by,
        None => tally.entry(kind.to_owned()).or_default()[state as usize] = by,
    }
}

/// The ready jobs of a lane; there is none without jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) jobs: u64,
    /// When it was served last, or began to wait; unknown until the first claim of a
    /// host that has just opened the store.
    pub(crate) since: Option<Timestamp>,
    /// Its place in the order of turns.
    pub(crate) turn: u64,
}

/// Where an import stands that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: ImportState,
    /// The byte of its list at which the next chunk begins.
    pub(crate) cursor: u64,
    /// Where the list ends.
    pub(crate) list_bytes: u64,
    /// Items before the cursor that were put aside.
    pub(crate) deferred: u64,
    /// Its items.
    pub(crate) total: u64,
    /// Items of it that become jobs together.
    pub(crate) chunk: u64,
    /// What becomes of its items whose document exists.
    pub(crate) existing: Existing,
}

/// The numbers themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) lanes: BTreeMap<Lane, Waiting>,
    pub(crate) queues: BTreeMap<Arc<str>, Queue>,
    /// The last turn that was given out.
    pub(crate) turn: u64,
    /// What the configuration says of queues.
    pub(crate) queue_limits: Arc<queue::Configured>,
    /// What it says of keys.
    pub(crate) key_paces: Arc<key::Configured>,
    /// What operators set for keys.
    pub(crate) key_sets: BTreeMap<String, key::Set>,
    /// When a key is to be looked at; zero when all of them are.
    pub(crate) next_key: Option<Timestamp>,
    /// Keys were waited for when the store was opened, under a pace that may be another one now.
    pub(crate) keys_unlooked: bool,
    /// Attempts that failed one behind the other, by kind; known since this process began.
    pub(crate) failures: BTreeMap<Arc<str>, u32>,
    /// Kinds whose handler is disabled.
    pub(crate) held: BTreeSet<String>,
    pub(crate) tally: Tally,
    pub(crate) next_timer: Option<Timestamp>,
    pub(crate) next_deadline: Option<Timestamp>,
    pub(crate) suspects: u64,
    pub(crate) running_suspect: Option<i64>,
    /// The last claim found no suspect that could run.
    pub(crate) suspects_stuck: bool,
    pub(crate) behind_subject: u64,
    /// There may be some; when not, the end of a job need not look.
    pub(crate) has_checkpoints: bool,
    pub(crate) next_job: i64,
    pub(crate) next_lease: i64,
    /// Imports that are not over.
    pub(crate) imports: BTreeMap<i64, Standing>,
    pub(crate) failure_log: Log,
    pub(crate) bulks: u64,
    pub(crate) ends: Ends,
    pub(crate) commits: u64,
}

pub(super) const READY: &str = "SELECT queue, kind, coalesce(import_id, 0), priority, count(*) FROM job
    WHERE wait = 'ready' GROUP BY queue, kind, import_id, priority";

pub(super) const RUNNING: &str =
    "SELECT queue, count(*) FROM job INDEXED BY job_running WHERE state = 'running' GROUP BY queue";

pub(super) const NUMBERS: &str = "SELECT (SELECT min(run_at) FROM job WHERE wait = 'timer'),
    (SELECT count(*) FROM job WHERE wait = 'suspect'),
    (SELECT count(*) FROM job WHERE wait = 'subject'),
    (SELECT next FROM sequence WHERE name = 'job'),
    (SELECT next FROM sequence WHERE name = 'lease'),
    (SELECT id FROM job WHERE state = 'running' AND suspect = 1 LIMIT 1),
    (SELECT max(job_id) FROM checkpoint),
    (SELECT min(deadline_at) FROM job WHERE state = 'queued' AND deadline_at IS NOT NULL),
    (SELECT min(next_at) FROM key WHERE waiting > 0 AND next_at > 0),
    EXISTS (SELECT 1 FROM key WHERE waiting > 0)";

pub(super) const HELD: &str =
    "SELECT route.kind FROM route JOIN handler ON handler.digest = route.digest WHERE handler.state = 'disabled'";

impl Standing {
    /// Whether it goes on by itself.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, ImportState::Pending | ImportState::Processing)
    }

    /// Whether it has items to dispatch and may.
    pub(crate) fn dispatches(&self) -> bool {
        self.is_open() && (self.cursor < self.list_bytes || self.deferred > 0)
    }
}

impl View {
    /// Read which kinds have a handler that is disabled: a handful of rows, read
    /// again whenever a handler or a route changes.
    pub(crate) async fn hold(&mut self, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(HELD).fetch_all(conn).await?;
        self.held = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        self.suspects_stuck = false;
        Ok(())
    }

    /// An attempt of this kind has ended so.
    pub(crate) fn did(&mut self, kind: &str, outcome: &str) {
        match outcome {
            "done" | "unchanged" => {
                if self.failures.remove(kind).is_some_and(|before| Manner::after(before) == Manner::Failing) {
                    tracing::info!(kind, "a job of a kind that only failed has succeeded: the kind yields no longer");
                }
            }
            // Nothing that the kind did.
            "stopped" | "cancelled" | "died" | "lost" | "deferred" => {}
            _ => {
                let failures = match self.failures.get_mut(kind) {
                    Some(failures) => failures,
                    None => self.failures.entry(kind.into()).or_insert(0),
                };
                *failures = failures.saturating_add(1);
                if *failures == FAILURES {
                    tracing::warn!(
                        kind,
                        "{FAILURES} attempts have failed one behind the other: the kind yields to others"
                    );
                }
            }
        }
    }

    /// Read the numbers from the database.
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Self, StoreError> {
        let mut view = Self::default();
        view.load_queues(conn).await?;
        for row in sqlx::query("SELECT kind, state, jobs FROM tally").fetch_all(&mut *conn).await? {
            if let Some(state) = State::parse(row.try_get(1)?) {
                count(&mut view.tally, row.try_get(0)?, state, row.try_get(2)?);
            }
        }
        let numbers = sqlx::query(NUMBERS).fetch_one(&mut *conn).await?;
        view.next_timer = numbers.try_get::<Option<i64>, _>(0)?.map(Timestamp);
        view.suspects = numbers.try_get(1)?;
        view.behind_subject = numbers.try_get(2)?;
        view.next_job = numbers.try_get(3)?;
        view.next_lease = numbers.try_get(4)?;
        view.running_suspect = numbers.try_get(5)?;
        view.has_checkpoints = numbers.try_get::<Option<i64>, _>(6)?.is_some();
        view.next_deadline = numbers.try_get::<Option<i64>, _>(7)?.map(Timestamp);
        view.next_key = numbers.try_get::<Option<i64>, _>(8)?.map(Timestamp);
        view.keys_unlooked = numbers.try_get(9)?;
        view.failure_log = Log::load(&mut *conn).await?;
        view.bulks = bulk::open(&mut *conn).await?;
        view.load_imports(conn).await?;
        view.hold(conn).await?;
        Ok(view)
    }

    /// What the configuration says now: queues may have room, and every key that
    /// somebody waits for is looked at.
    pub(crate) fn configure(&mut self, queues: Arc<queue::Configured>, keys: Arc<key::Configured>) {
        if std::mem::take(&mut self.keys_unlooked) || keys != self.key_paces {
            self.key_paces = keys;
            self.next_key = Some(Timestamp(0));
        }
        if queues != self.queue_limits {
            self.queue_limits = queues;
            self.queues.values_mut().for_each(|queue| queue.full = None);
            self.suspects_stuck = false;
        }
    }

    async fn load_queues(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        for row in sqlx::query(READY).fetch_all(&mut *conn).await? {
            let lane = Lane {
                queue: row.try_get::<&str, _>(0)?.into(),
                kind: row.try_get::<&str, _>(1)?.into(),
                import: row.try_get(2)?,
                priority: row.try_get(3)?,
            };
            self.lanes.insert(lane, Waiting { jobs: row.try_get(4)?, since: None, turn: 0 });
        }
        for row in sqlx::query("SELECT name, state, own, rate_at, tokens_at FROM queue").fetch_all(&mut *conn).await? {
            self.queues.insert(row.try_get::<&str, _>(0)?.into(), Queue::of(&row)?);
        }
        for row in sqlx::query(RUNNING).fetch_all(&mut *conn).await? {
            self.queue(row.try_get(0)?).used.running = row.try_get(1)?;
        }
        for row in sqlx::query("SELECT name, own FROM key WHERE own <> '{}'").fetch_all(&mut *conn).await? {
            self.key_sets.insert(row.try_get(0)?, parse(row.try_get(1)?)?);
        }
        Ok(())
    }

    /// A queue; made when it is new.
    pub(crate) fn queue(&mut self, name: &str) -> &mut Queue {
        self.queues.entry(name.into()).or_default()
    }

    /// Move `by` jobs into (or out of) a state.
    pub(crate) fn count(&mut self, kind: &str, state: State, by: i64) {
        count(&mut self.tally, kind, state, by);
    }

    /// A job of this lane became ready.
    pub(crate) fn made_ready(&mut self, lane: Lane, now: Timestamp) {
        let new = Waiting { jobs: 0, since: Some(now), turn: self.turn };
        self.lanes.entry(lane).or_insert(new).jobs += 1;
    }

    /// So many jobs of this lane are no longer ready.
    pub(crate) fn left_ready(&mut self, lane: &Lane, jobs: u64) {
        if let Some(waiting) = self.lanes.get_mut(lane) {
            waiting.jobs = waiting.jobs.saturating_sub(jobs);
            if waiting.jobs == 0 {
                self.lanes.remove(lane);
            }
        }
    }

    /// A job waits for this time.
    pub(crate) fn timer(&mut self, at: Timestamp) {
        self.next_timer = Some(self.next_timer.map_or(at, |next| next.min(at)));
    }

    /// A queued job has this deadline.
    pub(crate) fn deadline(&mut self, at: Timestamp) {
        self.next_deadline = Some(self.next_deadline.map_or(at, |next| next.min(at)));
    }

    /// Somebody waits for a key that rests until this time.
    pub(crate) fn key_rests(&mut self, until: Timestamp) {
        self.next_key = Some(self.next_key.map_or(until, |next| next.min(until)));
    }

    /// The pace of a key.
    pub(crate) fn pace(&self, key: &str) -> key::Pace {
        self.key_sets.get(key).copied().unwrap_or_default().over(self.key_paces.of(key))
    }

    /// Whether nothing of an import is to begin: it is paused, or cancelled.
    pub(crate) fn rests(&self, import: i64) -> bool {
        import != 0 && self.imports.get(&import).is_some_and(|standing| !standing.is_open())
    }

    /// The imports that have items to dispatch.
    pub(crate) fn dispatching(&self) -> Dispatching {
        let open = self.imports.iter().filter(|(_, standing)| standing.dispatches());
        let mut all: Dispatching = open
            .map(|(id, standing)| (*id, Appetite { total: standing.total, chunk: standing.chunk, ready: 0 }))
            .collect();
        if !all.is_empty() {
            for (lane, waiting) in &self.lanes {
                if let Some(import) = all.get_mut(&lane.import) {
                    import.ready += waiting.jobs;
                }
            }
        }
        all
    }

    /// The imports of which nothing begins.
    pub(crate) fn resting_imports(&self) -> Vec<i64> {
        self.imports.iter().filter(|(_, standing)| !standing.is_open()).map(|(id, _)| *id).collect()
    }

    fn imports_in(&self, wanted: impl Fn(&Standing) -> bool) -> u64 {
        self.imports.values().filter(|standing| wanted(standing)).count() as u64
    }

    /// What others may know.
    pub(crate) fn pulse(&self) -> Pulse {
        let jobs = |wanted: &[State]| {
            let sum: i64 = self.tally.values().flat_map(|counts| wanted.iter().map(|s| counts[*s as usize])).sum();
            u64::try_from(sum).unwrap_or(0)
        };
        let held = self.held.iter().filter_map(|kind| self.tally.get(kind));
        let held: i64 = held.map(|counts| counts[State::Queued as usize]).sum();
        let (mut ready, mut paused, mut next_rate) = (0, 0, None);
        for (lane, waiting) in self.lanes.iter().filter(|(lane, _)| !self.held.contains(&*lane.kind)) {
            if self.rests(lane.import) {
                paused += waiting.jobs;
                continue;
            }
            match self.queues.get(&lane.queue) {
                Some(queue) if queue.state != QueueState::Open => paused += waiting.jobs,
                Some(Queue { full: Some(until), .. }) => {
                    next_rate = [next_rate, *until].into_iter().flatten().min();
                }
                _ => ready += waiting.jobs,
            }
        }
        let can_suspect = self.running_suspect.is_none() && !self.suspects_stuck;
        Pulse {
            ready: ready + self.suspects.min(u64::from(can_suspect)),
            queued: jobs(&[State::Queued]),
            held: u64::try_from(held).unwrap_or(0),
            paused,
            running: jobs(&[State::Running]),
            ended: jobs(&[State::Completed, State::Failed, State::Cancelled]),
            next_timer: self.next_timer,
            next_key: self.next_key,
            next_rate,
            next_deadline: self.next_deadline,
            imports: self.imports_in(|import| import.is_open()),
            dispatching: self.imports_in(Standing::dispatches),
            ending: self.imports_in(|import| import.state == ImportState::Cancelled),
            bulks: self.bulks,
            ends: self.ends,
            commits: self.commits,
        }
    }
}
