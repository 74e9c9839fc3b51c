//! `capstan key`

use super::table::{more, table, time};
use super::when::span;
use super::{Common, Done};
use crate::host::key::{Change, KeyList, KeyRelease, KeyRow, KeySet};
use crate::rules::key::Set;
use crate::rules::time::Millis;
use clap::Subcommand;

/// What jobs share a limit by, for example the host that they fetch from
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// List the keys that have open jobs, rest, or were set
    List {
        /// Behind this one
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Limit a key; this wins over capstan.toml until --reset
    #[command(after_help = "Example:\n  capstan key set example.org --limit 1 --interval 2s")]
    Set {
        /// The key
        name: String,
        /// Its jobs at once
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// The least time between two beginnings
        #[arg(long, value_name = "SPAN", value_parser = span)]
        interval: Option<Millis>,
        /// Take back what was set
        #[arg(long, conflicts_with_all = ["limit", "interval"])]
        reset: bool,
    },
    /// Let a key rest no longer that was told to wait
    Release {
        /// The key
        name: String,
    },
}

impl Key {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List { after, limit } => {
                let page = common.reach().await?.ask(KeyList { after, limit }).await?;
                common.print(&page, |page| format!("{}{}", list(&page.items), more(page.next.as_deref(), "--after")))
            }
            Self::Set { name, limit, interval, reset } => {
                let set = Set { limit, min_interval: interval };
                let change = if reset { Change::Reset } else { Change::Set(set) };
                common.print(&common.reach().await?.ask(KeySet { name, change }).await?, line)
            }
            Self::Release { name } => common.print(&common.reach().await?.ask(KeyRelease { name }).await?, line),
        }
    }
}

fn pace(key: &KeyRow) -> String {
    let mut text = format!("{} at once", key.pace.limit);
    if key.pace.min_interval > Millis(0) {
        text.push_str(&format!(", {} apart", key.pace.min_interval));
    }
    if key.set != Set::default() {
        text.push_str("; set by hand");
    }
    text
}

fn line(key: &KeyRow) -> String {
    let rests = key.next_at.map(|at| format!(", rests until {}", time(at))).unwrap_or_default();
    format!(
        "key {}: {} running, {} let in, {} waiting{rests}\nlimit     {}",
        key.name,
        key.running,
        key.idle,
        key.waiting,
        pace(key)
    )
}

fn list(keys: &[KeyRow]) -> String {
    let mut rows = table(&["key", "running", "let in", "waiting", "limit", "rests until"]);
    for key in keys {
        rows.add_row([
            key.name.clone(),
            key.running.to_string(),
            key.idle.to_string(),
            key.waiting.to_string(),
            pace(key),
            key.next_at.map(time).unwrap_or_default(),
        ]);
    }
    rows.to_string()
}
