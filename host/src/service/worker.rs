//! Claiming jobs and running their attempts.
//!
//! Claims are never for more than the free slots, and only so far ahead of the guest
//! threads as [`crate::rules::queue::claimable`] says: one at a time, and two while an
//! import hands out items, so that each commit that brings some has a claim for them.
//! Each claimed job is a task of its own; what it writes joins the same group commit as
//! the next claim.

use super::attempt::{self, Told};
use super::handler::Table;
use super::import::root::Roots;
use super::{Runtime, ServiceError};
use crate::clock;
use crate::rules::queue::claimable;
use crate::rules::time::Timestamp;
use crate::sandbox::{self, Reason};
use crate::store::claim::{Claim, ClaimRequest, Claimed};
use crate::store::pulse::Pulse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// What an attempt costs a guest thread beside the guest itself: from the
/// benchmark `sandbox`.
const OVERHEAD: Duration = Duration::from_micros(20);

/// Thread time per attempt, as a moving mean.
#[derive(Debug, Default)]
struct Busy(AtomicU64);

impl Busy {
    fn saw(&self, cpu_us: u64) {
        let seen = cpu_us.saturating_mul(1_000);
        let mean = self.0.load(Ordering::Relaxed);
        self.0.store(if mean == 0 { seen } else { mean - mean / 8 + seen / 8 }, Ordering::Relaxed);
    }

    fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed)) + OVERHEAD
    }
}

struct Worker {
    runtime: Arc<Runtime>,
    roots: Arc<Roots>,
    busy: Arc<Busy>,
    attempts: JoinSet<Result<(), ServiceError>>,
    asked: VecDeque<Asked>,
    /// The commit since which a claim found nothing, if the last one did.
    empty: Option<u64>,
}

/// A claim that was sent.
struct Asked {
    /// The slots that it may fill.
    free: u64,
    /// What a job is claimed for is what runs it, whatever is swapped meanwhile.
    table: Arc<Table>,
    /// What was committed when it was sent.
    commits: u64,
    claim: Claim,
}

/// A claim that was answered.
#[derive(Clone, Copy)]
struct Begun {
    /// The jobs that it gave.
    jobs: usize,
    /// What was committed when it was sent.
    commits: u64,
}

impl Begun {
    /// Whether to look again at once. What was committed since it was sent may have been seen while it was on its way,
    /// and have had to wait for it: nothing rings for that again.
    const fn is_news(self, seen: &Pulse) -> bool {
        self.jobs > 0 || self.commits != seen.commits
    }
}

/// Run jobs until `stop` says so; then wait for what runs, for the grace time at
/// most, and stop the rest.
///
/// # Errors
/// The store said no.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut worker = Worker {
        runtime,
        roots: Arc::default(),
        busy: Arc::default(),
        attempts: JoinSet::new(),
        asked: VecDeque::new(),
        empty: None,
    };
    let mut pulse = worker.runtime.store.pulse();
    while !*stop.borrow_and_update() {
        worker.reap()?;
        let seen = *pulse.borrow_and_update();
        while worker.ask(&seen).await? {}
        let begun = worker.begin().await?;
        if !worker.asked.is_empty() || begun.is_some_and(|begun| begun.is_news(&seen)) {
            continue;
        }
        let timer = until(seen.next_wake(), clock::now());
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { break },
            _ = stop.changed() => {},
            // The task itself, and not a word of it before its end: it holds its slot until it has ended.
            Some(ended) = worker.attempts.join_next() => settled(ended)?,
            // Those that were claimed ahead run now, and may run for long without a word.
            () = worker.runtime.guests.begun() => {},
            () = tokio::time::sleep(timer) => {},
        }
    }
    worker.finish().await
}

/// How long until a timer rings; an hour when there is none, so that a jump of
/// the wall clock is noticed.
fn until(timer: Option<Timestamp>, now: Timestamp) -> Duration {
    let longest = Duration::from_secs(3_600);
    timer.map_or(longest, |at| at.since(now).duration().min(longest))
}

/// What the task of an attempt ended with.
fn settled(ended: Result<Result<(), ServiceError>, JoinError>) -> Result<(), ServiceError> {
    ended.map_err(|error| ServiceError::Bug(error.to_string()))?
}

impl Worker {
    /// Ask for the jobs that there is room for, unless enough was asked; whether it was.
    async fn ask(&mut self, seen: &Pulse) -> Result<bool, ServiceError> {
        let most = if seen.dispatching > 0 { 2 } else { 1 };
        if self.asked.len() >= most {
            return Ok(false);
        }
        let now = clock::now();
        let is_due = seen.next_wake().is_some_and(|at| at <= now) && self.asked.is_empty();
        let free = self.free(most);
        // An import may hand something out in the very commit of this claim.
        let may_find = seen.ready > 0 || (seen.dispatching > 0 && self.empty != Some(seen.commits));
        // What is due is rung without a free slot too: it may be a deadline.
        if !is_due && (free == 0 || !may_find) {
            return Ok(false);
        }
        let table = self.runtime.handlers.table();
        let request = ClaimRequest {
            free,
            boot: self.runtime.boot,
            host: self.runtime.host.clone(),
            now,
            routes: Arc::clone(table.routes()),
        };
        let claim = self.runtime.store.ask_claim(request).await?;
        self.asked.push_back(Asked { free, table, commits: seen.commits, claim });
        Ok(true)
    }

    /// The slots that the next of so many claims may fill: an equal part of those that are free.
    fn free(&self, most: usize) -> u64 {
        let asked: u64 = self.asked.iter().map(|asked| asked.free).sum();
        let guests = &self.runtime.guests;
        let free = claimable(
            u64::from(self.runtime.slots),
            self.attempts.len() as u64 + asked,
            guests.waiting() as u64 + asked,
            guests.threads() as u64,
            self.busy.mean(),
        );
        free.div_ceil(most.saturating_sub(self.asked.len()).max(1) as u64)
    }

    /// Wait for the jobs that were asked for first, and begin with them.
    async fn begin(&mut self) -> Result<Option<Begun>, ServiceError> {
        let Some(Asked { table, commits, claim, .. }) = self.asked.pop_front() else { return Ok(None) };
        let claimed = claim.claimed().await?;
        let jobs = claimed.len();
        self.empty = (jobs == 0).then_some(commits);
        claimed.into_iter().for_each(|job| self.start(job, &table));
        Ok(Some(Begun { jobs, commits }))
    }

    fn start(&mut self, job: Claimed, table: &Table) {
        let id = job.facts.running.id;
        let (stopper, stop) = sandbox::pair();
        let board = self.runtime.running.begin(&job.facts, stopper);
        let told = Told { stop, board };
        let runtime = Arc::clone(&self.runtime);
        let ready = table.of(&job.facts.kind).cloned().ok_or_else(|| table.why_not(&job.facts.kind));
        let (roots, busy) = (Arc::clone(&self.roots), Arc::clone(&self.busy));
        let job = Box::new(job);
        self.attempts.spawn(async move {
            // In a box: a task is moved several times before it runs.
            let used = Box::pin(attempt::run(&runtime, &roots, job, ready, told)).await;
            runtime.running.end(id);
            busy.saw(used.as_ref().map_or(0, |usage| usage.cpu_us + usage.host_us));
            used.map(|_| ())
        });
    }

    /// Take note of attempts that have ended.
    fn reap(&mut self) -> Result<(), ServiceError> {
        while let Some(ended) = self.attempts.try_join_next() {
            settled(ended)?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), ServiceError> {
        while !self.asked.is_empty() {
            self.begin().await?;
        }
        self.runtime.running.stoppers().iter().for_each(sandbox::Stopper::warn);
        let grace = tokio::time::sleep(self.runtime.config.now().worker.grace.duration());
        tokio::pin!(grace);
        let mut asked = false;
        while !self.attempts.is_empty() {
            tokio::select! {
                ended = self.attempts.join_next() => match ended {
                    Some(ended) => settled(ended)?,
                    None => break,
                },
                () = &mut grace, if !asked => {
                    asked = true;
                    self.runtime.running.stoppers().iter().for_each(|stopper| stopper.stop(Reason::Shutdown));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sleeps_on_what_was_seen_while_a_claim_was_on_its_way() {
        let seen = Pulse { ready: 12, commits: 2, ..Pulse::default() };
        for (jobs, commits, is_news) in [(0, 2, false), (0, 1, true), (1, 2, true), (1, 1, true)] {
            assert_eq!(Begun { jobs, commits }.is_news(&seen), is_news, "{jobs} jobs of a claim at {commits}");
        }
    }
}
