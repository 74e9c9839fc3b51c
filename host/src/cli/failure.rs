//! `capstan failure`

mod export;
mod text;

use super::bulk::{Sure, act};
use super::select::parse_class;
use super::when::since;
use super::{Common, Done};
use crate::host::bulk::What;
use crate::host::failure::{
    FailureDelete, FailureFilter, FailureGroups, FailureList, FailureResubmit, FailureShow, Which,
};
use crate::rules::attempt::Class;
use crate::rules::time::Timestamp;
use clap::{Args, Subcommand};
pub(super) use text::resolution;

/// What failed for good, until somebody resolves it
#[derive(Debug, Subcommand)]
pub(super) enum Failure {
    /// List failures, newest first; those that nobody resolved unless told otherwise
    #[command(after_help = LISTS)]
    List {
        #[command(flatten)]
        wanted: Wanted,
        /// Older than this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most so many; without it as many as keep full detail (failure.keep)
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// List what failures have in common, the largest group first
    #[command(
        after_help = "Failures of one group have kind, class, message (but for numbers, names and addresses), the guest's \
function and\nthe handler's digest in common.\n\nExamples:\n  capstan failure groups --import 3\n  capstan failure list --group 3f0c"
    )]
    Groups {
        #[command(flatten)]
        wanted: Wanted,
        /// Behind this place, which the page before calls next
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a failure with its attempts, their logs and backtraces, and earlier failures of its job
    #[command(after_help = "Example:\n  capstan failure show 12")]
    Show {
        /// Its number
        id: i64,
    },
    /// Give the jobs of failures a new round at once; their import items remain again
    #[command(
        after_help = "A job that fails again makes one new failure, which names this one. With a filter it is an operation on\nall that \
matches when it begins: it goes on after a crash, `capstan bulk list` shows it.\n\nExamples:\n  capstan failure resubmit 12 13\n  \
capstan failure resubmit --group 3f0c\n  capstan failure resubmit --all --dry-run"
    )]
    Resubmit(Many),
    /// Take note of failures: their jobs and import items stay failed
    #[command(
        after_help = "With a filter it is an operation on all that matches when it begins: it goes on after a crash,\n`capstan bulk \
list` shows it.\n\nExamples:\n  capstan failure delete 12\n  capstan failure delete --import 3 --message 'not found'"
    )]
    Delete(Many),
    /// Write failures as CSV or JSON, all that are wanted
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
}

const LISTS: &str = "Examples:\n  capstan failure list --kind ingest --since 2h
  capstan failure list --message 'not found' --json | jq '.items[].source'
  capstan failure list --resolution all --limit 1000";

/// Single failures by their numbers, or all that match.
#[derive(Debug, Args)]
pub(super) struct Many {
    /// Their numbers
    #[arg(value_name = "ID", conflicts_with = "which")]
    ids: Vec<i64>,
    #[command(flatten)]
    like: FailureArgs,
    #[command(flatten)]
    sure: Sure,
}

/// Which failures are meant, by what they are like.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "which", multiple = true)]
pub(super) struct FailureArgs {
    /// Of jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Of this class, as in `transient` or `cpu-limit`
    #[arg(long, value_parser = parse_class)]
    class: Option<Class>,
    /// Of the group whose fingerprint begins so (4 digits or more)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Of jobs of this import
    #[arg(long, value_name = "ID")]
    import: Option<i64>,
    /// Failed at this time or later, or so long ago at most, as in "2h"
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// With this text in the message, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
}

impl FailureArgs {
    /// As the host takes it: of those that nobody resolved.
    pub(super) fn filter(self) -> FailureFilter {
        let Self { kind, class, group, import, since, message } = self;
        FailureFilter { kind, class, group, import, since, message, ..FailureFilter::default() }
    }
}

/// Which failures are to be seen.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Wanted {
    #[command(flatten)]
    like: FailureArgs,
    /// unresolved, resubmitted, deleted, superseded or all
    #[arg(long, value_name = "HOW", default_value = "unresolved", value_parser = which)]
    resolution: Which,
}

impl Wanted {
    fn filter(self) -> FailureFilter {
        FailureFilter { which: self.resolution, ..self.like.filter() }
    }
}

fn which(text: &str) -> Result<Which, String> {
    let names = Which::ALL.map(Which::name).join(", ");
    Which::parse(text).ok_or_else(|| format!("a failure is one of {names}"))
}

impl Failure {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List { wanted, before, limit } => {
                let filter = wanted.filter();
                let is_plain = filter == FailureFilter::default() && before.is_none();
                let verb = FailureList { filter, before, limit: limit.unwrap_or(0) };
                let page = common.reach().await?.ask(verb).await?;
                common.print(&page, |page| text::list(page, is_plain))
            }
            Self::Groups { wanted, after, limit } => {
                let verb = FailureGroups { filter: wanted.filter(), after, limit };
                let page = common.reach().await?.ask(verb).await?;
                common.print(&page, text::groups)
            }
            Self::Show { id } => {
                let failure = common.reach().await?.ask(FailureShow { id }).await?;
                common.print(&failure, text::show)
            }
            Self::Resubmit(Many { ids, like, sure }) if ids.is_empty() => {
                act(common, What::Resubmit { failures: like.filter() }, sure).await
            }
            Self::Delete(Many { ids, like, sure }) if ids.is_empty() => {
                act(common, What::Delete { failures: like.filter() }, sure).await
            }
            Self::Resubmit(Many { ids, .. }) => {
                let by = super::job::who();
                let resolved = common.reach().await?.ask(FailureResubmit { ids, by }).await?;
                common.print(&resolved, text::resubmitted)
            }
            Self::Delete(Many { ids, .. }) => {
                let by = super::job::who();
                let resolved = common.reach().await?.ask(FailureDelete { ids, by }).await?;
                common.print(&resolved, text::deleted)
            }
            Self::Export(export) => export.run(common).await,
        }
    }
}
