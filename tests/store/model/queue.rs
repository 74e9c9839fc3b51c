//! Queues as the model has them.

use super::{Job, Model};
use capstan::rules::queue::{self, QueueState, Set, Used};
use capstan::store::queue::QueueChange;

#[derive(Debug, Default, Clone)]
pub(crate) struct Queue {
    pub(super) state: QueueState,
    pub(super) set: Set,
    pub(super) used: Used,
    pub(crate) turn: u64,
}

impl Model {
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
    pub(super) fn drained(&mut self) {
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

    pub(super) fn is_open(&self, job: &Job) -> bool {
        self.state_of_queue(&job.new.queue) == QueueState::Open
    }

    /// Whether as many run as may.
    pub(super) fn is_full(&self, name: &str) -> bool {
        let running = self.jobs.iter().filter(|job| job.place == "running" && job.new.queue == name).count() as u64;
        let set = self.queues.get(name).map(|queue| queue.set).unwrap_or_default();
        set.over(self.queue_limits.of(name)).concurrency.is_some_and(|most| running >= most)
    }

    pub(super) fn began(&mut self, queue: &str, jobs: u64) {
        let queue = self.queues.entry(queue.to_owned()).or_default();
        if let Some(rate) = queue.set.rate.and_then(queue::Own::limit).filter(|_| jobs > 0) {
            queue.used.rate = queue.used.rate.after(rate, self.now, jobs);
        }
    }
}
