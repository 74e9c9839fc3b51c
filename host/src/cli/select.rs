//! Which jobs: the flags that lists and operations on many jobs share.

use super::job::parse_state;
use super::table::time;
use super::when::since;
use crate::host::job::{Class, JobFilter};
use crate::rules::job::State;
use crate::rules::time::Timestamp;
use clap::Args;

/// Which jobs; all of what is named must hold.
#[derive(Debug, Clone, Args)]
#[group(id = "which", multiple = true)]
pub(super) struct Which {
    /// queued, running, completed, failed or cancelled
    #[arg(long, value_parser = parse_state)]
    state: Option<State>,
    /// Of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Of this queue
    #[arg(long)]
    queue: Option<String>,
    /// Of this import
    #[arg(long, value_name = "ID")]
    import: Option<i64>,
    /// About this subject
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Added at this time or later, or so long ago at most
    #[arg(long, value_name = "TIME|SPAN", value_parser = since)]
    since: Option<Timestamp>,
    /// Whose last error is of this class
    #[arg(long, value_parser = parse_class)]
    class: Option<Class>,
    /// Whose last error has this in its message
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Older than this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

fn parse_class(text: &str) -> Result<Class, String> {
    let names = Class::ALL.map(Class::name).join(", ");
    Class::parse(text).ok_or_else(|| format!("a class is one of {names}"))
}

impl Which {
    /// The filter that they name.
    pub(super) fn filter(self) -> JobFilter {
        let Self { state, kind, queue, import, subject, tag, since, class, message, before } = self;
        JobFilter { state, kind, queue, import, subject, tag, since, class, message, before, limit: 0 }
    }
}

/// A filter for people.
pub(super) fn words(filter: &JobFilter) -> String {
    let number = |n: i64| n.to_string();
    let parts = [
        ("state", filter.state.map(|state| state.name().to_owned())),
        ("kind", filter.kind.clone()),
        ("queue", filter.queue.clone()),
        ("import", filter.import.map(number)),
        ("subject", filter.subject.clone()),
        ("tag", filter.tag.clone()),
        ("since", filter.since.map(time)),
        ("class", filter.class.map(|class| class.name().to_owned())),
        ("message", filter.message.as_ref().map(|text| format!("{text:?}"))),
        ("before", filter.before.map(number)),
    ];
    let named: Vec<_> = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    if named.is_empty() { "all".to_owned() } else { named.join(", ") }
}
