//! Which jobs: the flags that lists and operations on many jobs share; and filters in words.

use super::job::parse_state;
use super::table::time;
use super::when::since;
use crate::host::failure::FailureFilter;
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

pub(super) fn parse_class(text: &str) -> Result<Class, String> {
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

/// A filter of jobs, for people.
pub(super) fn of_jobs(filter: &JobFilter) -> String {
    let number = |n: i64| n.to_string();
    words(&[
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
    ])
}

/// A filter of failures, for people.
pub(super) fn of_failures(filter: &FailureFilter) -> String {
    words(&[
        ("kind", filter.kind.clone()),
        ("class", filter.class.map(|class| class.name().to_owned())),
        ("group", filter.group.clone()),
        ("import", filter.import.map(|import| import.to_string())),
        ("since", filter.since.map(time)),
        ("message", filter.message.as_ref().map(|text| format!("{text:?}"))),
        ("ids", filter.ids.as_ref().map(|ids| format!("{} named", ids.len()))),
    ])
}

fn words(parts: &[(&str, Option<String>)]) -> String {
    let named: Vec<_> = parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))).collect();
    if named.is_empty() { "all".to_owned() } else { named.join(", ") }
}
