//! `capstan run`

use super::reach::Reach;
use super::serve::{Work, asked_to_stop};
use super::{Common, Done, Failure, table};
use crate::host::import::{ImportList, ImportRow};
use crate::host::pulse::{Beat, Ends, PulseWait};
use crate::rules::import::ImportState;
use crate::rules::job::State;
use crate::rules::time::{Millis, Timestamp};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Work on jobs until nothing is left to do
///
/// Retries are waited for. When another capstan is the host already, this
/// command watches it until it is idle. Exit code 1 when a job failed meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  capstan import start ~/pages && capstan run")]
pub(super) struct Run {}

/// How a run went.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Jobs that ended meanwhile, by state.
    ended: BTreeMap<State, u64>,
    /// Jobs that were left, because their handler is disabled.
    held: u64,
    /// Jobs that were left, because their queue or their import is paused.
    paused: u64,
    /// The imports that it worked on, with their accounts.
    imports: Vec<ImportRow>,
    elapsed_ms: u64,
    jobs_per_second: f64,
}

impl Run {
    pub(super) async fn run(self, common: &Common) -> Done {
        let summary = work(common.reach().await?).await?;
        let failed = summary.failed();
        common.print(&summary, Summary::text)?;
        if failed > 0 { Err(Failure::Shown(1)) } else { Ok(()) }
    }
}

/// Work, or watch another host work, until it is idle.
pub(super) async fn work(reach: Reach) -> Result<Summary, Failure> {
    // Looked at before work begins: the first job may end at once.
    let before = Before::look(&reach).await?;
    let Reach::Here(host) = &reach else {
        eprintln!("another capstan is the host of this project: watching it");
        return watch(&reach, before).await;
    };
    let host = std::sync::Arc::clone(host);
    let work = Work::begin(&host).await?;
    let (summary, ended) = tokio::select! {
        summary = watch(&reach, before) => (Some(summary), Ok(())),
        error = host.failed() => (None, Err(error)),
        signal = asked_to_stop() => (None, signal),
    };
    let is_stopped = summary.is_none() && ended.is_ok();
    work.end(&host, ended).await?;
    match summary {
        Some(summary) => summary,
        None if is_stopped => {
            eprintln!("stopped; what is left goes on with the next `capstan run`");
            Err(Failure::Shown(1))
        }
        None => Err(Failure::Shown(1)),
    }
}

/// How things stood when a run began.
struct Before {
    began: Instant,
    since: Timestamp,
    ends: Ends,
}

impl Before {
    async fn look(reach: &Reach) -> Result<Self, Failure> {
        let (began, since) = (Instant::now(), crate::clock::now());
        Ok(Self { began, since, ends: reach.say(PulseWait { after: None }).await?.pulse.ends })
    }
}

/// Show progress until the host is idle.
async fn watch(reach: &Reach, before: Before) -> Result<Summary, Failure> {
    let bar = Progress::new();
    let mut after = None;
    let last = loop {
        let beat = reach.say(PulseWait { after }).await?;
        after = Some(beat.pulse.commits);
        if beat.is_idle() {
            break beat.pulse;
        }
        bar.show(reach, &beat).await?;
        // Often enough for the eye; commits come by the hundred.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    bar.bar.finish_and_clear();
    // Not by how many are in a state: those that are given a new round leave it.
    let ended: BTreeMap<State, u64> = [
        (State::Completed, last.ends.completed.saturating_sub(before.ends.completed)),
        (State::Failed, last.ends.failed.saturating_sub(before.ends.failed)),
        (State::Cancelled, last.ends.cancelled.saturating_sub(before.ends.cancelled)),
    ]
    .into();
    let elapsed = before.began.elapsed();
    #[allow(clippy::cast_precision_loss)]
    let jobs = ended.values().sum::<u64>() as f64;
    Ok(Summary {
        ended,
        held: last.held,
        paused: last.paused,
        imports: imports_since(reach, before.since).await?,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        jobs_per_second: (jobs / elapsed.as_secs_f64().max(0.001) * 10.0).round() / 10.0,
    })
}

/// The newest imports that are open, or were until this time.
async fn imports_since(reach: &Reach, since: Timestamp) -> Result<Vec<ImportRow>, Failure> {
    let mut imports = reach.say(ImportList { before: None, limit: 10 }).await?.items;
    imports.retain(|import| import.finished_at.is_none_or(|at| at >= since));
    Ok(imports)
}

/// A bar on a terminal; nothing elsewhere.
pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = "{bar:30} {pos} of {len} {msg}  {rate}  {elapsed} elapsed, {eta} left";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // What it is written to is a string, which takes everything.
        let _ = text.write_str(&table::rate(state.per_sec()));
    }));
    bar
}

/// How far a run is.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new() -> Self {
        Self { bar: bar() }
    }

    /// Items while imports are open, jobs otherwise.
    async fn show(&self, reach: &Reach, beat: &Beat) -> Result<(), Failure> {
        if self.bar.is_hidden() {
            return Ok(());
        }
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        if beat.pulse.imports > 0 {
            let imports = reach.say(ImportList { before: None, limit: 50 }).await?.items;
            let open = imports.iter().filter(|i| matches!(i.state, ImportState::Pending | ImportState::Processing));
            let (total, remaining) = open.fold((0, 0), |(t, r), import| (t + import.total, r + import.remaining));
            self.bar.set_length(number(total));
            self.bar.set_position(number(total - remaining));
            self.bar.set_message(format!("items ({} running)", beat.pulse.running));
        } else {
            let open = beat.pulse.queued + beat.pulse.running;
            self.bar.set_length(beat.pulse.ended + open);
            self.bar.set_position(beat.pulse.ended);
            self.bar.set_message(format!("jobs ({} running)", beat.pulse.running));
        }
        Ok(())
    }
}

impl Summary {
    fn failed(&self) -> u64 {
        self.ended.get(&State::Failed).copied().unwrap_or(0)
    }

    pub(super) fn text(&self) -> String {
        let number = |state| self.ended.get(&state).copied().unwrap_or(0);
        let (completed, failed, cancelled) =
            (number(State::Completed), number(State::Failed), number(State::Cancelled));
        let held = match self.held {
            0 => String::new(),
            jobs => format!("\n\n{jobs} jobs wait, because their handler is disabled: capstan handler list"),
        };
        let paused = match self.paused {
            0 => String::new(),
            jobs => format!(
                "\n\n{jobs} jobs wait, because their queue or import is paused: capstan queue list, capstan import list"
            ),
        };
        if completed + failed + cancelled == 0 {
            let open: Vec<String> = self.imports.iter().filter(|i| !i.is_over()).map(super::import::line).collect();
            let open = open.iter().map(|line| format!("\n{line}")).collect::<String>();
            return format!("nothing to do{open}{held}{paused}");
        }
        let elapsed = table::span(Millis(self.elapsed_ms));
        let mut text = format!(
            "{completed} jobs completed, {failed} failed, {cancelled} cancelled in {elapsed} ({} jobs/s)",
            self.jobs_per_second
        );
        for import in &self.imports {
            text.push('\n');
            text.push_str(&super::import::line(import));
        }
        if failed > 0 {
            text.push_str("\n\nwhy: capstan failure list");
        }
        text + &held + &paused
    }
}
