//! Changes to what waits, as the model makes them.

use super::{Job, Model};
use capstan::rules::job::State;
use capstan::store::edit::{Deadline, Edit};

impl Model {
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
}
