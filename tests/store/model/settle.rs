//! Ends of attempts, as the model applies them.

use super::{Generation, Model};
use crate::store::stage::DIGEST;
use capstan::rules::job::{Expect, Next, Transition, Why};
use capstan::rules::pipeline::{Standing, follows};
use capstan::store::settle::Settlement;

impl Model {
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

    pub(super) fn follow(&mut self, end: &Settlement) {
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

    pub(super) fn release(&mut self, source: &str, kind: &str) {
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
