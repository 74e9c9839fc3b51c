//! Jobs that come, as the model takes them.

use super::{Job, Model};
use capstan::rules::job::{Made, Running, State, Trust};
use capstan::rules::unique::{Same, Verdict, judge};
use capstan::store::edit::Edit;
use capstan::store::job::NewJob;
use capstan::store::unique::Accepted;

impl Model {
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
    pub(super) fn edit(&mut self, id: i64, new: NewJob) {
        self.jobs[id as usize - 1].new.about.tags = new.about.tags;
        let (payload, priority, run_at) = (Some(new.payload), Some(new.priority), Some(new.run_at));
        self.change(&Edit { id, payload, priority, run_at, ..Edit::default() });
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
}
