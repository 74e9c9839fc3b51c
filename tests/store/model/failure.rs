//! The failure log as the model has it.

use super::{Job, Model};
use capstan::rules::failure::Resolution;
use capstan::rules::job::{Expect, Next, Transition};

/// A failure: its job, its round, how it was resolved, and whether it has full detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) job: i64,
    pub(crate) round: u32,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) detailed: bool,
}

impl Model {
    /// Resolve the failures for which this holds.
    pub(super) fn resolve(&mut self, how: Resolution, holds: impl Fn(&[Job], &Logged) -> bool) {
        let open = self.log.iter_mut().filter(|failure| failure.resolution.is_none());
        open.filter(|failure| holds(&self.jobs, failure)).for_each(|failure| failure.resolution = Some(how));
    }

    /// What is applied together, for the log: what completed and what begins anew first, then what failed.
    pub(super) fn note(&mut self, applied: &[&Transition]) {
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
}
