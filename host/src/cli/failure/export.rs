//! `capstan failure export`: page by page, so that a million failures take no more memory than a thousand.

use super::Wanted;
use crate::cli::{Common, Done, csv};
use crate::host::failure::{FailureList, FailureRow};
use crate::host::refusal::Refusal;
use crate::rules::time::Timestamp;
use clap::{Args, ValueEnum};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "Examples:
  capstan failure export --import 3 > failed.csv
  capstan failure export --format lines --output failed.ndjson

In CSV a field that a spreadsheet would take for a formula has a ' before it; JSON has it as it is.
What is resolved while it is written may or may not be in it.";

/// Failures of a page.
const PAGE: u32 = 1_000;

/// Write failures as CSV or JSON
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    wanted: Wanted,
    /// The form: csv, json (one array) or lines (an object a line); csv, or json with --json
    #[arg(long, value_enum, hide_possible_values = true)]
    format: Option<Format>,
    /// Write to this file, which must not be there, instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values with a head
    Csv,
    /// One JSON array
    Json,
    /// A JSON object a line
    Lines,
}

impl Export {
    pub(in crate::cli) async fn run(self, common: &Common) -> Done {
        let format = self.format.unwrap_or(if common.json { Format::Json } else { Format::Csv });
        let reach = common.reach().await?;
        let mut verb = FailureList { filter: self.wanted.filter(), before: None, limit: PAGE };
        // The first page before the file: what is refused leaves none.
        let mut page = reach.say(verb.clone()).await?;
        let mut out = open(self.output.as_deref())?;
        let mut written = 0;
        let done = loop {
            if let Err(error) = part(&mut out, format, &page.items, written) {
                break Err(error);
            }
            written += page.items.len();
            verb.before = page.items.last().map(|failure| failure.id);
            if page.next.is_none() {
                break end(&mut out, format, written);
            }
            page = reach.say(verb.clone()).await?;
        };
        reach.leave().await?;
        match done {
            // A reader that has gone is no error.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        if let Some(file) = &self.output {
            eprintln!("{written} failures in {}", file.display());
        }
        Ok(())
    }
}

type Out = BufWriter<Box<dyn Write>>;

fn open(file: Option<&Path>) -> Result<Out, Refusal> {
    let Some(path) = file else { return Ok(BufWriter::new(Box::new(std::io::stdout()))) };
    match File::create_new(path) {
        Ok(file) => Ok(BufWriter::new(Box::new(file))),
        Err(error) => {
            let refusal = Refusal::usage(format!("cannot write {}: {error}", path.display()));
            Err(refusal.hint("name a file that is not there, in a folder that is"))
        }
    }
}

/// Write a page behind so many failures.
fn part(out: &mut Out, format: Format, failures: &[FailureRow], before: usize) -> std::io::Result<()> {
    match format {
        Format::Csv if before == 0 => out.write_all(&csv::record(HEAD.into_iter().map(Cow::Borrowed)))?,
        Format::Json if before == 0 => out.write_all(b"[")?,
        _ => {}
    }
    for (at, failure) in failures.iter().enumerate() {
        match format {
            Format::Csv => out.write_all(&csv::record(fields(failure)))?,
            Format::Json => {
                out.write_all(if before + at == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *out, failure)?;
            }
            Format::Lines => {
                serde_json::to_writer(&mut *out, failure)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(())
}

fn end(out: &mut Out, format: Format, written: usize) -> std::io::Result<()> {
    match format {
        Format::Json if written == 0 => out.write_all(b"]\n")?,
        Format::Json => out.write_all(b"\n]\n")?,
        Format::Csv | Format::Lines => {}
    }
    out.flush()
}

const HEAD: [&str; 20] = [
    "id",
    "job_id",
    "round",
    "kind",
    "class",
    "message",
    "source",
    "title",
    "subject",
    "import_id",
    "item",
    "failed_at",
    "fingerprint",
    "top_frame",
    "digest",
    "previous",
    "detailed",
    "resolution",
    "resolved_at",
    "resolved_by",
];

/// The fields of a record, in the order of [`HEAD`]; times as RFC 3339, and nothing where nothing is.
fn fields(failure: &FailureRow) -> [Cow<'_, str>; 20] {
    fn text(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }
    fn maybe(text: Option<&String>) -> Cow<'_, str> {
        Cow::Borrowed(text.map_or("", String::as_str))
    }
    let number = |number: Option<i64>| Cow::Owned(number.map(|number| number.to_string()).unwrap_or_default());
    let time = |at: Option<Timestamp>| Cow::Owned(at.map(Timestamp::rfc3339).unwrap_or_default());
    [
        number(Some(failure.id)),
        number(Some(failure.job_id)),
        number(Some(failure.round.into())),
        text(&failure.kind),
        text(failure.class.name()),
        text(&failure.message),
        text(&failure.source),
        text(&failure.title),
        text(&failure.subject),
        number(failure.import_id),
        number(failure.item),
        time(Some(failure.failed_at)),
        text(&failure.fingerprint),
        maybe(failure.top_frame.as_ref()),
        maybe(failure.digest.as_ref()),
        number(failure.previous),
        text(if failure.detailed { "true" } else { "false" }),
        text(failure.resolution.map_or("", |resolution| resolution.name())),
        time(failure.resolved_at),
        maybe(failure.resolved_by.as_ref()),
    ]
}
