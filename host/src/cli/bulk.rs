//! `capstan bulk`, and how the verbs of other nouns act on all that matches a filter.

use super::reach::Reach;
use super::select::{of_failures, of_jobs};
use super::serve::asked_to_stop;
use super::table::{more, short, span, table, time};
use super::{Common, Done, Failure, run, say};
use crate::host::bulk::{
    Act, BulkCancel, BulkDrive, BulkList, BulkPreview, BulkRow, BulkShow, BulkStart, Preview, Targets, What,
};
use crate::rules::bulk::BulkState;
use crate::rules::time::Millis;
use clap::{Args, Subcommand};
use indicatif::HumanCount;
use std::pin::pin;

/// Operations on many jobs or failures at once
#[derive(Debug, Subcommand)]
pub(super) enum Bulk {
    /// List operations, newest first
    List {
        /// Older than this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one operation: what it does, who wanted it, how far it is
    Show {
        /// Its number
        id: i64,
    },
    /// Stop an operation between two steps; what it did stays done
    Cancel {
        /// Its number
        id: i64,
    },
    /// Wait until an operation is over, and work on it if no host does
    Resume {
        /// Its number
        id: i64,
    },
}

/// How sure somebody is who acts on many.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Sure {
    /// All that there are, where no filter is named
    #[arg(long, conflicts_with_all = ["ids", "which"])]
    pub(super) all: bool,
    /// Show what matches and change nothing
    #[arg(long, conflicts_with = "ids")]
    pub(super) dry_run: bool,
    /// Begin, and do not wait for the end
    #[arg(long, conflicts_with_all = ["ids", "dry_run"])]
    pub(super) detach: bool,
}

impl Bulk {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List { before, limit } => {
                let page = common.reach().await?.ask(BulkList { before, limit }).await?;
                common.print(&page, |page| format!("{}{}", list(&page.items), more(page.next.as_deref(), "--before")))
            }
            Self::Show { id } => {
                let bulk = common.reach().await?.ask(BulkShow { id }).await?;
                common.print(&bulk, show)
            }
            Self::Cancel { id } => {
                let by = super::job::who();
                let bulk = common.reach().await?.ask(BulkCancel { id, by }).await?;
                common.print(&bulk, |bulk| format!("{}; what was done stays done", line(bulk)))
            }
            Self::Resume { id } => {
                let reach = common.reach().await?;
                ended(common, reach, id).await
            }
        }
    }
}

/// Act on all that matches now: say what that is, begin, and wait for the end.
pub(super) async fn act(common: &Common, what: What, sure: Sure) -> Done {
    let reach = common.reach().await?;
    let preview = reach.say(BulkPreview { what: what.clone(), all: sure.all }).await;
    let preview = match preview {
        Ok(preview) if !sure.dry_run => preview,
        other => {
            reach.leave().await?;
            return common.print(&other?, preview_text);
        }
    };
    eprintln!("{}", preview_text(&preview));
    let started = match reach.say(BulkStart { what, by: super::job::who(), all: sure.all }).await {
        Ok(started) => started,
        Err(refused) => {
            reach.leave().await?;
            return Err(refused);
        }
    };
    match started.operation {
        Some(bulk) if !sure.detach => ended(common, reach, bulk.id).await,
        operation => {
            let is_here = matches!(reach, Reach::Here(_));
            reach.leave().await?;
            let Some(bulk) = operation else {
                return if common.json { say("null") } else { Ok(()) };
            };
            if is_here {
                eprintln!("no host works on it: capstan bulk resume {}, or capstan run", bulk.id);
            }
            common.print(&bulk, line)
        }
    }
}

/// Wait until an operation is over; what came of it.
async fn ended(common: &Common, reach: Reach, id: i64) -> Done {
    let driven = drive(&reach, id).await;
    let is_here = matches!(reach, Reach::Here(_));
    reach.leave().await?;
    let bulk = driven?;
    common.print(&bulk, line)?;
    if !bulk.is_over() {
        let goes_on = if is_here { "resume" } else { "show" };
        let host = if is_here { "what is left waits" } else { "the host goes on with it" };
        eprintln!("{host}: capstan bulk {goes_on} {id}");
    }
    if bulk.is_over() && bulk.state == BulkState::Completed { Ok(()) } else { Err(Failure::Shown(1)) }
}

/// How often a bar moves.
const GLANCE: Millis = Millis(200);

/// The row when the operation is over, or when this command is asked to stop.
async fn drive(reach: &Reach, id: i64) -> Result<BulkRow, Failure> {
    let bar = run::bar();
    let mut asked = pin!(asked_to_stop());
    loop {
        let hold = (!bar.is_hidden()).then_some(GLANCE);
        let bulk = tokio::select! {
            bulk = reach.say(BulkDrive { id, hold }) => bulk?,
            signal = &mut asked => {
                signal?;
                bar.finish_and_clear();
                return reach.say(BulkShow { id }).await;
            }
        };
        if bulk.is_over() {
            bar.finish_and_clear();
            return Ok(bulk);
        }
        bar.set_length(bulk.account.total);
        bar.set_position(bulk.account.counted());
        bar.set_message("jobs");
    }
}

/// What was done to those that it acted on, and what the others were.
fn outcome(act: Act) -> (String, &'static str) {
    match act {
        Act::Cancel => ("cancelled".to_owned(), "had ended already"),
        Act::Retry => ("queued again".to_owned(), "no longer failed or cancelled"),
        Act::Resubmit => ("resubmitted".to_owned(), "no longer failed"),
        Act::Delete => ("deleted".to_owned(), "no longer unresolved"),
        Act::Prioritise(priority) => (format!("given priority {priority}"), "no longer queued"),
    }
}

/// Which targets, for people.
fn words(what: &What) -> String {
    match what.targets() {
        Targets::Jobs(jobs) => of_jobs(jobs),
        Targets::Failures(failures) => of_failures(failures),
    }
}

/// An operation in a line.
fn line(bulk: &BulkRow) -> String {
    let (done, stale) = outcome(bulk.what.act());
    let mut parts = vec![format!("{} {done}", HumanCount(bulk.account.done))];
    if bulk.account.stale > 0 {
        parts.push(format!("{} {stale}", HumanCount(bulk.account.stale)));
    }
    if bulk.remaining > 0 {
        parts.push(format!("{} left", HumanCount(bulk.remaining)));
    }
    format!("operation {} {}: {}", bulk.id, bulk.state.name(), parts.join(", "))
}

fn show(bulk: &BulkRow) -> String {
    let mut text = line(bulk);
    let mut field = |name: &str, value: String| text.push_str(&format!("\n{name:<10}{value}"));
    field("what", format!("{}: {}", bulk.what.act().name(), words(&bulk.what)));
    field("targets", HumanCount(bulk.account.total).to_string());
    field("begun", format!("{} by {}", time(bulk.created_at), bulk.by));
    if let Some(by) = &bulk.cancelled_by {
        field("cancelled", format!("by {by}"));
    }
    if let Some(at) = bulk.finished_at {
        field("finished", time(at));
    }
    if let Some(left) = bulk.left {
        field("left", format!("about {} of work", span(left)));
    }
    text
}

fn list(bulks: &[BulkRow]) -> String {
    let mut rows = table(&["id", "verb", "state", "total", "done", "stale", "left", "begun", "by", "which"]);
    for bulk in bulks {
        let numbers = [bulk.account.total, bulk.account.done, bulk.account.stale, bulk.remaining];
        let [total, done, stale, left] = numbers.map(|n| n.to_string());
        rows.add_row([
            bulk.id.to_string(),
            bulk.what.act().name().to_owned(),
            bulk.state.name().to_owned(),
            total,
            done,
            stale,
            left,
            time(bulk.created_at),
            bulk.by.clone(),
            short(&words(&bulk.what), 60),
        ]);
    }
    rows.to_string()
}

fn preview_text(preview: &Preview) -> String {
    let (verb, which) = (preview.what.act().name(), words(&preview.what));
    if preview.total == 0 {
        return format!("nothing matches: {verb}, {which}");
    }
    let mut rows = table(&["id", "kind", "state", "about", "error"]);
    for each in &preview.sample {
        let error = each.error.as_ref().map(|e| format!("{}: {}", e.class, short(&e.message, 60))).unwrap_or_default();
        rows.add_row([
            each.id.to_string(),
            each.kind.clone(),
            each.state.name().to_owned(),
            short(&each.about, 60),
            error,
        ]);
    }
    let others = preview.total.saturating_sub(preview.sample.len() as u64);
    let others = if others > 0 { format!("\nand {} others", HumanCount(others)) } else { String::new() };
    let those = if matches!(preview.what.targets(), Targets::Jobs(_)) { "jobs" } else { "failures" };
    format!("{verb}: {} {those} match ({which})\n{rows}{others}", HumanCount(preview.total))
}
