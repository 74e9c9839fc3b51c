//! What a store should be: the same life of jobs in a few plain vectors, without batches, indexes and counts.

use super::stage::DIGEST;
use capstan::rules::attempt::Class;
use capstan::rules::import::{ImportState, Item, Tree};
use capstan::rules::job::{Expect, Made, Next, Running, State, Transition, Trust};
use capstan::rules::pipeline::{Standing, follows};
use capstan::rules::queue::{Demand, share};
use capstan::rules::time::Timestamp;
use capstan::store::job::NewJob;
use capstan::store::settle::Settlement;
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
pub(crate) struct Import {
    pub(crate) total: i64,
    pub(crate) invalid: i64,
    pub(crate) dispatched: i64,
    pub(crate) is_broken: bool,
}

/// An import's numbers: state, done, failed, cancelled, skipped, remaining, open jobs.
pub(crate) type Account = (ImportState, i64, i64, i64, i64, i64, u64);

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    pub(crate) jobs: Vec<Job>,
    pub(crate) imports: BTreeMap<i64, Import>,
    /// By source and kind.
    pub(crate) current: BTreeMap<(String, String), Generation>,
    pub(crate) last_served: Option<String>,
    pub(crate) leases: i64,
}

impl Job {
    pub(crate) fn state(&self) -> State {
        State::parse(self.place).unwrap_or(State::Queued)
    }

    fn is(&self, source: &str, kind: &str) -> bool {
        self.new.about.source == source && self.new.kind == kind
    }

    fn go(&mut self, to: &Transition, now: Timestamp) {
        let memory = to.memory;
        self.error = to.error.as_ref().map(|(class, _)| *class);
        self.running.cancel_by = None;
        (self.running.deferrals, self.running.deferred_since) = (memory.deferrals, memory.deferred_since);
        (self.running.deaths, self.running.trust) = (memory.deaths, memory.trust);
        self.place = match &to.next {
            Next::Queued { run_at, attempt, .. } => {
                (self.run_at, self.running.attempt) = (*run_at, *attempt);
                match memory.trust {
                    Trust::Suspect => "suspect",
                    Trust::Innocent if *run_at > now => "timer",
                    Trust::Innocent => "ready",
                }
            }
            Next::Completed { made, .. } => {
                self.made = *made;
                "completed"
            }
            Next::Failed => "failed",
            Next::Cancelled => "cancelled",
        };
    }
}

impl Model {
    pub(crate) fn count(&self, places: &[&str]) -> u64 {
        self.jobs.iter().filter(|job| places.contains(&job.place)).count() as u64
    }

    pub(crate) fn add(&mut self, new: NewJob) {
        let running = Running {
            id: self.jobs.len() as i64 + 1,
            lease: 0,
            attempt: 0,
            max_attempts: new.max_attempts,
            deferrals: 0,
            deferred_since: None,
            deaths: 0,
            trust: Trust::Innocent,
            cancel_by: None,
        };
        let place = if new.run_at > self.now { "timer" } else { "ready" };
        let run_at = new.run_at;
        let made = Made::Something;
        self.jobs.push(Job { new, running, place, run_at, round: 1, error: None, made, attempts: 0, input: None });
    }

    fn is_busy(&self, source: &str, kind: &str) -> bool {
        self.jobs.iter().any(|job| job.place == "running" && job.is(source, kind))
    }

    /// The places in `jobs` of those that are claimed, in order.
    pub(crate) fn claim(&mut self, free: u64) -> Vec<usize> {
        for job in self.jobs.iter_mut().filter(|job| job.place == "timer" && job.run_at <= self.now) {
            job.place = "ready";
        }
        let mut taken = Vec::new();
        if free > 0 && !self.jobs.iter().any(|job| job.place == "running" && job.running.trust == Trust::Suspect) {
            let suspects = (0..self.jobs.len()).filter(|at| self.jobs[*at].place == "suspect");
            let next = suspects.min_by_key(|at| (self.jobs[*at].running.deaths, *at));
            taken.extend(next.filter(|at| self.take(*at)));
        }
        let mut ready: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in (0..self.jobs.len()).filter(|at| self.jobs[*at].place == "ready") {
            ready.entry(self.jobs[at].new.queue.clone()).or_default().push(at);
        }
        let demand = |(queue, at): (&String, &Vec<usize>)| Demand {
            queue: queue.clone(),
            ready: at.len() as u64,
            room: u64::MAX,
        };
        let demands: Vec<Demand> = ready.iter().map(demand).collect();
        let shares = share(&demands, free - taken.len() as u64, self.last_served.as_deref());
        for (queue, slots) in &shares.slots {
            let mut line = ready.remove(queue).unwrap_or_default();
            line.sort_by_key(|at| (self.jobs[*at].new.priority, *at));
            for at in line.into_iter().take(*slots as usize) {
                if self.take(at) {
                    taken.push(at);
                } else {
                    self.jobs[at].place = "subject";
                }
            }
        }
        self.last_served = shares.last_served;
        taken
    }

    fn take(&mut self, at: usize) -> bool {
        let (source, kind) = (self.jobs[at].new.about.source.clone(), self.jobs[at].new.kind.clone());
        if self.is_busy(&source, &kind) {
            return false;
        }
        self.leases += 1;
        let page = self.current.get(&(source, "page".to_owned())).map(|(lease, ..)| *lease);
        let job = &mut self.jobs[at];
        job.place = "running";
        job.input = page.filter(|_| kind == "text");
        job.running.lease = self.leases;
        job.running.attempt += 1;
        true
    }

    /// Apply ends that are committed together.
    pub(crate) fn end(&mut self, ends: &[Settlement]) {
        let mut held = Vec::new();
        for end in ends {
            let job = &mut self.jobs[end.transition.job as usize - 1];
            if job.place == "running" && end.transition.expect == (Expect::Running { lease: job.running.lease }) {
                job.go(&end.transition, self.now);
                job.attempts += 1;
                held.push(end);
                if end.publication.is_some() {
                    let key = (job.new.about.source.clone(), job.new.kind.clone());
                    let generation = (job.running.lease, job.running.id, job.input);
                    let newest = self.current.entry(key).or_insert(generation);
                    if generation.1 >= newest.1 {
                        *newest = generation;
                    }
                }
            }
        }
        held.iter().for_each(|end| self.follow(end));
        for end in held {
            self.release(&end.facts.about.source, &end.facts.kind);
        }
    }

    fn follow(&mut self, end: &Settlement) {
        let Next::Completed { made, .. } = end.transition.next else { return };
        let before = self.jobs[end.transition.job as usize - 1].clone();
        let generation = |kind: &str| self.current.get(&(before.new.about.source.clone(), kind.to_owned()));
        let input = generation(&before.new.kind).map(|(lease, ..)| *lease);
        for next in &end.follow {
            let made_from = |page: &Generation| Standing { digest: DIGEST.into(), made_from: page.2 };
            if follows(made, input, Some(DIGEST), generation(&next.kind).map(made_from).as_ref()) {
                let mut new = before.new.clone();
                (new.kind, new.queue) = (next.kind.clone(), next.queue.clone());
                (new.max_attempts, new.run_at) = (next.max_attempts, self.now);
                new.parent = Some((before.running.id, 1));
                return self.add(new);
            }
        }
    }

    fn release(&mut self, source: &str, kind: &str) {
        if !self.is_busy(source, kind)
            && let Some(next) = self.jobs.iter_mut().find(|job| job.place == "subject" && job.is(source, kind))
        {
            next.place = "ready";
        }
    }

    /// Apply a change to a job that does not run.
    pub(crate) fn turn(&mut self, to: &Transition) {
        let job = &mut self.jobs[to.job as usize - 1];
        job.round += u32::from(to.expect == Expect::Ended);
        job.go(to, self.now);
        let (source, kind) = (job.new.about.source.clone(), job.new.kind.clone());
        self.release(&source, &kind);
    }

    pub(crate) fn account(&self, id: i64) -> Account {
        let import = &self.imports[&id];
        let mut items: BTreeMap<i64, Tree> = BTreeMap::new();
        let of_import = self.jobs.iter().filter_map(|job| job.new.item.filter(|item| item.0 == id).map(|i| (i.1, job)));
        for (item, job) in of_import {
            let tree = items.entry(item).or_default();
            *tree = tree.with(job.state(), job.made);
        }
        let count = |place: Item| items.values().filter(|tree| tree.item() == place).count() as i64;
        let [done, failed, cancelled, skipped] = [Item::Done, Item::Failed, Item::Cancelled, Item::Skipped].map(count);
        let remaining = import.total - import.invalid - done - failed - cancelled - skipped;
        let state = match (import.is_broken, remaining, import.dispatched) {
            (true, ..) => ImportState::Failed,
            (false, 0, _) => ImportState::Completed,
            (false, _, 0) => ImportState::Pending,
            _ => ImportState::Processing,
        };
        let open: i64 = items.values().map(|tree| tree.open).sum();
        (state, done, failed, cancelled, skipped, remaining, open as u64)
    }
}
