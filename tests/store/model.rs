//! What a store should be: the same life of jobs in a few plain vectors, without batches, indexes and counts.

mod import;

use super::stage::DIGEST;
use capstan::rules::attempt::Class;
use capstan::rules::failure::Resolution;
use capstan::rules::job::{Expect, Made, Next, Running, State, Transition, Trust, Why, expire};
use capstan::rules::key::{Key, rest_after_start};
use capstan::rules::pipeline::{Standing, follows};
use capstan::rules::queue::{Demand, Lane, Manner, QueueState, Room, Rooms, Set, Used, room, share};
use capstan::rules::time::Timestamp;
use capstan::rules::unique::{Same, Verdict, judge};
use capstan::rules::{key, queue};
use capstan::store::edit::{Deadline, Edit};
use capstan::store::job::NewJob;
use capstan::store::queue::QueueChange;
use capstan::store::settle::Settlement;
use capstan::store::unique::Accepted;
pub(crate) use import::Import;
use std::collections::{BTreeMap, BTreeSet};

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

/// A failure: its job, its round, how it was resolved, and whether it has full detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) job: i64,
    pub(crate) round: u32,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) detailed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    pub(crate) jobs: Vec<Job>,
    pub(crate) imports: BTreeMap<i64, Import>,
    /// By source and kind.
    pub(crate) current: BTreeMap<(String, String), Generation>,
    pub(crate) leases: i64,
    /// What the configuration says.
    pub(crate) queue_limits: queue::Configured,
    pub(crate) key_paces: key::Configured,
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

#[derive(Debug, Default, Clone)]
pub(crate) struct Queue {
    state: QueueState,
    set: Set,
    used: Used,
    pub(crate) turn: u64,
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
    /// Resolve the failures for which this holds.
    fn resolve(&mut self, how: Resolution, holds: impl Fn(&[Job], &Logged) -> bool) {
        let open = self.log.iter_mut().filter(|failure| failure.resolution.is_none());
        open.filter(|failure| holds(&self.jobs, failure)).for_each(|failure| failure.resolution = Some(how));
    }

    /// What is applied together, for the log: what completed and what begins anew first, then what failed.
    fn note(&mut self, applied: &[&Transition]) {
        for to in applied {
            let id = to.job;
            if to.expect == Expect::Ended {
                self.resolve(Resolution::Resubmitted, |_, failure| failure.job == id);
            }
            if matches!(to.next, Next::Completed { .. }) {
                self.resolve(Resolution::Superseded, |jobs, failure| {
                    let (done, failed) = (&jobs[id as usize - 1], &jobs[failure.job as usize - 1]);
                    failure.job < id && failed.is(&done.new.about.source, &done.new.kind)
                });
            }
        }
        for to in applied.iter().filter(|to| to.next == Next::Failed) {
            let round = self.jobs[to.job as usize - 1].round;
            self.log.push(Logged { job: to.job, round, resolution: None, detailed: true });
        }
        let full = |failure: &&mut Logged| failure.resolution.is_none() && failure.detailed;
        let detailed = self.log.iter_mut().filter(full).count();
        if applied.iter().any(|to| to.next == Next::Failed) {
            let old = self.log.iter_mut().filter(full).take(detailed.saturating_sub(self.keep));
            old.for_each(|failure| failure.detailed = false);
        }
    }

    /// Take note of a failure; whether it was unresolved.
    pub(crate) fn delete(&mut self, at: usize) -> bool {
        let before = self.log[at].resolution;
        self.log[at].resolution = before.or(Some(Resolution::Deleted));
        before.is_none()
    }

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

    /// Accept jobs that come together; what becomes of each.
    pub(crate) fn accept(&mut self, jobs: Vec<NewJob>) -> Vec<Accepted> {
        let (mut new, mut edits, mut answers) = (Vec::<NewJob>::new(), Vec::new(), Vec::new());
        let first = self.jobs.len();
        for job in jobs {
            let verdict = job.unique.as_ref().map_or(Verdict::Accept, |unique| {
                let has = |other: &NewJob| other.unique.as_ref().is_some_and(|other| other.hash == unique.hash);
                let old = self.jobs.iter().filter(|job| has(&job.new));
                let old = old.map(|job| Same { id: job.running.id, state: job.state(), created_at: job.new.now });
                let fresh = new.iter().enumerate().filter(|(_, job)| has(job));
                let fresh = fresh.map(|(n, job)| Same {
                    id: (first + n) as i64 + 1,
                    state: State::Queued,
                    created_at: job.now,
                });
                judge(unique, &old.chain(fresh).collect::<Vec<_>>(), self.now)
            });
            answers.push(match verdict {
                Verdict::Accept => {
                    new.push(job);
                    Accepted::Added((first + new.len()) as i64)
                }
                Verdict::Skip(id) => Accepted::Skipped(id),
                Verdict::Existing(id) => Accepted::Existing(id),
                Verdict::Replace(id) => {
                    match new.get_mut((id as usize).wrapping_sub(first + 1)) {
                        Some(earlier) => {
                            (earlier.payload, earlier.about.tags) = (job.payload, job.about.tags);
                            (earlier.priority, earlier.run_at) = (job.priority, job.run_at);
                        }
                        None => edits.push((id, job)),
                    }
                    Accepted::Replaced(id)
                }
            });
        }
        edits.into_iter().for_each(|(id, job)| self.edit(id, job));
        new.into_iter().for_each(|job| self.add(job));
        answers
    }

    /// A queued job gets what a new one brings.
    fn edit(&mut self, id: i64, new: NewJob) {
        self.jobs[id as usize - 1].new.about.tags = new.about.tags;
        let (payload, priority, run_at) = (Some(new.payload), Some(new.priority), Some(new.run_at));
        self.change(&Edit { id, payload, priority, run_at, ..Edit::default() });
    }

    /// Change a queued job; whether it can be.
    pub(crate) fn change(&mut self, edit: &Edit) -> bool {
        let at = edit.id as usize - 1;
        let (was, job) = (self.jobs[at].place, &self.jobs[at]);
        let mut new = job.new.clone();
        new.key = edit.key.clone().or(new.key);
        let has_other_key = new.key != job.new.key;
        if job.state() != State::Queued || (was == "suspect" && has_other_key) {
            return false;
        }
        new.payload = edit.payload.clone().unwrap_or(new.payload);
        new.priority = edit.priority.unwrap_or(new.priority);
        new.queue = edit.queue.clone().unwrap_or(new.queue);
        new.deadline = match edit.deadline {
            None => new.deadline,
            Some(Deadline::None) => None,
            Some(Deadline::At(at)) => Some(at),
        };
        let changed = Job { new, run_at: edit.run_at.unwrap_or(job.run_at), ..job.clone() };
        let is = match (was, edit.run_at) {
            ("suspect", _) => was,
            (_, Some(at)) if at > self.now => "timer",
            ("ready" | "subject", _) => {
                if has_other_key {
                    "key"
                } else {
                    was
                }
            }
            (_, Some(at)) => changed.until(at, self.now),
            (_, None) => was,
        };
        if is != was || has_other_key || (is == "ready" && changed.lane() != job.lane()) {
            self.put(at, "");
        }
        self.jobs[at] = Job { place: self.jobs[at].place, ..changed };
        self.jobs[at].running.deadline = self.jobs[at].new.deadline;
        self.put(at, is);
        if was == "ready" && is != "ready" {
            let about = (self.jobs[at].new.about.source.clone(), self.jobs[at].new.kind.clone());
            self.release(&about.0, &about.1);
        }
        true
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
            deadline: new.deadline,
        };
        let run_at = new.run_at;
        let made = Made::Something;
        let new = Job { new, running, place: "", run_at, round: 1, error: None, made, attempts: 0, input: None };
        let place = new.until(run_at, self.now);
        self.jobs.push(new);
        self.put(self.jobs.len() - 1, place);
    }

    /// Add a job that is let in before anybody else comes if nobody waits for its key.
    pub(crate) fn add_at_once(&mut self, new: NewJob) {
        self.add(new);
        let at = self.jobs.len() - 1;
        let job = &self.jobs[at];
        if let Some(name) = job.new.key.clone().filter(|_| job.place == "key") {
            let key = self.key(&name);
            if key.waiting == 1 && key.admits(self.key_paces.of(&name), self.now) == 1 {
                self.put(at, "ready");
            }
        }
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        let count = |places: &[&str]| {
            let with_key = self.jobs.iter().filter(|job| job.new.key.as_deref() == Some(name));
            with_key.filter(|job| places.contains(&job.place)).count() as u64
        };
        let next_at = self.rests.get(name).copied().unwrap_or_default();
        let idle = count(&["ready", "subject", "suspect"]);
        Key { idle, running: count(&["running"]), waiting: count(&["key"]), next_at }
    }

    /// Every key lets in those who have room; the end of each commit.
    pub(crate) fn let_in(&mut self) {
        let names: BTreeSet<String> = self.jobs.iter().filter_map(|job| job.new.key.clone()).collect();
        for name in names {
            let admits = self.key(&name).admits(self.key_paces.of(&name), self.now);
            for _ in 0..admits {
                let waits = |at: &usize| {
                    let job = &self.jobs[*at];
                    let rests = job.new.item.is_some_and(|(import, _)| self.rests(import));
                    job.place == "key" && job.new.key.as_deref() == Some(name.as_str()) && !rests
                };
                let next = (0..self.jobs.len()).filter(waits).min_by_key(|at| (self.jobs[*at].new.priority, *at));
                // Who else waits is of an import that rests.
                let Some(next) = next else { break };
                self.put(next, "ready");
            }
        }
    }

    pub(crate) fn change_queue(&mut self, name: &str, change: &QueueChange) {
        let queue = self.queues.entry(name.to_owned()).or_default();
        match change {
            QueueChange::Pause => queue.state = QueueState::Paused,
            QueueChange::Resume => queue.state = QueueState::Open,
            QueueChange::Drain => queue.state = QueueState::Draining,
            QueueChange::Reset => queue.set = Set::default(),
            QueueChange::Set(set) => {
                queue.set = *set;
                queue.used.rate = Default::default();
            }
        }
        self.drained();
    }

    /// Queues that drain are paused once nothing of them runs.
    fn drained(&mut self) {
        for (name, queue) in &mut self.queues {
            let runs = |job: &Job| job.place == "running" && job.new.queue == *name;
            if queue.state == QueueState::Draining && !self.jobs.iter().any(runs) {
                queue.state = QueueState::Paused;
            }
        }
    }

    pub(crate) fn state_of_queue(&self, name: &str) -> QueueState {
        self.queues.get(name).map_or(QueueState::Open, |queue| queue.state)
    }

    fn is_open(&self, job: &Job) -> bool {
        self.state_of_queue(&job.new.queue) == QueueState::Open
    }

    /// Whether as many run as may.
    fn is_full(&self, name: &str) -> bool {
        let running = self.jobs.iter().filter(|job| job.place == "running" && job.new.queue == name).count() as u64;
        let set = self.queues.get(name).map(|queue| queue.set).unwrap_or_default();
        set.over(self.queue_limits.of(name)).concurrency.is_some_and(|most| running >= most)
    }

    /// What is due: timers, then deadlines, then keys.
    fn ring(&mut self) {
        for at in 0..self.jobs.len() {
            if self.jobs[at].place == "timer" && self.jobs[at].run_at <= self.now {
                let place = self.jobs[at].until(self.jobs[at].run_at, self.now);
                self.put(at, place);
            }
        }
        let (mut free, mut expired) = (BTreeSet::new(), Vec::new());
        for at in 0..self.jobs.len() {
            let job = &self.jobs[at];
            if let Some(deadline) = job.new.deadline.filter(|at| job.state() == State::Queued && *at <= self.now) {
                free.insert((job.new.about.source.clone(), job.new.kind.clone()));
                let given_up = expire(at as i64 + 1, deadline);
                let place = self.jobs[at].go(&given_up, self.now);
                self.put(at, place);
                expired.push((deadline, given_up));
            }
        }
        // They are noted as they rang.
        expired.sort_by_key(|(deadline, _)| *deadline);
        self.note(&expired.iter().map(|(_, given_up)| given_up).collect::<Vec<_>>());
        free.iter().for_each(|(source, kind)| self.release(source, kind));
        self.let_in();
    }

    fn is_busy(&self, source: &str, kind: &str) -> bool {
        self.jobs.iter().any(|job| job.place == "running" && job.is(source, kind))
    }

    /// The places in `jobs` of those that are claimed, in order.
    pub(crate) fn claim(&mut self, free: u64) -> Vec<usize> {
        self.ring();
        let mut taken = Vec::new();
        if free > 0 && !self.jobs.iter().any(|job| job.place == "running" && job.running.trust == Trust::Suspect) {
            let is_next = |job: &Job| {
                let rests = job.new.item.is_some_and(|(import, _)| self.rests(import));
                job.place == "suspect" && self.is_open(job) && !self.is_full(&job.new.queue) && !rests
            };
            let suspects = (0..self.jobs.len()).filter(|at| is_next(&self.jobs[*at]));
            let next = suspects.min_by_key(|at| (self.jobs[*at].running.deaths, *at));
            taken.extend(next.filter(|at| self.take(*at)));
            if let Some(at) = taken.first() {
                let queue = self.jobs[*at].new.queue.clone();
                self.began(&queue, 1);
            }
        }
        for (lane, slots) in self.shares(free - taken.len() as u64) {
            let in_lane = |at: &usize| self.jobs[*at].place == "ready" && self.jobs[*at].lane() == lane;
            let line: Vec<usize> = (0..self.jobs.len()).filter(in_lane).take(slots as usize).collect();
            assert_eq!(line.len() as u64, slots);
            self.turn += 1;
            self.lanes.insert(lane.clone(), (Some(self.now), self.turn));
            self.queues.entry(lane.queue.to_string()).or_default().turn = self.turn;
            let before = taken.len();
            for at in line {
                if self.take(at) {
                    taken.push(at);
                } else {
                    self.put(at, "subject");
                }
            }
            self.began(&lane.queue, (taken.len() - before) as u64);
        }
        taken
    }

    fn shares(&mut self, free: u64) -> Vec<(Lane, u64)> {
        let (jobs, now, failures, imports) = (&self.jobs, self.now, &self.failures, &self.imports);
        let rests = |id: i64| imports.get(&id).is_some_and(|import| import.is_paused || import.is_cancelled);
        let ready = |lane: &Lane| jobs.iter().filter(|job| job.place == "ready" && job.lane() == *lane).count() as u64;
        let demand = |(lane, (since, turn)): (&Lane, &mut (Option<Timestamp>, u64))| Demand {
            lane: lane.clone(),
            ready: ready(lane),
            since: *since.get_or_insert(now),
            turn: *turn,
            manner: Manner::after(failures.get(&*lane.kind).copied().unwrap_or(0)),
        };
        let demands: Vec<Demand> = self.lanes.iter_mut().filter(|(lane, _)| !rests(lane.import)).map(demand).collect();
        let mut rooms = Rooms::new();
        for demand in &demands {
            let name = &demand.lane.queue;
            let queue = self.queues.get(&**name).cloned().unwrap_or_default();
            if queue.state == QueueState::Open {
                let running =
                    jobs.iter().filter(|job| job.place == "running" && *job.new.queue == **name).count() as u64;
                let used = Used { running, ..queue.used };
                let room = room(&queue.set.over(self.queue_limits.of(name)), &used, now);
                rooms.insert(name.clone(), Room { room, turn: queue.turn });
            }
        }
        share(&demands, &rooms, free, now, self.queue_limits.ageing)
    }

    fn began(&mut self, queue: &str, jobs: u64) {
        let queue = self.queues.entry(queue.to_owned()).or_default();
        if let Some(rate) = queue.set.rate.and_then(queue::Own::limit).filter(|_| jobs > 0) {
            queue.used.rate = queue.used.rate.after(rate, self.now, jobs);
        }
    }

    fn take(&mut self, at: usize) -> bool {
        let (source, kind) = (self.jobs[at].new.about.source.clone(), self.jobs[at].new.kind.clone());
        if self.is_busy(&source, &kind) {
            return false;
        }
        self.leases += 1;
        let page = self.current.get(&(source, "page".to_owned())).map(|(lease, ..)| *lease);
        self.put(at, "running");
        if let Some(key) = self.jobs[at].new.key.clone() {
            let rest = rest_after_start(self.key_paces.of(&key), self.now);
            let rests = self.rests.entry(key).or_default();
            *rests = rest.max(*rests);
        }
        let job = &mut self.jobs[at];
        job.input = page.filter(|_| kind == "text");
        job.running.lease = self.leases;
        job.running.attempt += 1;
        true
    }

    /// Apply ends that are committed together.
    pub(crate) fn end(&mut self, ends: &[Settlement]) {
        let mut held = Vec::new();
        for end in ends {
            let at = end.transition.job as usize - 1;
            let job = &mut self.jobs[at];
            if job.place == "running" && end.transition.expect == (Expect::Running { lease: job.running.lease }) {
                let place = job.go(&end.transition, self.now);
                job.attempts += 1;
                self.put(at, place);
                let job = &self.jobs[at];
                if let (Next::Queued { run_at, why: Why::Deferred, .. }, Some(key)) =
                    (&end.transition.next, &job.new.key)
                {
                    let rests = self.rests.entry(key.clone()).or_default();
                    *rests = (*run_at).max(*rests);
                }
                match end.attempt.outcome {
                    "done" | "unchanged" => drop(self.failures.remove(&job.new.kind)),
                    "stopped" | "cancelled" | "died" | "lost" | "deferred" => {}
                    _ => *self.failures.entry(job.new.kind.clone()).or_default() += 1,
                }
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
        self.note(&held.iter().map(|end| &end.transition).collect::<Vec<_>>());
        self.drained();
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
                (new.max_attempts, new.run_at, new.now) = (next.max_attempts, self.now, self.now);
                (new.key, new.unique, new.deadline) = (None, None, None);
                new.payload = "{}".into();
                new.parent = Some((before.running.id, 1));
                return self.add(new);
            }
        }
    }

    fn release(&mut self, source: &str, kind: &str) {
        if !self.is_busy(source, kind)
            && let Some(next) = self.jobs.iter().position(|job| job.place == "subject" && job.is(source, kind))
        {
            self.put(next, "ready");
        }
    }

    /// Apply a change to a job that does not run.
    pub(crate) fn turn(&mut self, to: &Transition) {
        let at = to.job as usize - 1;
        let now = self.now;
        let job = &mut self.jobs[at];
        if to.expect == Expect::Ended {
            if let Some(import) = job.new.item.and_then(|(id, _)| self.imports.get_mut(&id)).filter(|i| i.is_cancelled)
            {
                (import.is_cancelled, import.is_broken) = (false, false);
            }
            job.round += 1;
            job.new.deadline = job.new.deadline.filter(|at| *at > now);
            job.running.deadline = job.new.deadline;
        }
        let place = job.go(to, now);
        self.put(at, place);
        self.note(&[to]);
        let (source, kind) = (self.jobs[at].new.about.source.clone(), self.jobs[at].new.kind.clone());
        self.release(&source, &kind);
    }
}
