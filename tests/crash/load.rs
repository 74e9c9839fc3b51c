//! A mixed load: what an operator and his scripts say to a host that may die at any moment.
//!
//! Each act may be said again when no answer came, whether or not it was done: jobs are unique by their title, a cancel
//! of what is cancelled is no error, and what moves from one state to another looks first. So whoever says them in
//! their order until each is answered leaves the same library, however often the host died.

use crate::support::project::Project;
use capstan::host::Verb;
use capstan::host::config::ConfigReload;
use capstan::host::handler::change::HandlerSwap;
use capstan::host::import::{ImportList, ImportStart};
use capstan::host::job::{JobAdd, JobCancel, JobRetry, JobShow, UniqueAsk};
use capstan::host::key::{Change, KeySet};
use capstan::host::queue::{QueuePause, QueueResume};
use capstan::host::refusal::{Fault, Refusal};
use capstan::http::client;
use capstan::rules::job::State;
use capstan::rules::key;
use capstan::rules::time::{Millis, Timestamp};
use capstan::rules::unique::Conflict;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The queue that is paused and resumed.
const SIDE: &str = "side";

/// One thing that is said.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Import this folder, as the import of this number.
    Import(i64, PathBuf),
    /// Add a job, unless it is there.
    Add(Box<JobAdd>),
    /// Give the queued job of this title another payload.
    Replace(Box<JobAdd>),
    /// Cancel the job of this title.
    Cancel(String),
    /// Give the job of this title, which fails, a second round.
    Retry(String),
    Pause,
    Resume,
    /// Let no more than this run of the key `one`.
    Limit(u64),
    /// Let no more than this run of the key `two`, by the file.
    Configure(u64),
    /// Let this component do the kind `flip`.
    Swap(PathBuf),
}

/// What the load is made from: pages, and two versions of `flip`.
pub(super) struct Material {
    pub(super) pages: [PathBuf; 2],
    pub(super) flips: [PathBuf; 2],
}

fn job(title: &str, kind: &str, payload: Value) -> JobAdd {
    let states = State::ALL.to_vec();
    let unique = UniqueAsk { by: Some(title.to_owned()), states, period: None, conflict: Conflict::Existing };
    JobAdd { title: Some(title.to_owned()), unique: Some(unique), ..JobAdd::new(kind, payload) }
}

fn add(job: JobAdd) -> Act {
    Act::Add(Box::new(job))
}

/// So many groups of acts; the same for the same seed.
pub(super) fn acts(seed: u64, groups: usize, material: &Material) -> Vec<Act> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut acts = vec![Act::Limit(1)];
    for group in 0..groups {
        match group {
            0 => acts.push(Act::Import(1, material.pages[0].clone())),
            _ if group == groups / 2 => acts.push(Act::Import(2, material.pages[1].clone())),
            _ => {}
        }
        acts.extend(self::group(group, &mut random, material));
    }
    acts
}

fn group(number: usize, random: &mut fastrand::Rng, material: &Material) -> Vec<Act> {
    let title = |of: &str| format!("{of}-{number}");
    match random.u8(0..10) {
        0 => {
            let written = json!({"do": "answer", "value": number, "write": {"odd.txt": title("written")}});
            let job = job(&title("page"), "odd", written);
            vec![add(JobAdd { priority: random.i64(-5..=5), tags: vec!["made".into()], ..job })]
        }
        1 | 2 => (0..4)
            .map(|n| {
                let payload = json!({"do": "die_until", "attempt": random.u32(1..=4), "number": [number, n]});
                let key = if random.bool() { "one" } else { "two" };
                add(JobAdd { key: Some(key.into()), ..job(&format!("heals-{number}-{n}"), "odd", payload) })
            })
            .collect(),
        3 => {
            let step = json!({"do": "enqueue", "kind": "noop", "payload": {"of": number}, "times": 3});
            let about = json!({"do": "enqueue", "kind": "clerk", "payload": {}, "about": title("file:///about")});
            let saves = json!({"do": "save", "format": "f", "text": "kept"});
            vec![add(job(&title("clerk"), "clerk", json!({"steps": [saves, step, about]})))]
        }
        4 => vec![
            Act::Pause,
            add(in_side(number, "first", 1)),
            add(in_side(number, "second", 2)),
            Act::Replace(Box::new(in_side(number, "first", 3))),
            Act::Cancel(format!("second-{number}")),
            Act::Resume,
        ],
        5 => {
            let waits = json!({"steps": [{"do": "until_cancelled", "message": title("left")}]});
            vec![add(job(&title("waits"), "clerk", waits)), Act::Cancel(title("waits"))]
        }
        6 => {
            let fails = json!({"do": "permanent", "message": title("no")});
            vec![add(job(&title("fails"), "odd", fails)), Act::Retry(title("fails"))]
        }
        7 => {
            let late = json!({"do": "answer", "value": title("late")});
            let job = job(&title("late"), "odd", late);
            vec![add(JobAdd { delay: Some(Millis(random.u64(1..300))), deadline: Some(tomorrow()), ..job })]
        }
        8 => vec![Act::Swap(material.flips[random.usize(0..2)].clone()), flip(number), Act::Limit(random.u64(1..3))],
        _ => vec![flip(number), Act::Configure(random.u64(1..4))],
    }
}

fn in_side(number: usize, which: &str, value: u32) -> JobAdd {
    let payload = json!({"do": "answer", "value": value, "number": number});
    JobAdd { queue: Some(SIDE.into()), ..job(&format!("{which}-{number}"), "odd", payload) }
}

fn flip(number: usize) -> Act {
    add(job(&format!("flip-{number}"), "flip", json!({"end": "done", "text": "null", "number": number})))
}

fn tomorrow() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(now.as_millis()).unwrap() + 86_400_000)
}

/// Whoever says the acts.
pub(super) struct Operator {
    root: PathBuf,
    jobs: BTreeMap<String, i64>,
}

impl Operator {
    pub(super) fn new(project: &Project) -> Self {
        Self { root: project.root().to_owned(), jobs: BTreeMap::new() }
    }

    /// Say it until it is answered.
    pub(super) async fn act(&mut self, act: &Act) {
        match act {
            Act::Import(number, folder) => self.import(*number, folder).await,
            Act::Add(job) => {
                let added = self.say(|| (**job).clone()).await.unwrap();
                self.jobs.insert(job.title.clone().unwrap(), added.job.id);
            }
            Act::Replace(job) => {
                let mut job = (**job).clone();
                job.unique.as_mut().unwrap().conflict = Conflict::Replace;
                self.say(|| job.clone()).await.unwrap();
            }
            Act::Cancel(title) => self.cancel(self.jobs[title]).await,
            Act::Retry(title) => self.retry(self.jobs[title]).await,
            Act::Pause => drop(self.say(|| QueuePause { name: SIDE.into() }).await.unwrap()),
            Act::Resume => drop(self.say(|| QueueResume { name: SIDE.into() }).await.unwrap()),
            Act::Limit(limit) => {
                let change = Change::Set(key::Set { limit: Some(*limit), min_interval: None });
                self.say(|| KeySet { name: "one".into(), change }).await.unwrap();
            }
            Act::Configure(limit) => {
                configure(&self.root, *limit);
                self.say(|| ConfigReload {}).await.unwrap();
            }
            Act::Swap(file) => {
                let swap = || HandlerSwap { file: file.clone(), manifest: None, agree: false };
                self.say(swap).await.unwrap();
            }
        }
    }

    /// Say a verb until somebody answers.
    pub(super) async fn say<V: Verb>(&self, verb: impl Fn() -> V) -> Result<V::Reply, Refusal> {
        loop {
            match client::say(&self.root.join("state/capstan.sock"), &verb()).await {
                Err(Refusal { fault: Fault::Host, .. }) => tokio::time::sleep(Duration::from_millis(3)).await,
                answer => return answer,
            }
        }
    }

    async fn import(&self, number: i64, folder: &Path) {
        let list = || ImportList { before: None, limit: 0 };
        while self.say(list).await.unwrap().items.iter().all(|import| import.id != number) {
            let start = ImportStart::of(folder.to_owned());
            // Not until it is answered: it may have begun all the same.
            drop(client::say(&self.root.join("state/capstan.sock"), &start).await);
        }
    }

    async fn cancel(&self, id: i64) {
        while let Err(refusal) = self.say(|| JobCancel { id, by: "the operator".into() }).await {
            // It was given up because the host died so often while it ran; then it is cancelled in its next round.
            let job = self.say(|| JobShow { id }).await.unwrap().job;
            assert_eq!(job.state, State::Failed, "{refusal}");
            drop(self.say(|| JobRetry { id, by: "test".into() }).await);
        }
    }

    async fn retry(&self, id: i64) {
        loop {
            let job = self.say(|| JobShow { id }).await.unwrap().job;
            if job.round > 1 {
                return;
            }
            if job.state == State::Failed {
                // It is looked at again, whether or not this was answered.
                drop(client::say(&self.root.join("state/capstan.sock"), &JobRetry { id, by: "test".into() }).await);
            } else {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    }
}

/// Let the file say another limit. It is renamed into its place: no host reads half of it.
fn configure(root: &Path, limit: u64) {
    let path = root.join("capstan.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text: String = text
        .lines()
        .map(|line| match line.strip_prefix("limit = ") {
            Some(_) => format!("limit = {limit}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let draft = root.join("capstan.toml.draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::rename(draft, path).unwrap();
}
