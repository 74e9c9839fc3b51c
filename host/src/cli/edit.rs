//! `capstan job edit` and `capstan job reschedule`

use super::add::read_payload;
use super::job::line;
use super::when::{span, time, until};
use super::{Common, Done};
use crate::host::job::{Deadline, JobEdit, JobReschedule, When};
use crate::rules::time::{Millis, Timestamp};
use clap::Args;

pub(super) const EDITS: &str = "Examples:
  capstan job edit 7 --priority -10
  capstan job edit 7 --payload '{\"path\": \"a.html\", \"force\": true}'
  capstan job edit 7 --queue slow --key example.org
  capstan job edit 7 --deadline none

What is not named stays as it is. Tags that are named replace those that it had.";

pub(super) const TIMES: &str = "Examples:
  capstan job reschedule 7 --now
  capstan job reschedule 7 --in 2h
  capstan job reschedule 7 --at '2026-01-31 08:00'

A job that waits for something else than a time goes on waiting for it; the answer says for what.";

/// What is changed.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Its number
    id: i64,
    /// JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    /// The smaller goes first, -100 to 100
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i64>,
    /// A tag; may be given several times
    #[arg(long)]
    tag: Vec<String>,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// Its queue
    #[arg(long)]
    queue: Option<String>,
    /// What it shares a limit by (`capstan key list`)
    #[arg(long)]
    key: Option<String>,
    /// It is of no use after this time, or after so long; or none
    #[arg(long, value_name = "TIME|SPAN|none", value_parser = deadline)]
    deadline: Option<Deadline>,
}

fn deadline(text: &str) -> Result<Deadline, String> {
    match text {
        "none" => Ok(Deadline::None),
        text => until(text).map(Deadline::At).map_err(|wrong| format!("{wrong}, or \"none\"")),
    }
}

impl Edit {
    pub(super) async fn run(self, common: &Common) -> Done {
        let payload = self.payload.as_deref().map(read_payload).transpose()?;
        let tags = (!self.tag.is_empty()).then_some(self.tag);
        let Self { id, priority, title, queue, key, deadline, .. } = self;
        let edit = JobEdit { id, payload, priority, tags, title, queue, key, deadline };
        let job = common.reach().await?.ask(edit).await?;
        common.print(&job, line)
    }
}

/// When it is to run.
#[derive(Debug, Args)]
pub(super) struct Reschedule {
    /// Its number
    id: i64,
    #[command(flatten)]
    when: Time,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Time {
    /// Not before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Not before so long from now
    #[arg(long = "in", id = "delay", value_name = "SPAN", value_parser = span)]
    delay: Option<Millis>,
    /// As soon as it can
    #[arg(long)]
    now: bool,
}

impl Reschedule {
    pub(super) async fn run(self, common: &Common) -> Done {
        let when = match (self.when.at, self.when.delay) {
            (Some(at), _) => When::At(at),
            (None, Some(span)) => When::In(span),
            (None, None) => When::Now,
        };
        let job = common.reach().await?.ask(JobReschedule { id: self.id, when }).await?;
        common.print(&job, |job| format!("{}\n{}", line(&job.job), job.explanation.text))
    }
}
