//! A store and the model of it, driven side by side and compared after each command.

mod compare;
mod import;

use super::model::Model;
use super::random::{Change, Command, Ending, New};
use super::stage::{Stage, done, failed, job, publication, text_follows, unchanged};
use capstan::rules::attempt::Outcome;
use capstan::rules::job::{Cancel, Running, State, cancel, retry};
use capstan::rules::key::{self, Pace};
use capstan::rules::queue::{self, Own, Set};
use capstan::rules::rate::Rate;
use capstan::rules::recovery::{End, recover};
use capstan::rules::time::{Millis, Timestamp};
use capstan::rules::unique::{Conflict, States, Unique};
use capstan::store::claim::Claimed;
use capstan::store::edit::{Deadline, Edit};
use capstan::store::job::NewJob;
use capstan::store::queue::QueueChange;
use capstan::store::settle::{Applied, Settlement};
use proptest::sample::Index;
use tokio::task::JoinSet;

pub(crate) struct World {
    stage: Stage,
    model: Model,
    running: Vec<Claimed>,
    ended: Vec<Claimed>,
}

fn new_job(kind: usize, subject: usize, now: Timestamp) -> NewJob {
    job(["page", "text"][kind], &format!("s{subject}"), now)
}

/// The queues of the jobs, and who changes them how.
const QUEUES: [&str; 2] = ["page", "text"];

fn queue_change(at: usize) -> QueueChange {
    let rate = Rate::parse("5/s").unwrap().with_burst(2).unwrap();
    let limits = |concurrency, rate| QueueChange::Set(Set { concurrency, rate, tokens: None });
    match at {
        0 => QueueChange::Pause,
        1 => QueueChange::Drain,
        2 => QueueChange::Reset,
        3 => limits(Some(Own::Limit(1)), Some(Own::None)),
        4 => limits(Some(Own::None), Some(Own::Limit(rate))),
        _ => QueueChange::Resume,
    }
}

/// The job that a test asks for.
fn of(new: &New, now: Timestamp) -> NewJob {
    let states = if new.counts_ended { States::of(&State::ALL) } else { States::OPEN };
    let unique = |(hash, conflict)| Unique {
        hash: format!("h{hash}"),
        states,
        period: Some(Millis(1_500)),
        conflict: [Conflict::Skip, Conflict::Replace, Conflict::Existing][conflict],
    };
    let mut job = new_job(new.kind, new.subject, now);
    job.priority = new.priority;
    job.run_at = Timestamp(now.0 + new.delay);
    job.key = new.key.map(|key| ["a", "b"][key].to_owned());
    job.deadline = new.deadline.map(|ms| now.after(Millis(ms)));
    job.unique = new.unique.map(unique);
    job.payload = format!("{{\"n\":{}}}", new.delay + new.priority);
    job
}

impl World {
    pub(crate) async fn new() -> Self {
        let mut stage = Stage::small().await;
        stage.queues = queue::Configured { ageing: Millis(700), ..Default::default() };
        let slow = Pace { limit: 1, min_interval: Millis(300) };
        stage.keys = key::Configured {
            common: Pace { limit: 2, min_interval: Millis(0) },
            named: [("b".to_owned(), slow)].into(),
        };
        stage.keep = 2;
        stage.configure().await;
        let (queue_limits, key_paces) = (stage.queues.clone(), stage.keys.clone());
        let model = Model { now: stage.now, queue_limits, key_paces, keep: 2, ..Model::default() };
        Self { stage, model, running: Vec::new(), ended: Vec::new() }
    }

    pub(crate) async fn apply(&mut self, command: &Command) {
        match command {
            Command::Add(new) => {
                let new: Vec<NewJob> = new.iter().map(|new| of(new, self.stage.now)).collect();
                let accepted = self.stage.store.accept(new.clone()).await.unwrap();
                assert_eq!(accepted, self.model.accept(new));
                self.model.let_in();
            }
            Command::Queue { which, change } => {
                let change = queue_change(*change);
                self.stage.store.change_queue(QUEUES[*which].into(), change.clone()).await.unwrap();
                self.model.change_queue(QUEUES[*which], &change);
            }
            Command::Claim { free } => {
                let claimed = self.stage.claim(*free).await;
                self.claimed(*free, claimed);
            }
            Command::End { which, ending } if !self.running.is_empty() => {
                let claimed = self.running.remove(which.index(self.running.len()));
                let end = self.settlement(&claimed, *ending);
                assert_eq!(self.stage.store.settle(end.clone()).await.unwrap(), Applied::Yes);
                self.model.end(&[end]);
                self.model.let_in();
                self.ended.push(claimed);
            }
            Command::Burst { ends, adds, free } => self.burst(ends, *adds, *free).await,
            Command::Stale { which } if !self.ended.is_empty() => {
                let claimed = &self.ended[which.index(self.ended.len())];
                let end = self.settlement(claimed, Ending::Published);
                assert_eq!(self.stage.store.settle(end).await.unwrap(), Applied::Stale);
            }
            Command::Cancel { which } if !self.model.jobs.is_empty() => self.cancel(*which).await,
            Command::AskCancel { which } if !self.running.is_empty() => {
                let id = self.running[which.index(self.running.len())].facts.running.id;
                self.stage.store.ask_cancel(vec![id], "someone".into()).await.unwrap();
                self.model.jobs[id as usize - 1].running.cancel_by = Some("someone".into());
            }
            Command::Retry { which } if !self.model.jobs.is_empty() => self.retry(*which).await,
            Command::Delete { which } if !self.model.log.is_empty() => {
                let at = which.index(self.model.log.len());
                let id = at as i64 + 1;
                let deleted =
                    self.stage.store.delete_failures(vec![id], "someone".into(), self.stage.now).await.unwrap();
                assert_eq!(deleted == [id], self.model.delete(at));
            }
            Command::Edit { which, change } if !self.model.jobs.is_empty() => self.edit(*which, change).await,
            Command::Import { total, invalid } => self.import(*total, *invalid).await,
            Command::Chunk { which, items } if !self.model.imports.is_empty() => self.chunk(*which, *items).await,
            Command::Break { which } if !self.model.imports.is_empty() => self.break_import(*which).await,
            Command::Turn { which, turn } if !self.model.imports.is_empty() => self.turn(*which, *turn).await,
            Command::Pass { ms } => {
                self.stage.pass(*ms);
                self.model.now = self.stage.now;
            }
            Command::Restart => self.restart().await,
            Command::Die => self.die().await,
            _ => {}
        }
        self.model.close_imports();
        self.compare().await;
    }

    /// What the store claimed is what the model claims.
    fn claimed(&mut self, free: u64, claimed: Vec<Claimed>) {
        let at = self.model.claim(free);
        let expected: Vec<(Running, Option<i64>)> =
            at.iter().map(|at| &self.model.jobs[*at]).map(|job| (job.running.clone(), job.input)).collect();
        let got: Vec<(Running, Option<i64>)> = claimed
            .iter()
            .map(|job| (job.facts.running.clone(), job.inputs.get("page").map(|(lease, _)| *lease)))
            .collect();
        assert_eq!(got, expected);
        self.running.extend(claimed);
    }

    fn settlement(&self, claimed: &Claimed, ending: Ending) -> Settlement {
        let outcome = match ending {
            Ending::Published | Ending::Done => done(),
            Ending::Unchanged => unchanged(),
            Ending::Stopped => Outcome::Stopped,
            Ending::Failed(class) => failed(class),
        };
        let mut end = self.stage.end(&claimed.facts, &outcome);
        end.publication = matches!(ending, Ending::Published).then(|| publication(claimed.facts.running.lease));
        end.follow = if claimed.facts.kind == "page" { text_follows() } else { Vec::new() };
        end
    }

    async fn burst(&mut self, ends: &[(Index, Ending)], adds: usize, free: u64) {
        let mut settlements = Vec::new();
        for (which, ending) in ends {
            if !self.running.is_empty() {
                let claimed = self.running.remove(which.index(self.running.len()));
                settlements.push(self.settlement(&claimed, *ending));
                self.ended.push(claimed);
            }
        }
        let mut waiting = JoinSet::new();
        for end in settlements.clone() {
            let store = self.stage.store.clone();
            waiting.spawn(async move { assert_eq!(store.settle(end).await.unwrap(), Applied::Yes) });
        }
        let key = |n: usize| (n == 1).then(|| "a".to_owned());
        let new = (0..adds).map(|n| NewJob { key: key(n), ..new_job(n % 2, n, self.stage.now) });
        let new: Vec<NewJob> = new.collect();
        let (store, jobs) = (self.stage.store.clone(), new.clone());
        waiting.spawn(async move { assert_eq!(store.add(jobs).await.unwrap().len(), adds) });
        let (store, request) = (self.stage.store.clone(), self.stage.request(free));
        let claim = tokio::spawn(async move { store.claim(request).await.unwrap() });
        waiting.join_all().await;
        self.model.end(&settlements);
        new.into_iter().for_each(|job| self.model.add_at_once(job));
        self.claimed(free, claim.await.unwrap());
    }

    async fn cancel(&mut self, which: Index) {
        let at = which.index(self.model.jobs.len());
        if let Cancel::Now(to) = cancel(at as i64 + 1, self.model.jobs[at].state(), "someone") {
            assert_eq!(self.stage.store.turn(vec![to.clone()], self.stage.now).await.unwrap(), [Applied::Yes]);
            self.model.turn(&to);
            self.model.let_in();
        }
    }

    async fn retry(&mut self, which: Index) {
        let at = which.index(self.model.jobs.len());
        if let Ok(to) = retry(at as i64 + 1, self.model.jobs[at].state(), self.stage.now) {
            assert_eq!(self.stage.store.turn(vec![to.clone()], self.stage.now).await.unwrap(), [Applied::Yes]);
            self.model.turn(&to);
            self.model.let_in();
        }
    }

    async fn edit(&mut self, which: Index, change: &Change) {
        let at = which.index(self.model.jobs.len());
        let now = self.stage.now;
        let edit = Edit {
            id: at as i64 + 1,
            payload: change.priority.map(|priority| format!("{{\"edited\":{priority}}}")),
            priority: change.priority,
            run_at: change.delay.map(|delay| Timestamp(now.0 + delay)),
            queue: change.queue.map(|at| QUEUES[at].to_owned()),
            key: change.key.map(|key| ["a", "b"][key].to_owned()),
            deadline: change.deadline.map(|ms| ms.map_or(Deadline::None, |ms| Deadline::At(now.after(Millis(ms))))),
            ..Edit::default()
        };
        let expected = if self.model.change(&edit) { Applied::Yes } else { Applied::Stale };
        assert_eq!(self.stage.store.edit(vec![edit], now).await.unwrap(), [expected]);
        self.model.let_in();
    }

    async fn restart(&mut self) {
        let ends: Vec<Settlement> =
            self.running.iter().map(|claimed| self.settlement(claimed, Ending::Stopped)).collect();
        for end in &ends {
            assert_eq!(self.stage.store.settle(end.clone()).await.unwrap(), Applied::Yes);
            self.model.end(std::slice::from_ref(end));
            self.model.let_in();
        }
        self.stage.store.stop(self.stage.boot, self.stage.now).await.unwrap();
        self.stage.reopen().await;
        self.forget();
        self.gone();
    }

    async fn die(&mut self) {
        let settlements = self.stage.die().await;
        let at: Vec<usize> = (0..self.model.jobs.len()).filter(|at| self.model.jobs[*at].place == "running").collect();
        let running: Vec<Running> = at.iter().map(|at| self.model.jobs[*at].running.clone()).collect();
        let expected = recover(&running, End::Died, self.stage.now);
        assert_eq!(settlements.iter().map(|end| end.transition.clone()).collect::<Vec<_>>(), expected);
        // The store was opened again before.
        self.forget();
        self.model.end(&settlements);
        if !settlements.is_empty() {
            self.model.let_in();
        }
        self.gone();
    }

    fn gone(&mut self) {
        self.ended.append(&mut self.running);
    }

    /// Whose turn it is is not worth a write; a new host begins anew.
    fn forget(&mut self) {
        self.model.turn = 0;
        self.model.failures.clear();
        self.model.lanes.values_mut().for_each(|lane| *lane = (None, 0));
        self.model.queues.values_mut().for_each(|queue| queue.turn = 0);
    }
}
