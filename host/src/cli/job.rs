//! `capstan job`

use super::many::{self, Each, Many};
use super::table::{micros, more, short, table, time};
use super::{Common, Done};
use crate::host::job::{
    AttemptDetail, Blame, FailureRow, JobDetail, JobExplain, JobFilter, JobList, JobRow, JobShow, Margin, Unit, Usage,
    closest,
};
use crate::rules::job::State;
use crate::rules::time::Millis;
use clap::Subcommand;

/// Single jobs
#[derive(Debug, Subcommand)]
pub(super) enum Job {
    /// Add a job; its payload is checked against the handler's schema first
    #[command(after_help = super::add::EXAMPLES)]
    Add(Box<super::add::Add>),
    /// List jobs, newest first
    #[command(after_help = "Example:\n  capstan job list --state failed --kind normalise")]
    List {
        #[command(flatten)]
        which: super::select::Which,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a job with its payload, result and attempts
    Show {
        /// Its number
        id: i64,
    },
    /// Print what a job's attempts logged
    #[command(after_help = super::follow::EXAMPLES)]
    Logs(super::follow::Logs),
    /// Wait until jobs have ended; exit code 1 when one failed or was cancelled
    #[command(after_help = super::wait::EXAMPLES)]
    Wait(super::wait::Wait),
    /// Change a queued job
    #[command(after_help = super::edit::EDITS)]
    Edit(super::edit::Edit),
    /// Let a queued job run at another time, also one that waits for its next attempt
    #[command(after_help = super::edit::TIMES)]
    Reschedule(super::edit::Reschedule),
    /// Say why a job does not run now, or what happened to it
    #[command(
        after_help = "Example:\n  capstan job explain 7\n  capstan job explain 7 --json | jq -r .explanation.reason"
    )]
    Explain {
        /// Its number
        id: i64,
    },
    /// Cancel jobs; a running guest is stopped, after its grace if it asks whether it is cancelled
    #[command(after_help = many::CANCELS)]
    Cancel(Many),
    /// Give jobs that failed or were cancelled a new round
    #[command(after_help = many::RETRIES)]
    Retry(Many),
    /// Give queued jobs another priority
    #[command(after_help = many::PRIORITIES)]
    Prioritise(many::Prioritise),
}

/// A state of a job by its name.
pub(super) fn parse_state(text: &str) -> Result<State, String> {
    let names = State::ALL.map(State::name).join(", ");
    State::parse(text).ok_or_else(|| format!("a state is one of {names}"))
}

impl Job {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Add(add) => add.run(common).await,
            Self::List { which, limit } => {
                let filter = JobFilter { limit, ..which.filter() };
                let page = common.reach().await?.ask(JobList { filter }).await?;
                common.print(&page, |page| format!("{}{}", list(&page.items), more(page.next.as_deref(), "--before")))
            }
            Self::Show { id } => {
                let job = common.reach().await?.ask(JobShow { id }).await?;
                common.print(&job, show)
            }
            Self::Logs(logs) => logs.run(common).await,
            Self::Wait(wait) => wait.run(common).await,
            Self::Edit(edit) => edit.run(common).await,
            Self::Reschedule(reschedule) => reschedule.run(common).await,
            Self::Explain { id } => {
                let job = common.reach().await?.ask(JobExplain { id }).await?;
                common.print(&job, |job| job.explanation.text.clone())
            }
            Self::Cancel(many) => many.run(common, Each::Cancel).await,
            Self::Retry(many) => many.run(common, Each::Retry).await,
            Self::Prioritise(prioritise) => prioritise.run(common).await,
        }
    }
}

/// A job in a line.
pub(super) fn line(job: &JobRow) -> String {
    let mut text = format!("job {} {} {}", job.id, job.kind, job.state);
    if let (State::Queued, Some(wait)) = (job.state, &job.wait) {
        text.push_str(&format!(" ({wait}{})", job.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default()));
    }
    if let Some(error) = &job.error {
        text.push_str(&format!("\n{}: {}", error.class, error.message));
    }
    text
}

fn list(jobs: &[JobRow]) -> String {
    let mut rows = table(&["id", "kind", "state", "attempt", "about", "error"]);
    for job in jobs {
        let about = [&job.title, &job.source, &job.subject].into_iter().find(|text| !text.is_empty());
        let error = job.error.as_ref().map(|e| format!("{}: {}", e.class, short(&e.message, 80))).unwrap_or_default();
        rows.add_row([
            job.id.to_string(),
            job.kind.clone(),
            job.state.name().to_owned(),
            format!("{}/{}", job.attempt, job.max_attempts),
            short(about.map_or("", String::as_str), 70),
            error,
        ]);
    }
    rows.to_string()
}

fn show(detail: &JobDetail) -> String {
    let job = &detail.job;
    let mut text = line(job);
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("\n{name:<10}{value}"));
        }
    };
    field("fault", detail.fault.as_ref().map(fault).unwrap_or_default());
    field("failure", detail.failure.as_ref().map(failure).unwrap_or_default());
    field("held", detail.held.clone().unwrap_or_default());
    field("subject", job.subject.clone());
    field("source", job.source.clone());
    field("title", job.title.clone());
    field("queue", job.queue.clone());
    field("key", job.key.clone().unwrap_or_default());
    field("tags", job.tags.join(", "));
    field("priority", if job.priority == 0 { String::new() } else { job.priority.to_string() });
    field("deadline", job.deadline_at.map(time).unwrap_or_default());
    field("attempt", format!("{} of {}, round {}", job.attempt, job.max_attempts, job.round));
    field("import", job.import_id.map(|id| format!("{id}, item {}", job.item.unwrap_or(0))).unwrap_or_default());
    field("accepted", time(job.created_at));
    field("run at", if job.state == State::Queued { time(job.run_at) } else { String::new() });
    field("cancel", job.cancel_by.as_ref().map(|by| format!("asked for by {by}")).unwrap_or_default());
    let ended = if job.state == State::Cancelled { "cancelled" } else { "finished" };
    field(ended, job.finished_at.map(time).unwrap_or_default());
    field("handler", job.digest.clone().map(|digest| format!("sha256:{digest}")).unwrap_or_default());
    field("progress", job.progress.as_ref().map(ToString::to_string).unwrap_or_default());
    field("payload", detail.payload.to_string());
    field("result", detail.result.as_ref().map(ToString::to_string).unwrap_or_default());
    for attempt in &detail.attempts {
        text.push_str(&format!("\n\n{}", attempt_text(attempt)));
    }
    text
}

/// Its entry in the failure log.
fn failure(entry: &FailureRow) -> String {
    let next =
        if entry.resolution.is_none() { format!(": `capstan failure show {}`", entry.id) } else { String::new() };
    format!("{}, {}{next}", entry.id, super::failure::resolution(entry))
}

pub(super) fn fault(blame: &Blame) -> String {
    format!("{}: {}", blame.party.words(), blame.sentence)
}

/// The three limits that it came closest to; percentages are rounded down, so that 100 % means reached.
fn margins(margins: &[Margin]) -> String {
    let margin = |margin: &Margin| {
        let most = match margin.unit {
            Unit::Us => Millis(margin.most / 1_000).to_string(),
            Unit::Bytes => indicatif::HumanBytes(margin.most).to_string(),
            Unit::Count => margin.most.to_string(),
        };
        format!("{} {:.0} % of {most}", margin.limit.name(), (margin.ratio * 100.0).floor())
    };
    closest(margins).iter().take(3).map(margin).collect::<Vec<_>>().join(", ")
}

pub(super) fn attempt_text(detail: &AttemptDetail) -> String {
    let attempt = &detail.row;
    let when = time(attempt.started_at);
    let mut text = format!("attempt {} of round {}: {} ({when})", attempt.attempt, attempt.round, attempt.outcome);
    if let Some(message) = &attempt.message {
        text.push_str(&format!("\n  {}", message.replace('\n', "\n  ")));
    }
    if let Some(blame) = &detail.fault {
        text.push_str(&format!("\n  fault     {}", fault(blame)));
    }
    if let Some(details) = &attempt.details {
        text.push_str(&format!("\n  details   {details}"));
    }
    if let Some(used) = &attempt.usage {
        text.push_str(&format!(
            "\n  cpu {}, host {}, wall {}, memory {}, scratch {} in {} files, {} host calls, log {}{}",
            micros(used.cpu_us),
            micros(used.host_us),
            micros(used.wall_us),
            indicatif::HumanBytes(used.memory),
            indicatif::HumanBytes(used.scratch_bytes),
            used.scratch_files,
            used.host_calls,
            indicatif::HumanBytes(used.log_bytes),
            outside(used),
        ));
        if used.handles > 0 {
            text.push_str(&format!(", {} open at once", used.handles));
        }
        if used.checkpoint_bytes > 0 {
            text.push_str(&format!(", checkpoints {}", indicatif::HumanBytes(used.checkpoint_bytes)));
        }
        if (1..used.checkpoint_bytes).contains(&used.largest_checkpoint) {
            text.push_str(&format!(", the largest {}", indicatif::HumanBytes(used.largest_checkpoint)));
        }
        if used.retrievals > 0 {
            text.push_str(&format!(", {} searches", used.retrievals));
        }
        if used.enqueued > 0 {
            text.push_str(&format!(", {} jobs to queue", used.enqueued));
        }
        if used.tokens > 0 {
            text.push_str(&format!(", {} tokens", used.tokens));
        }
    }
    let close = margins(&detail.margins);
    if !close.is_empty() {
        text.push_str(&format!("\n  closest to its limits: {close}"));
    }
    if let Some(inputs) = &attempt.inputs {
        text.push_str(&format!("\n  read generations {inputs}"));
    }
    if let Some(coredump) = &detail.coredump {
        text.push_str(&format!("\n  core dump {coredump}"));
    }
    if let Some(backtrace) = &attempt.backtrace {
        text.push_str(&format!("\n  backtrace:\n    {}", backtrace.trim_end().replace('\n', "\n    ")));
    }
    text
}

/// What went over the wire, if anything did.
fn outside(used: &Usage) -> String {
    let (sent, received) = (indicatif::HumanBytes(used.sent_bytes), indicatif::HumanBytes(used.received_bytes));
    if used.requests == 0 {
        String::new()
    } else {
        format!(", {} requests, sent {sent}, received {received}", used.requests)
    }
}

/// Who asks, for the records.
pub(super) fn who() -> String {
    format!("cli (uid {})", rustix::process::getuid().as_raw())
}
