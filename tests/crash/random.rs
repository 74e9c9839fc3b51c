//! SIGKILL at seeded random moments of an import of real pages, configured as `init` does it.
//!
//! A moment is an amount of CPU time: the host is killed from outside once it has used so much, wherever that
//! finds it, in its start and its recovery or in the middle of a write. The amounts come from a seed, for which
//! `CAPSTAN_CRASH_SEED` can name another number; where in the code a moment lies changes from run to run, and
//! each is printed with what it left.

use super::library::{Library, finish, is_accounted_for, nothing_was_done_twice, orphans};
use crate::support::command::Ran;
use crate::support::pages::{folder, installed_docs};
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::closely;
use std::path::Path;
use std::time::Duration;

const PAGES: usize = 500;
const KILLS: u32 = 20;
const SEED: u64 = 0x0cab_57a4;

/// What moments come from.
pub(crate) fn seed() -> u64 {
    std::env::var("CAPSTAN_CRASH_SEED").map_or(SEED, |text| text.parse().unwrap())
}

/// The CPU time that commands use when nobody disturbs them.
struct Cost {
    import: Duration,
    run: Duration,
    /// A run that finds nothing to do.
    start: Duration,
}

/// Start the import of so many pages, evenly spaced over the folder.
fn import(pages: &Path) -> Vec<String> {
    ["import", "start", pages.to_str().unwrap(), "--sample", &PAGES.to_string()].map(str::to_owned).to_vec()
}

fn run() -> Vec<String> {
    vec!["run".to_owned()]
}

fn spawn(project: &Project, args: &[String]) -> Serving {
    Serving::spawn(project.root(), &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Run a command to its end; the CPU time that it used.
fn cost(project: &Project, args: &[String]) -> Duration {
    let mut command = spawn(project, args);
    let mut used = Duration::ZERO;
    closely("the command ends", || {
        used = used.max(command.cpu());
        (!command.is_running()).then_some(())
    });
    command.ended().ok();
    assert!(used > Duration::ZERO, "the kernel does not say what threads use in /proc/PID/task/TID/schedstat");
    used
}

/// Kill a command once it has used so much CPU time, if it gets there.
fn kill_after(project: &Project, args: &[String], moment: Duration) -> Ran {
    let mut command = spawn(project, args);
    closely("the moment comes", || (command.cpu() >= moment || !command.is_running()).then_some(()));
    if command.is_running() { command.kill() } else { command.ended() }
}

/// How many there are of what a kill leaves.
struct Left {
    completed: i64,
    running: i64,
    /// Suspects among those that run.
    suspects: i64,
    /// Attempts that a recovery found dead.
    died: i64,
    /// The sum of the deaths that jobs are charged with.
    deaths: i64,
}

impl Left {
    fn by(project: &Project) -> Self {
        let count = |query| project.sql(query)[0];
        Self {
            completed: count("SELECT count(*) FROM job WHERE state = 'completed'"),
            running: count("SELECT count(*) FROM job WHERE state = 'running'"),
            suspects: count("SELECT count(*) FROM job WHERE state = 'running' AND suspect = 1"),
            died: count("SELECT count(*) FROM attempt WHERE outcome IN ('died', 'lost')"),
            deaths: count("SELECT coalesce(sum(deaths), 0) FROM job"),
        }
    }
}

impl Cost {
    /// What the next of so many kills may wait for at most, so that they spread over what is left of the work; each
    /// fourth falls into the start, where the recovery is.
    fn longest(&self, completed: i64, kills: u32) -> Duration {
        if kills.is_multiple_of(4) {
            return self.start;
        }
        let open = 1.0 - f64::from(i32::try_from(completed).unwrap()) / (2 * PAGES) as f64;
        let work = self.run.saturating_sub(self.start).mul_f64(open);
        (2 * (self.start + work / (kills + 1))).min(self.start + work)
    }
}

/// What must hold as soon as someone looks at a project whose host was killed. A look recovers, so a copy is
/// looked at: the next run finds the project as the kill left it.
fn check(killed: &Project, left: &Left) {
    assert!(left.suspects <= 1, "{} suspects ran at once", left.suspects);
    let looked_at = killed.copy();
    is_accounted_for(&looked_at);
    orphans(&looked_at);
    let found = Left::by(&looked_at);
    assert_eq!((found.completed, found.running, found.died), (left.completed, 0, left.died + left.running));
    assert_eq!(found.deaths, left.deaths + left.suspects, "only a suspect that ran alone is charged");
}

/// Kill a command at a random moment that comes before the longest one; how many kills that makes.
fn kill(project: &Project, args: &[String], longest: Duration, random: &mut fastrand::Rng) -> u32 {
    let before = Left::by(project);
    let (name, moment) = (&args[0], longest.mul_f64(random.f64()));
    let ran = kill_after(project, args, moment);
    if ran.signal.is_none() {
        ran.ok();
        eprintln!("{name} was over before {moment:.1?}");
        return 0;
    }
    ran.killed();
    let left = Left::by(project);
    eprintln!(
        "{name} killed after {moment:.1?}, {} dead attempts found and {} jobs completed; {} of {} jobs are, \
         {} were running, {} of them a suspect",
        left.died - before.died,
        left.completed - before.completed,
        left.completed,
        2 * PAGES,
        left.running,
        left.suspects,
    );
    check(project, &left);
    1
}

/// Kill the start of the import once, and its run until it was done often enough.
fn kill_often(project: &Project, pages: &Path, cost: &Cost, random: &mut fastrand::Rng) {
    let mut kills = kill(project, &import(pages), cost.import, random);
    if project.sql("SELECT id FROM import").is_empty() {
        spawn(project, &import(pages)).ended().ok();
    }
    while kills < KILLS {
        let longest = cost.longest(Left::by(project).completed, KILLS - kills);
        kills += kill(project, &run(), longest, random);
    }
}

/// Run to the end; the jobs that were given up before, which had been alone at three deaths, in a second round.
fn finish_with_the_lost(project: &Project) -> Vec<i64> {
    project.capstan(&["run"]);
    let lost = project.sql("SELECT id FROM job WHERE error_class = 'lost' AND deaths = 3");
    for id in &lost {
        project.json(&["job", "retry", &id.to_string()]);
    }
    finish(project);
    lost
}

#[test]
fn twenty_random_kills_lose_nothing_and_double_nothing() {
    let around = tempfile::tempdir().unwrap();
    let pages = installed_docs("unstable-book")
        .unwrap_or_else(|| folder(&around.path().canonicalize().unwrap().join("pages"), PAGES));
    let seed = seed();

    let undisturbed = Project::new();
    let cost = Cost {
        import: cost(&undisturbed, &import(&pages)),
        run: cost(&undisturbed, &run()),
        start: cost(&undisturbed, &run()),
    };
    let wanted = Library::of(&undisturbed);
    assert_eq!(wanted.documents(), PAGES);
    eprintln!("seed {seed}; undisturbed, a run takes {:.1?} of CPU, {:.1?} for its start", cost.run, cost.start);

    let project = Project::new();
    kill_often(&project, &pages, &cost, &mut fastrand::Rng::with_seed(seed));
    let lost = finish_with_the_lost(&project);
    is_accounted_for(&project);
    nothing_was_done_twice(&project);
    assert_eq!(Library::of(&project), wanted);
    assert_eq!(project.sql("SELECT id FROM job WHERE attempt <> 1 OR round <> 1"), lost);
    eprintln!(
        "{} orphans, {} dead attempts, lost and retried: {lost:?}",
        orphans(&project).len(),
        Left::by(&project).died
    );
}
