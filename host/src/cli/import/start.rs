//! `capstan import start`

use crate::cli::{Common, Done};
use crate::host::import::{Existing, ImportStart, ImportStarted, OnBroken, OnTorn, ThenAsk};
use crate::host::refusal::Refusal;
use clap::Args;
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "Examples:
  capstan import start ~/pages --chunk 20
  capstan import start bookmarks.html --skip-existing
  capstan import start links.txt --then research --then-payload '{\"question\": \"What is ownership?\"}'

A list is found out by its beginning: a text with one URL a line (# begins a comment),
JSON with URLs or objects with url, title, tags, added_at and note, CSV with a header,
and the exports of browsers (Netscape bookmarks), Karakeep, Linkwarden, Omnivore, Pocket,
Instapaper, Readwise Reader and OneTab, and OPML. --format names it where that fails.
What is broken is counted and told with its line; the others are imported.";

/// What is brought in, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct Start {
    /// The folder, which its jobs see as /imports, read-only; or the list
    from: PathBuf,
    /// The form of the list: folder, urls, json, csv, netscape, karakeep, linkwarden, omnivore, pocket, instapaper, readwise, onetab, opml
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// The kind of job that items become
    #[arg(long, default_value = "ingest")]
    kind: String,
    /// Items that become jobs together
    #[arg(long)]
    chunk: Option<u64>,
    /// Take only so many items, evenly spaced
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
    /// Refuse the list if any item of it is broken
    #[arg(long)]
    strict: bool,
    /// Take the part before the end of a list that ends in the middle
    #[arg(long)]
    partial: bool,
    /// Skip what exists already, without looking whether it changed
    #[arg(long)]
    skip_existing: bool,
    /// When it is done, queue a job of this kind
    #[arg(long, value_name = "KIND")]
    then: Option<String>,
    /// The payload of that job, as JSON
    #[arg(long, value_name = "JSON", requires = "then")]
    then_payload: Option<String>,
}

impl Start {
    pub(super) async fn run(self, common: &Common) -> Done {
        let from = std::path::absolute(&self.from)?;
        let then = self.then()?;
        let start = ImportStart {
            format: self.format,
            kind: Some(self.kind),
            chunk: self.chunk,
            sample: self.sample,
            broken: if self.strict { OnBroken::Refuse } else { OnBroken::Count },
            torn: if self.partial { OnTorn::TakeBefore } else { OnTorn::Refuse },
            existing: if self.skip_existing { Existing::Skip } else { Existing::Again },
            then,
            ..ImportStart::of(from)
        };
        let started = common.reach().await?.ask(start).await?;
        common.print(&started, text)
    }

    fn then(&self) -> Result<Option<ThenAsk>, Refusal> {
        let Some(kind) = &self.then else { return Ok(None) };
        let payload = self.then_payload.as_deref().unwrap_or("{}");
        let payload = serde_json::from_str(payload).map_err(|error| {
            Refusal::usage(format!("--then-payload is no JSON: {error}")).hint("quote it: --then-payload '{\"a\": 1}'")
        })?;
        Ok(Some(ThenAsk { kind: kind.clone(), payload }))
    }
}

fn text(started: &ImportStarted) -> String {
    let import = &started.import;
    let (what, unfit) = match import.root {
        Some(_) => ("files", "files whose names are not UTF-8"),
        None => ("items", "items that cannot be imported"),
    };
    let form = if import.root.is_some() { String::new() } else { format!(" ({})", import.format) };
    let mut text = format!("import {}: {} {what} of {}{form}", import.id, import.total, import.source);
    if import.duplicate > 0 {
        text.push_str(&format!("\nduplicate: {} items that are in the list before", import.duplicate));
    }
    if started.left_out > 0 {
        text.push_str(&format!("\nleft out: {} files with other endings, hidden ones and links", started.left_out));
    }
    if started.shortened > 0 {
        text.push_str(&format!("\nshortened: {} items with a title, tag or note that is too long", started.shortened));
    }
    if import.invalid > 0 {
        text.push_str(&format!("\ninvalid: {} {unfit}", import.invalid));
    }
    for problem in &started.unreadable {
        text.push_str(&format!("{}{problem}", if import.root.is_some() { "\nunreadable: " } else { "\n  " }));
    }
    let told = i64::try_from(started.unreadable.len()).unwrap_or(i64::MAX);
    if import.root.is_none() && import.invalid > told {
        text.push_str(&format!("\nall of them: capstan import errors {}", import.id));
    }
    text + "\n\nnext: capstan run"
}
