//! A store in a folder of its own, and the few words that tests say to it.

use capstan::rules::attempt::{Class, Fault, Outcome};
use capstan::rules::failure::KEEP;
use capstan::rules::job::{State, finish};
use capstan::rules::recovery::{End, recover};
use capstan::rules::retry::{Backoff, Policy, Shape};
use capstan::rules::time::{Millis, Timestamp};
use capstan::rules::{key, queue};
use capstan::store::Store;
use capstan::store::artifact::{Publication, PublishedFile};
use capstan::store::attempt::AttemptRecord;
use capstan::store::boot::NewBoot;
use capstan::store::claim::{ClaimRequest, Claimed, Route, Routes};
use capstan::store::failure::{FailureFilter, FailureRow, Which};
use capstan::store::job::{About, JobFilter, JobRow, NewJob};
use capstan::store::pipeline::Follow;
use capstan::store::settle::{Applied, Facts, Settlement};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// The handler of every kind.
pub(crate) const DIGEST: &str = "d1";
/// Retries come after exactly a second at most.
pub(crate) const POLICY: Policy =
    Policy::plain(3, Backoff { shape: Shape::Exponential, base: Millis(1_000), cap: Millis(1_000), jitter: 500 });

pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) boot: i64,
    /// The only clock there is.
    pub(crate) now: Timestamp,
    /// What the configuration says.
    pub(crate) queues: queue::Configured,
    pub(crate) keys: key::Configured,
    /// How many failures keep full detail.
    pub(crate) keep: u64,
}

/// `page` is made from nothing, `text` from the page.
fn routes() -> Arc<Routes> {
    let route = |inputs: &[&str]| Route { digest: DIGEST.into(), inputs: inputs.iter().map(|&i| i.into()).collect() };
    Arc::new(Routes::from([("page".into(), route(&[])), ("text".into(), route(&["page"]))]))
}

pub(crate) fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("capstan.db")
}

pub(crate) fn job(kind: &str, subject: &str, now: Timestamp) -> NewJob {
    NewJob {
        kind: kind.into(),
        queue: kind.into(),
        about: About::source(subject),
        payload: "{}".into(),
        priority: 0,
        max_attempts: POLICY.max_attempts,
        run_at: now,
        parent: None,
        item: None,
        key: None,
        unique: None,
        deadline: None,
        now,
    }
}

pub(crate) fn failed(class: Class) -> Outcome {
    Outcome::Failed(Fault::new(class, "told so"))
}

pub(crate) fn done() -> Outcome {
    Outcome::Done("{}".into())
}

pub(crate) fn unchanged() -> Outcome {
    Outcome::Unchanged("{}".into())
}

/// What follows a page.
pub(crate) fn text_follows() -> Vec<Follow> {
    vec![Follow { kind: "text".into(), queue: "text".into(), key: None, max_attempts: 3, digest: Some(DIGEST.into()) }]
}

/// A generation of one file.
pub(crate) fn publication(lease: i64) -> Publication {
    let file = PublishedFile {
        path: "out.md".into(),
        bytes: 3,
        sha256: format!("{lease:064x}"),
        media_type: "text/markdown".into(),
    };
    Publication { location: format!("artifacts/g{lease}"), title: String::new(), files: vec![file] }
}

/// A folder in memory where the system has one: many small stores are thrown away before they need the disk.
fn fleeting() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap()).await
    }

    /// A stage for few jobs that is one of thousands: what an empty one begins with is copied.
    pub(crate) async fn small() -> Self {
        static EMPTY: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
        let empty = async || {
            let folder = fleeting();
            Store::open_here(&file(&folder)).await.unwrap().close().await;
            std::fs::read(file(&folder)).unwrap()
        };
        let folder = fleeting();
        std::fs::write(file(&folder), EMPTY.get_or_init(empty).await).unwrap();
        Self::within(folder).await
    }

    async fn within(folder: TempDir) -> Self {
        let store = Store::open_here(&file(&folder)).await.unwrap();
        let (queues, keys) = (queue::Configured::default(), key::Configured::default());
        let mut stage = Self { folder, store, boot: 0, now: Timestamp(1_000_000), queues, keys, keep: KEEP };
        stage.boot().await;
        stage
    }

    async fn boot(&mut self) {
        let boot = NewBoot { host: "host".into(), machine: "machine".into(), pid: 1, version: "0", now: self.now };
        self.boot = self.store.boot(boot).await.unwrap();
    }

    /// Close the store and open it again.
    pub(crate) async fn reopen(&mut self) {
        self.store.clone().close().await;
        self.store = Store::open_here(&file(&self.folder)).await.unwrap();
        self.configure().await;
    }

    /// Let the store know what the configuration says.
    pub(crate) async fn configure(&self) {
        self.store.configure(self.queues.clone(), self.keys.clone()).await.unwrap();
        self.store.keep_failures(self.keep).await.unwrap();
    }

    /// The host dies and comes back: what ran is recovered.
    pub(crate) async fn die(&mut self) -> Vec<Settlement> {
        self.reopen().await;
        let orphans = self.store.orphans().await.unwrap();
        let running: Vec<_> = orphans.iter().map(|facts| facts.running.clone()).collect();
        let ends = recover(&running, End::Died, self.now);
        let settlements: Vec<Settlement> = orphans
            .into_iter()
            .zip(ends)
            .map(|(facts, transition)| Settlement {
                facts,
                transition,
                attempt: self.record("died"),
                publication: None,
                follow: Vec::new(),
                enqueue: Vec::new(),
                progress: None,
            })
            .collect();
        let applied = self.store.recover(settlements.clone()).await.unwrap();
        assert_eq!(applied, vec![Applied::Yes; settlements.len()]);
        self.boot().await;
        settlements
    }

    /// Change the database without the store.
    pub(crate) async fn behind_its_back(&self, statement: &'static str) {
        let options = SqliteConnectOptions::new().filename(file(&self.folder));
        let mut conn = options.connect().await.unwrap();
        sqlx::query(statement).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now.after(Millis(ms));
    }

    pub(crate) async fn add(&self, kind: &str, subject: &str) -> i64 {
        self.store.add(vec![job(kind, subject, self.now)]).await.unwrap()[0]
    }

    pub(crate) fn request(&self, free: u64) -> ClaimRequest {
        ClaimRequest { free, boot: self.boot, host: "host".into(), now: self.now, routes: routes() }
    }

    pub(crate) async fn claim(&self, free: u64) -> Vec<Claimed> {
        self.store.claim(self.request(free)).await.unwrap()
    }

    pub(crate) async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(1).await;
        assert_eq!(claimed.len(), 1);
        claimed.remove(0)
    }

    pub(crate) fn record(&self, outcome: &'static str) -> AttemptRecord {
        AttemptRecord {
            boot: self.boot,
            finished_at: self.now,
            outcome,
            message: None,
            details: None,
            backtrace: None,
            usage: None,
            limits: None,
            log: None,
            log_dropped: 0,
        }
    }

    /// The end of an attempt, without publication and followers.
    pub(crate) fn end(&self, facts: &Facts, outcome: &Outcome) -> Settlement {
        let word = match outcome {
            Outcome::Done(_) => "done",
            Outcome::Unchanged(_) => "unchanged",
            Outcome::Stopped => "stopped",
            Outcome::Failed(fault) => fault.class.name(),
        };
        Settlement {
            facts: facts.clone(),
            transition: finish(&facts.running, outcome, &POLICY, self.now, 0.5),
            attempt: self.record(word),
            publication: None,
            follow: Vec::new(),
            enqueue: Vec::new(),
            progress: None,
        }
    }

    pub(crate) async fn settle(&self, claimed: &Claimed, outcome: &Outcome) -> Applied {
        self.store.settle(self.end(&claimed.facts, outcome)).await.unwrap()
    }

    /// Done, with a generation.
    pub(crate) async fn publish(&self, claimed: &Claimed) -> Applied {
        let mut end = self.end(&claimed.facts, &done());
        end.publication = Some(publication(claimed.facts.running.lease));
        self.store.settle(end).await.unwrap()
    }

    pub(crate) async fn row(&self, id: i64) -> JobRow {
        self.store.job(id).await.unwrap().unwrap()
    }

    /// Every failure, oldest first.
    pub(crate) async fn failures(&self) -> Vec<FailureRow> {
        let all = FailureFilter { which: Which::All, ..FailureFilter::default() };
        let mut rows = self.store.failures(&all, None, 10_000).await.unwrap();
        rows.reverse();
        rows
    }

    /// Where a job stands: its state, or for a queued one what it waits for.
    pub(crate) async fn place(&self, id: i64) -> String {
        let row = self.row(id).await;
        row.wait.unwrap_or_else(|| row.state.to_string())
    }

    /// Every job, oldest first.
    pub(crate) async fn rows(&self) -> Vec<JobRow> {
        let mut rows = self.store.jobs(&JobFilter { limit: 10_000, ..JobFilter::default() }).await.unwrap();
        rows.reverse();
        rows
    }

    /// Counts equal rows, and what the writer keeps in memory equals both.
    pub(crate) async fn assert_sound(&self) {
        assert_eq!(self.store.check().await.unwrap(), []);
        let (pulse, stats) = (*self.store.pulse().borrow(), self.store.stats().await.unwrap());
        let rows = |states: &[State]| u64::try_from(states.iter().map(|state| stats.jobs[state]).sum::<i64>()).unwrap();
        assert_eq!(pulse.queued, rows(&[State::Queued]));
        assert_eq!(pulse.running, rows(&[State::Running]));
        assert_eq!(pulse.ended, rows(&[State::Completed, State::Failed, State::Cancelled]));
        let waiting = |what: &str| u64::try_from(stats.waiting.get(what).copied().unwrap_or(0)).unwrap();
        assert!(pulse.ready + pulse.paused <= waiting("ready") + waiting("suspect").min(1), "{pulse:?} {stats:?}");
        let all = ["ready", "timer", "subject", "suspect", "key"].map(waiting);
        assert_eq!(all.iter().sum::<u64>(), pulse.queued);
        assert!(pulse.next_timer.is_some() || waiting("timer") == 0, "a timer that nobody waits for");
        let imports = |state: &str| stats.imports.get(state).copied().unwrap_or(0);
        assert_eq!(pulse.imports, u64::try_from(imports("pending") + imports("processing")).unwrap());
    }
}
