//! `capstan import`

mod errors;
mod start;
mod wait;

use super::bulk::{self, Sure};
use super::table::{more, rate, table, time};
use super::{Common, Done, table::span};
use crate::host::import::{
    Existing, ImportCancel, ImportList, ImportPause, ImportResume, ImportRow, ImportShow, failed_jobs,
};
use clap::Subcommand;

/// Bring in many documents at once
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Queue every page of a folder (nothing is copied) or of a list
    #[command(after_help = start::EXAMPLES)]
    Start(start::Start),
    /// List imports, newest first
    List {
        /// Older than this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one import: where its items are, how fast it goes, and when it ends
    Show {
        /// Its number
        id: i64,
    },
    /// Wait until nothing of an import is before us
    #[command(after_help = wait::EXAMPLES)]
    Wait(wait::Wait),
    /// Let nothing more of an import begin; what runs goes on to its end
    Pause {
        /// Its number
        id: i64,
    },
    /// Let a paused import go on
    Resume {
        /// Its number
        id: i64,
    },
    /// End an import: what is left is cancelled, what runs is stopped, what is done stays
    Cancel {
        /// Its number
        id: i64,
    },
    /// Give the failed jobs of an import a new round, and no others
    #[command(
        after_help = "Examples:\n  capstan import retry 7 --dry-run\n  capstan import retry 7\n\nThe import is open again until they have ended: capstan import wait 7"
    )]
    Retry {
        /// Its number
        id: i64,
        /// Show what is meant and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Begin, and do not wait until all of them are queued
        #[arg(long, conflicts_with = "dry_run")]
        detach: bool,
    },
    /// List what went wrong, item by item, with class, reason, address, title and line
    #[command(after_help = errors::EXAMPLES)]
    Errors(errors::Errors),
}

impl Import {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Start(start) => start.run(common).await,
            Self::List { before, limit } => {
                let page = common.reach().await?.ask(ImportList { before, limit }).await?;
                common.print(&page, |page| {
                    let mut rows = table(&["id", "state", "total", "done", "failed", "skipped", "left", "source"]);
                    for i in &page.items {
                        let numbers = [i.total, i.done, i.failed, i.skipped, i.remaining].map(|n| n.to_string());
                        let [total, done, failed, skipped, left] = numbers;
                        let id = i.id.to_string();
                        rows.add_row([&id, i.state.name(), &total, &done, &failed, &skipped, &left, &i.source]);
                    }
                    format!("{rows}{}", more(page.next.as_deref(), "--before"))
                })
            }
            Self::Show { id } => {
                let import = common.reach().await?.ask(ImportShow { id }).await?;
                common.print(&import, show_text)
            }
            Self::Wait(wait) => wait.run(common).await,
            Self::Pause { id } => {
                let import = common.reach().await?.ask(ImportPause { id }).await?;
                common.print(&import, |import| format!("{}\n\nnext: capstan import resume {id}", line(import)))
            }
            Self::Resume { id } => {
                let import = common.reach().await?.ask(ImportResume { id }).await?;
                common.print(&import, line)
            }
            Self::Cancel { id } => {
                let import = common.reach().await?.ask(ImportCancel { id }).await?;
                common.print(&import, line)
            }
            Self::Retry { id, dry_run, detach } => {
                // An import that is not there is no import without failed jobs.
                common.reach().await?.ask(ImportShow { id }).await?;
                bulk::act(common, failed_jobs(id), Sure { all: false, dry_run, detach }).await
            }
            Self::Errors(errors) => errors.run(common).await,
        }
    }
}

/// An import in one line.
pub(super) fn line(i: &ImportRow) -> String {
    let mut parts = vec![format!("{} done", i.done)];
    let others = [
        (i.skipped, "skipped"),
        (i.failed, "failed"),
        (i.cancelled, "cancelled"),
        (i.duplicate, "duplicate"),
        (i.invalid, "invalid"),
        (i.remaining, "remaining"),
    ];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    format!("import {} {}: {} of {} items ({})", i.id, i.state.name(), i.accounted(), i.total, parts.join(", "))
}

fn show_text(import: &ImportRow) -> String {
    let mut text = line(import);
    let mut add = |name: &str, value: String| text.push_str(&format!("\n{name:<10}{value}"));
    add("source", format!("{} ({})", import.source, import.format));
    add("list", import.list.clone());
    add("chunk", import.chunk.to_string());
    if let Some(pace) = &import.pace {
        let left = pace.left.map_or_else(|| "nothing moves".to_owned(), |left| format!("{} left", span(left)));
        add("pace", format!("{}, {left}", rate(pace.per_second)));
    }
    if import.deferred > 0 {
        add("waiting", format!("{} items wait in the list, because their sites are busy", import.deferred));
    }
    if import.existing == Existing::Skip {
        add("existing", "documents that exist are skipped".to_owned());
    }
    if let Some(then) = &import.then {
        let job = import.then_id.map_or_else(|| "when it is done".to_owned(), |id| format!("job {id}"));
        add("then", format!("{} ({job})", then.kind));
    }
    add("accepted", time(import.created_at));
    if let Some(at) = import.finished_at {
        add("finished", time(at));
    }
    if let Some(error) = &import.error {
        add("error", error.clone());
    }
    if import.failed + import.invalid > 0 {
        text.push_str(&format!("\n\nwhy: capstan import errors {}", import.id));
    }
    text
}
