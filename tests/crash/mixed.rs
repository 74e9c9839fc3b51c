//! A hundred SIGKILLs under a mixed load, while somebody says what the load consists of.
//!
//! A moment is an amount of CPU time, as in `random.rs`, from a seed that `CAPSTAN_CRASH_SEED` can replace: since the
//! host was started, or since it answers, because how much a start costs depends on what the one before left. The acts
//! of the load are spread over the lives of the host, so each life has something new to do; a life that has done all
//! that is to be had is ended where it is. What the operator was answered is never lost, because he does not say it again.

use super::ending::{Ending, tries};
use super::load::{Act, Material, Operator, acts};
use super::random::seed;
use crate::handler::stage::{close, open as open_host, say, version};
use crate::support::pages::folder;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::closely;
use capstan::host::doctor::DoctorRun;
use capstan::host::pulse::PulseWait;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const KILLS: usize = 100;
const GROUPS: usize = 80;
const PAGES: usize = 40;
/// A host that works no more for so long has done what there was.
const REST: Duration = Duration::from_millis(250);

fn project() -> Project {
    let project = Project::with_clerk();
    let odd = project.handler("odd", capstan_test_guests::odd()).ok().json();
    project.grant(&odd);
    project.handler("flip", &version("flip", "1")).ok();
    // Few, so that they are in each other's way, and soon tried again.
    project.set("worker", "slots = 6");
    project.set("retry", "base = \"10ms\"\ncap = \"50ms\"");
    project.set("key.two", "limit = 3");
    project.set("queue.side", "concurrency = 2");
    project
}

fn material(around: &Path) -> Material {
    let flip = |number: &str| {
        let path = around.join(format!("flip-{number}.wasm"));
        std::fs::write(&path, version("flip", number)).unwrap();
        path
    };
    Material { pages: ["first", "second"].map(|name| folder(&around.join(name), PAGES)), flips: [flip("1"), flip("2")] }
}

/// Whoever says the acts, in a thread of its own: as many as it is let.
struct Shift {
    let_: watch::Sender<usize>,
    said: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Shift {
    fn begin(project: &Project, acts: Vec<Act>) -> Self {
        let (let_, mut open) = watch::channel(0);
        let said = Arc::new(AtomicUsize::new(0));
        let (mut operator, counted) = (Operator::new(project), Arc::clone(&said));
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                for (number, act) in acts.iter().enumerate() {
                    open.wait_for(|open| *open > number).await.unwrap();
                    operator.act(act).await;
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                let rests = async || operator.say(|| PulseWait { after: None }).await.unwrap().is_idle();
                open.wait_for(|open| *open == usize::MAX).await.unwrap();
                while !rests().await {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        Self { let_, said, thread }
    }

    /// It has said all that it was let.
    fn is_waiting(&self) -> bool {
        assert!(!self.thread.is_finished(), "the operator has ended too early");
        self.said.load(Ordering::SeqCst) >= *self.let_.borrow()
    }

    /// Say the rest, and wait until the host has nothing more to do.
    fn end(self) {
        self.let_.send_replace(usize::MAX);
        self.thread.join().unwrap();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The CPU time of a host: until it answers, and until all is done.
struct Cost {
    start: Duration,
    work: Duration,
}

/// When a host is killed: after so much CPU time.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Since it was started.
    Start(Duration),
    /// Since it answers.
    Work(Duration),
}

impl Cost {
    /// When the kill of this number comes. Each fourth falls into the start, where the recovery is.
    fn moment(&self, kill: usize, random: f64) -> Moment {
        if kill.is_multiple_of(4) {
            return Moment::Start(self.start.mul_f64(random));
        }
        Moment::Work((self.work * 3 / u32::try_from(KILLS).unwrap()).mul_f64(random))
    }
}

fn undisturbed(project: &Project, acts: Vec<Act>) -> Cost {
    let host = project.serve();
    let start = host.cpu();
    Shift::begin(project, acts).end();
    let work = host.cpu().saturating_sub(start);
    host.stop().ok();
    Cost { start, work }
}

/// Let a host live until it has used so much CPU time, or has nothing to do.
fn live(project: &Project, moment: Moment, shift: &Shift) -> Duration {
    let (mut host, end) = match moment {
        Moment::Start(moment) => (Serving::spawn(project.root(), &["serve"]), moment),
        Moment::Work(moment) => {
            let host = project.serve();
            let end = host.cpu() + moment;
            (host, end)
        }
    };
    let (mut used, mut since) = (Duration::ZERO, Instant::now());
    closely("the moment comes", || {
        assert!(host.is_running(), "it ended by itself");
        let now = host.cpu();
        if now > used + Duration::from_millis(1) {
            (used, since) = (now, Instant::now());
        }
        (now >= end || (since.elapsed() > REST && shift.is_waiting())).then_some(())
    });
    host.kill().killed();
    used
}

/// What a kill left, and whether the record is sound. A look recovers, so a copy is looked at.
fn check(killed: &Project, kill: usize) -> (i64, i64) {
    let count = |query| killed.sql(query)[0];
    let running = count("SELECT count(*) FROM job WHERE state = 'running'");
    let suspects = count("SELECT count(*) FROM job WHERE state = 'running' AND suspect = 1");
    assert!(suspects <= 1, "kill {kill}: {suspects} suspects ran at once");
    let open = count("SELECT count(*) FROM job WHERE state = 'queued'");
    let looked_at = killed.record();
    runtime().block_on(async {
        let host = open_host(&looked_at).await;
        assert_eq!(say(&host, DoctorRun {}).await.findings, [], "kill {kill}");
        close(host).await;
    });
    (running, open)
}

/// The jobs that were given up because the host died three times while they were the suspect, in a second round.
fn give_the_lost_another_round(project: &Project) -> Vec<i64> {
    let lost = project.sql("SELECT id FROM job WHERE error_class = 'lost' AND state = 'failed'");
    for id in &lost {
        project.json(&["job", "retry", &id.to_string()]);
    }
    // Some jobs are there to fail.
    project.capstan(&["run"]);
    lost
}

#[test]
fn a_hundred_kills_under_a_mixed_load_end_as_no_kill_at_all() {
    let around = tempfile::tempdir().unwrap();
    let material = material(&around.path().canonicalize().unwrap());
    let seed = seed();
    let acts = acts(seed, GROUPS, &material);
    let project = project();

    let calm = project.copy();
    let cost = undisturbed(&calm, acts.clone());
    let wanted = Ending::of(&calm);
    calm.is_sound();
    eprintln!(
        "seed {seed}; {} acts, {} jobs; undisturbed {:.1?} of CPU to start and {:.1?} to work",
        acts.len(),
        wanted.count("jobs"),
        cost.start,
        cost.work
    );

    let mut random = fastrand::Rng::with_seed(seed);
    let shift = Shift::begin(&project, acts.clone());
    let mut amid = 0;
    for kill in 0..KILLS {
        shift.let_.send_replace(acts.len() * (kill + 1) / KILLS);
        let moment = cost.moment(kill, random.f64());
        let used = live(&project, moment, &shift);
        let (running, open) = check(&project, kill);
        amid += usize::from(running > 0);
        eprintln!("kill {kill} after {used:.1?}, {moment:.1?}: {running} jobs ran, {open} were queued");
    }
    let host = project.serve();
    shift.end();
    host.stop().ok();
    let lost = give_the_lost_another_round(&project);
    project.is_sound();
    Ending::of(&project).is(&wanted);
    let (tries, calm_tries) = (tries(&project), tries(&calm));
    let other: Vec<_> = tries.iter().filter(|(job, tried)| calm_tries[*job] != **tried).collect();
    assert!(other.is_empty(), "tried otherwise than undisturbed: {other:#?}");
    eprintln!("{amid} kills while jobs ran; lost and given another round: {lost:?}");
    assert!(amid >= KILLS / 4, "only {amid} kills came while jobs ran");
}
