//! `capstan stats`

use super::table::table;
use super::{Common, Done};
use crate::host::failure::Unresolved;
use crate::host::stats::{Stats as Counts, StatsShow};
use crate::rules::job::State;
use clap::Args;

/// How many there are of what, in one snapshot
#[derive(Debug, Args)]
pub(super) struct Stats {}

impl Stats {
    pub(super) async fn run(self, common: &Common) -> Done {
        let stats = common.reach().await?.ask(StatsShow {}).await?;
        common.print(&stats, text)
    }
}

fn text(stats: &Counts) -> String {
    let mut rows = table(&["kind", "queued", "running", "completed", "failed", "cancelled"]);
    let number = |states: &std::collections::BTreeMap<State, i64>, state| states.get(&state).copied().unwrap_or(0);
    for (kind, states) in stats.kinds.iter().map(|(kind, s)| (kind.as_str(), s)).chain([("all", &stats.jobs)]) {
        rows.add_row(std::iter::once(kind.to_owned()).chain(State::ALL.map(|s| number(states, s).to_string())));
    }
    let waiting: Vec<String> = stats.waiting.iter().map(|(wait, jobs)| format!("{jobs} {wait}")).collect();
    let waiting = if waiting.is_empty() { "nothing".to_owned() } else { waiting.join(", ") };
    let imports: Vec<String> = stats.imports.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let imports = if imports.is_empty() { "none".to_owned() } else { imports.join(", ") };
    format!(
        "{rows}\n\nwaiting    {waiting}\nfailures   {}\nattempts   {}\nimports    {imports}\nsubjects   {}\nartifacts  {} files, {}",
        failures(&stats.failures),
        stats.attempts,
        stats.subjects,
        stats.artifacts,
        super::table::bytes(stats.artifact_bytes),
    )
}

fn failures(failures: &Unresolved) -> String {
    let (all, detailed) = (failures.unresolved, failures.detailed);
    match all {
        0 => "none unresolved".to_owned(),
        all if all == detailed => format!("{all} unresolved"),
        all => format!("{all} unresolved, of which the newest {detailed} have log and backtrace (failure.keep)"),
    }
}
