//! What the writer knows without asking.
//!
//! The writer is the only one who changes the database, so it keeps the few
//! numbers that each claim needs in memory: loaded once at start, changed with
//! every batch, and put back when a batch is rolled back.

use crate::rules::job::State;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// What the last commit left, for whoever waits for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pulse {
    /// Jobs that a claim could take now.
    pub ready: u64,
    /// Jobs that are queued, for whatever they wait.
    pub queued: u64,
    /// Of those, jobs whose handler is disabled: none of them is claimed.
    pub held: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that have ended.
    pub ended: u64,
    /// When the next waiting job becomes ready.
    pub next_timer: Option<Timestamp>,
    /// Imports that still have items to dispatch or jobs to wait for.
    pub imports: u64,
    /// Grows with every commit that changed something.
    pub commits: u64,
}

/// Jobs per kind and state, in the order of [`State::ALL`].
pub(crate) type Tally = BTreeMap<String, [i64; State::ALL.len()]>;

/// Move `by` jobs of a kind into (or out of) a state.
pub(crate) fn count(tally: &mut Tally, kind: &str, state: State, by: i64) {
    match tally.get_mut(kind) {
        Some(counts) => counts[state as usize] += by,
        None => tally.entry(kind.to_owned()).or_default()[state as usize] = by,
    }
}

/// The numbers themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) ready: BTreeMap<String, u64>,
    /// Kinds whose handler is disabled, each with a queue of its own name.
    pub(crate) held: BTreeSet<String>,
    pub(crate) tally: Tally,
    pub(crate) next_timer: Option<Timestamp>,
    pub(crate) suspects: u64,
    pub(crate) running_suspect: Option<i64>,
    pub(crate) behind_subject: u64,
    /// There may be some; when not, the end of a job need not look.
    pub(crate) has_checkpoints: bool,
    pub(crate) last_served: Option<String>,
    pub(crate) next_job: i64,
    pub(crate) next_lease: i64,
    pub(crate) imports: u64,
    pub(crate) commits: u64,
}

pub(super) const READY: &str = "SELECT queue, count(*) FROM job WHERE wait = 'ready' GROUP BY queue";

pub(super) const NUMBERS: &str = "SELECT (SELECT min(run_at) FROM job WHERE wait = 'timer'),
    (SELECT count(*) FROM job WHERE wait = 'suspect'),
    (SELECT count(*) FROM job WHERE wait = 'subject'),
    (SELECT next FROM sequence WHERE name = 'job'),
    (SELECT next FROM sequence WHERE name = 'lease'),
    (SELECT count(*) FROM import WHERE state IN ('pending', 'processing')),
    (SELECT id FROM job WHERE state = 'running' AND suspect = 1 LIMIT 1),
    (SELECT max(job_id) FROM checkpoint)";

pub(super) const HELD: &str =
    "SELECT route.kind FROM route JOIN handler ON handler.digest = route.digest WHERE handler.state = 'disabled'";

impl View {
    /// Read which kinds have a handler that is disabled: a handful of rows, read
    /// again whenever a handler or a route changes.
    pub(crate) async fn hold(&mut self, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(HELD).fetch_all(conn).await?;
        self.held = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Read the numbers from the database.
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let mut view = Self::default();
        for row in sqlx::query(READY).fetch_all(&mut *conn).await? {
            view.ready.insert(row.try_get(0)?, row.try_get(1)?);
        }
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
        view.imports = numbers.try_get(5)?;
        view.running_suspect = numbers.try_get(6)?;
        view.has_checkpoints = numbers.try_get::<Option<i64>, _>(7)?.is_some();
        view.hold(conn).await?;
        Ok(view)
    }

    /// Move `by` jobs into (or out of) a state.
    pub(crate) fn count(&mut self, kind: &str, state: State, by: i64) {
        count(&mut self.tally, kind, state, by);
    }

    /// A job of this queue became ready, or (negative) is no longer.
    pub(crate) fn made_ready(&mut self, queue: &str, by: i64) {
        match self.ready.get_mut(queue) {
            Some(jobs) => *jobs = jobs.saturating_add_signed(by),
            None => {
                self.ready.insert(queue.to_owned(), u64::try_from(by).unwrap_or(0));
            }
        }
    }

    /// A job waits for this time.
    pub(crate) fn timer(&mut self, at: Timestamp) {
        self.next_timer = Some(self.next_timer.map_or(at, |next| next.min(at)));
    }

    /// What others may know.
    pub(crate) fn pulse(&self) -> Pulse {
        let jobs = |wanted: &[State]| {
            let sum: i64 = self.tally.values().flat_map(|counts| wanted.iter().map(|s| counts[*s as usize])).sum();
            u64::try_from(sum).unwrap_or(0)
        };
        let held = self.held.iter().filter_map(|kind| self.tally.get(kind));
        let held: i64 = held.map(|counts| counts[State::Queued as usize]).sum();
        let ready: u64 = self.ready.iter().filter(|(queue, _)| !self.held.contains(*queue)).map(|(_, jobs)| jobs).sum();
        Pulse {
            ready: ready + self.suspects.min(u64::from(self.running_suspect.is_none())),
            queued: jobs(&[State::Queued]),
            held: u64::try_from(held).unwrap_or(0),
            running: jobs(&[State::Running]),
            ended: jobs(&[State::Completed, State::Failed, State::Cancelled]),
            next_timer: self.next_timer,
            imports: self.imports,
            commits: self.commits,
        }
    }
}
