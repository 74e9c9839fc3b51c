//! Keys as the model has them.

use super::Model;
use capstan::rules::key::Key;
use std::collections::BTreeSet;

impl Model {
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
}
