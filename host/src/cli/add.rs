//! `capstan job add`

use super::job::line;
use super::when::{span, time, until};
use super::{Common, Done, Failure};
use crate::host::job::{JobAdd, JobAddMany, JobAdded, JobsAdded, Mode, UniqueAsk};
use crate::host::refusal::Refusal;
use crate::rules::job::State;
use crate::rules::time::{Millis, Timestamp};
use crate::rules::unique::Conflict;
use clap::Args;
use serde::de::DeserializeOwned;
use std::io::Read;

pub(super) const EXAMPLES: &str = "Examples:
  capstan job add normalise --subject 0f3c…
  capstan job add ingest '{\"path\": \"a.html\"}'
  capstan job add ingest @payload.json --in 2h --priority -5
  echo '{\"path\": \"a.html\"}' | capstan job add ingest -
  capstan job add ingest '{\"url\": \"https://example.org/\"}' --unique --unique-for 24h
  capstan job add --from jobs.ndjson

Each line of --from is a JSON object with kind, payload and, as the flags say, subject, title, tags,
priority, queue, key, at, in and deadline (milliseconds), and unique: {by, states, period, conflict}.";

/// Jobs that go in one request at most.
const BATCH: usize = 1_000;
/// Bytes of lines that go in one request at most, or one line.
const BATCH_BYTES: usize = 1 << 20;

/// What is added.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What it asks for
    #[arg(required_unless_present = "from")]
    kind: Option<String>,
    /// JSON, @FILE, or - for stdin
    #[arg(default_value = "{}")]
    payload: String,
    /// Add many: one JSON object a line from FILE, or - for stdin; all are checked first
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "subject", "title", "tag", "priority", "queue", "key", "at", "delay", "deadline", "unique"])]
    from: Option<String>,
    /// The subject that it is about (an id of `capstan artifact list`)
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// A tag; may be given several times
    #[arg(long)]
    tag: Vec<String>,
    /// The smaller goes first, -100 to 100
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    priority: i64,
    /// Its queue instead of that of its kind
    #[arg(long)]
    queue: Option<String>,
    /// What it shares a limit by (`capstan key list`)
    #[arg(long)]
    key: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "delay")]
    at: Option<Timestamp>,
    /// Not before so long from now
    #[arg(long = "in", id = "delay", value_name = "SPAN", value_parser = span)]
    delay: Option<Millis>,
    /// It is of no use after this time, or after so long
    #[arg(long, value_name = "TIME|SPAN", value_parser = until)]
    deadline: Option<Timestamp>,
    /// One that is there is enough: the same kind and payload, or this instead of the payload
    #[arg(long, value_name = "BY", num_args = 0..=1, default_missing_value = "", require_equals = true)]
    unique: Option<String>,
    /// It counts when it was accepted within this span
    #[arg(long, value_name = "SPAN", value_parser = span, requires = "unique")]
    unique_for: Option<Millis>,
    /// It counts in these states; queued and running without
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = super::job::parse_state, requires = "unique")]
    unique_states: Vec<State>,
    /// What becomes of the new one: existing, skip or replace (a queued one)
    #[arg(long, value_name = "WHAT", default_value = "existing", value_parser = conflict, requires = "unique")]
    on_conflict: Conflict,
}

fn conflict(text: &str) -> Result<Conflict, String> {
    match text {
        "existing" => Ok(Conflict::Existing),
        "skip" => Ok(Conflict::Skip),
        "replace" => Ok(Conflict::Replace),
        _ => Err("it is one of existing, skip, replace".to_owned()),
    }
}

impl Add {
    pub(super) async fn run(self, common: &Common) -> Done {
        match (self.from.clone(), self.kind.clone()) {
            (Some(from), _) => {
                let added = many(common, &from).await?;
                common.print(&added, many_text)
            }
            (None, kind) => {
                let job = self.job(kind.unwrap_or_default())?;
                let added = common.reach().await?.ask(job).await?;
                common.print(&added, text)
            }
        }
    }

    fn job(self, kind: String) -> Result<JobAdd, Failure> {
        let unique = self.unique.map(|by| UniqueAsk {
            by: (!by.is_empty()).then_some(by),
            states: self.unique_states,
            period: self.unique_for,
            conflict: self.on_conflict,
        });
        Ok(JobAdd {
            kind,
            payload: read_payload(&self.payload)?,
            subject: self.subject,
            title: self.title,
            tags: self.tag,
            priority: self.priority,
            queue: self.queue,
            key: self.key,
            at: self.at,
            delay: self.delay,
            deadline: self.deadline,
            unique,
        })
    }
}

fn text(added: &JobAdded) -> String {
    use crate::host::job::Became;
    let said = match added.became {
        Became::Added => "",
        Became::Replaced => "\nit was there, and has the new payload, priority, time and tags",
        Became::Existing => "\nit was there already",
        Became::Skipped => "\nskipped: it was there already",
    };
    format!("{}{said}", line(&added.job))
}

fn many_text(added: &JobsAdded) -> String {
    let mut parts = vec![format!("{} jobs added", added.added)];
    let others = [(added.replaced, "replaced"), (added.existing, "there already"), (added.skipped, "skipped")];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    let ids = added.first.zip(added.last).map(|(first, last)| format!(" (job {first} to {last})"));
    parts.join(", ") + &ids.unwrap_or_default()
}

/// A text from stdin, for `-`, or from a file.
fn read(from: &str) -> Result<(String, String), Failure> {
    if from == "-" {
        let mut read = String::new();
        std::io::stdin().read_to_string(&mut read)?;
        return Ok(("stdin".to_owned(), read));
    }
    let read = std::fs::read_to_string(from);
    Ok((from.to_owned(), read.map_err(|error| unread("file", from, &error))?))
}

fn unread(what: &str, file: &str, error: &std::io::Error) -> Refusal {
    Refusal::usage(format!("{what} {file}: {error}")).hint("name a file of text in UTF-8, or - for stdin")
}

pub(super) fn read_payload(text: &str) -> Result<serde_json::Value, Failure> {
    let (from, text) = match text.strip_prefix('@') {
        _ if text == "-" => read("-")?,
        Some(file) => {
            let read = std::fs::read_to_string(file);
            (file.to_owned(), read.map_err(|error| unread("payload file", file, &error))?)
        }
        None => ("the command line".to_owned(), text.to_owned()),
    };
    let hint = "write JSON, @FILE for the contents of a file, or - for stdin";
    parse(&text)
        .map_err(|error| Refusal::usage(format!("the payload from {from} is no JSON: {error}")).hint(hint).into())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

/// Check every line, then add them all.
async fn many(common: &Common, from: &str) -> Result<JobsAdded, Failure> {
    let (name, text) = read(from)?;
    let reach = common.reach().await?;
    let mut added = JobsAdded::default();
    for mode in [Mode::Check, Mode::Add] {
        for batch in batches(&text) {
            let jobs = batch.into_iter().map(|(line, text)| job(&name, line, text)).collect::<Result<_, _>>();
            let said = match jobs {
                Ok(jobs) => reach.say(JobAddMany { jobs, mode }).await,
                Err(refusal) => Err(refusal.into()),
            };
            match said {
                Ok(more) => added = added.and(more),
                Err(failure) => {
                    reach.leave().await?;
                    return Err(failure);
                }
            }
        }
    }
    reach.leave().await?;
    Ok(added)
}

/// The lines that are not blank, with their numbers, in parts that fit a request.
fn batches(text: &str) -> impl Iterator<Item = Vec<(u64, &str)>> {
    let lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let mut lines = lines.peekable();
    std::iter::from_fn(move || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some((_, line)) = lines.peek() {
            bytes += line.len();
            if !batch.is_empty() && (batch.len() == BATCH || bytes > BATCH_BYTES) {
                break;
            }
            batch.extend(lines.next());
        }
        (!batch.is_empty()).then_some(batch)
    })
}

fn job(name: &str, line: u64, text: &str) -> Result<(u64, JobAdd), Refusal> {
    let wrong = |error: serde_json::Error| {
        Refusal::usage(format!("line {line} of {name} is no job: {error}; nothing of the input was added")).hint(
            "each line is one JSON object, for example {\"kind\": \"ingest\", \"payload\": {\"path\": \"a.html\"}}",
        )
    };
    parse(text).map(|job| (line, job)).map_err(wrong)
}
