//! What is due and who is next, as the model sees it: it looks at every job.

use super::{Job, Model};
use capstan::rules::job::{State, Trust, expire};
use capstan::rules::key::rest_after_start;
use capstan::rules::queue::{Demand, Lane, Manner, QueueState, Room, Rooms, Used, room, share};
use capstan::rules::time::Timestamp;
use std::collections::BTreeSet;

impl Model {
    /// What is due: timers, then deadlines, then keys.
    pub(super) fn ring(&mut self) {
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

    pub(super) fn is_busy(&self, source: &str, kind: &str) -> bool {
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

    pub(super) fn shares(&mut self, free: u64) -> Vec<(Lane, u64)> {
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

    pub(super) fn take(&mut self, at: usize) -> bool {
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
}
