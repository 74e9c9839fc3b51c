//! What a store should be: the same life of jobs in a few plain vectors, without batches, indexes and counts.

mod accept;
mod claim;
mod edit;
mod failure;
mod import;
mod key;
mod queue;
mod settle;

use capstan::rules::attempt::Class;
use capstan::rules::job::{Made, Next, Running, State, Transition, Trust};
use capstan::rules::queue::Lane;
use capstan::rules::time::Timestamp;
use capstan::rules::{key as keys, queue as queues};
use capstan::store::job::NewJob;
pub(crate) use failure::Logged;
pub(crate) use import::Import;
pub(crate) use queue::Queue;
use std::collections::BTreeMap;

/// A job as the model knows it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) new: NewJob,
    pub(crate) running: Running,
    /// Its state, or for a queued one what it waits for.
    pub(crate) place: &'static str,
    pub(crate) run_at: Timestamp,
    pub(crate) round: u32,
    pub(crate) error: Option<Class>,
    pub(crate) made: Made,
    pub(crate) attempts: usize,
    /// The pinned page.
    pub(crate) input: Option<i64>,
}

/// What a generation is known by: its lease, its job, and the page that it was made from.
pub(crate) type Generation = (i64, i64, Option<i64>);

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    pub(crate) jobs: Vec<Job>,
    pub(crate) imports: BTreeMap<i64, Import>,
    /// By source and kind.
    pub(crate) current: BTreeMap<(String, String), Generation>,
    pub(crate) leases: i64,
    /// What the configuration says.
    pub(crate) queue_limits: queues::Configured,
    pub(crate) key_paces: keys::Configured,
    pub(crate) queues: BTreeMap<String, Queue>,
    /// Since when each lane waits that has ready jobs, and its turn.
    pub(crate) lanes: BTreeMap<Lane, (Option<Timestamp>, u64)>,
    pub(crate) turn: u64,
    /// Failures in a row, by kind.
    pub(crate) failures: BTreeMap<String, u32>,
    /// The failure log, and how many of it keep full detail.
    pub(crate) log: Vec<Logged>,
    pub(crate) keep: usize,
    /// Until when each key rests.
    pub(crate) rests: BTreeMap<String, Timestamp>,
}

impl Job {
    pub(crate) fn state(&self) -> State {
        State::parse(self.place).unwrap_or(State::Queued)
    }

    fn is(&self, source: &str, kind: &str) -> bool {
        self.new.about.source == source && self.new.kind == kind
    }

    pub(crate) fn lane(&self) -> Lane {
        let (queue, kind) = (self.new.queue.as_str().into(), self.new.kind.as_str().into());
        Lane { queue, kind, import: self.new.item.map_or(0, |(import, _)| import), priority: self.new.priority }
    }

    /// What it waits for that is queued until this time.
    fn until(&self, run_at: Timestamp, now: Timestamp) -> &'static str {
        match self.new.key {
            _ if run_at > now => "timer",
            Some(_) => "key",
            None => "ready",
        }
    }

    /// Take over what a transition says; where the job stands then.
    fn go(&mut self, to: &Transition, now: Timestamp) -> &'static str {
        let memory = to.memory;
        self.error = to.error.as_ref().map(|(class, _)| *class);
        self.running.cancel_by = None;
        (self.running.deferrals, self.running.deferred_since) = (memory.deferrals, memory.deferred_since);
        (self.running.deaths, self.running.trust) = (memory.deaths, memory.trust);
        match &to.next {
            Next::Queued { run_at, attempt, .. } => {
                (self.run_at, self.running.attempt) = (*run_at, *attempt);
                match memory.trust {
                    Trust::Suspect => "suspect",
                    Trust::Innocent => self.until(*run_at, now),
                }
            }
            Next::Completed { made, .. } => {
                self.made = *made;
                "completed"
            }
            Next::Failed => "failed",
            Next::Cancelled => "cancelled",
        }
    }
}

impl Model {
    pub(crate) fn count(&self, places: &[&str]) -> u64 {
        self.jobs.iter().filter(|job| places.contains(&job.place)).count() as u64
    }

    /// A job goes from one place to another; its lane is the one that it had.
    fn put(&mut self, at: usize, place: &'static str) {
        let lane = self.jobs[at].lane();
        self.jobs[at].place = place;
        if place == "ready" {
            self.lanes.entry(lane).or_insert((Some(self.now), self.turn));
        } else if !self.jobs.iter().any(|job| job.place == "ready" && job.lane() == lane) {
            self.lanes.remove(&lane);
        }
    }
}
