//! `capstan import`

use super::table::{more, table, time};
use super::{Common, Done};
use crate::host::import::{ImportList, ImportRow, ImportShow, ImportStart, ImportStarted};
use clap::Subcommand;
use std::path::PathBuf;

/// Bring in many documents at once
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Queue every page of a folder (nothing is copied) or of a list of URLs
    #[command(
        after_help = "Examples:\n  capstan import start ~/pages --chunk 20\n  capstan import start bookmarks.txt\n\nA list is a text with one URL a line (# begins a comment), or a JSON array of URLs\nand of objects with url, title and tags."
    )]
    Start {
        /// The folder, which its jobs see as /imports, read-only; or the list
        from: PathBuf,
        /// Items that become jobs together
        #[arg(long)]
        chunk: Option<u64>,
        /// Take only so many files, evenly spaced
        #[arg(long, value_name = "N")]
        sample: Option<u64>,
    },
    /// List imports, newest first
    List {
        /// Older than this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one import
    Show {
        /// Its number
        id: i64,
    },
}

impl Import {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Start { from, chunk, sample } => {
                let from = std::path::absolute(from)?;
                let started = common.reach().await?.ask(ImportStart { from, chunk, sample }).await?;
                common.print(&started, start_text)
            }
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
        }
    }
}

fn start_text(started: &ImportStarted) -> String {
    let import = &started.import;
    let (what, unfit) = match import.root {
        Some(_) => ("files", "files whose names are not UTF-8"),
        None => ("items", "items that are no address of the web"),
    };
    let mut text = format!("import {}: {} {what} of {}", import.id, import.total, import.source);
    if import.duplicate > 0 {
        text.push_str(&format!("\nduplicate: {} items that are in the list before", import.duplicate));
    }
    if started.left_out > 0 {
        text.push_str(&format!("\nleft out: {} files with other endings, hidden ones and links", started.left_out));
    }
    if import.invalid > 0 {
        text.push_str(&format!("\ninvalid: {} {unfit}", import.invalid));
    }
    for problem in &started.unreadable {
        text.push_str(&format!("\nunreadable: {problem}"));
    }
    text + "\n\nnext: capstan run"
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
    format!("import {} {}: {} of {} items ({})", i.id, i.state.name(), i.total - i.remaining, i.total, parts.join(", "))
}

fn show_text(import: &ImportRow) -> String {
    let mut text = line(import);
    text.push_str(&format!("\nsource    {}\nlist      {}\nchunk     {}", import.source, import.list, import.chunk));
    text.push_str(&format!("\naccepted  {}", time(import.created_at)));
    if let Some(at) = import.finished_at {
        text.push_str(&format!("\nfinished  {}", time(at)));
    }
    if let Some(error) = &import.error {
        text.push_str(&format!("\nerror     {error}"));
    }
    text
}
