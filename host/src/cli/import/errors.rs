//! `capstan import errors`

use crate::cli::csv;
use crate::cli::reach::Reach;
use crate::cli::table::{more, short, table};
use crate::cli::{Common, Done, Failure};
use crate::host::import::{ImportErrors, ItemError};
use crate::host::job::{MAX_PAGE, Page};
use crate::host::refusal::Refusal;
use clap::{Args, ValueEnum};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "Examples:
  capstan import errors 7
  capstan import errors 7 --export csv > failed.csv
  capstan import errors 7 --export json --output failed.json

An export holds all of them, a page at a time; the class of what could not become a job is `invalid`.";

/// Which errors, and in which form.
#[derive(Debug, Args)]
pub(in crate::cli) struct Errors {
    /// The import
    id: i64,
    /// Behind this one: the `next` of the page before
    #[arg(long, value_name = "CURSOR", conflicts_with = "export")]
    after: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "export")]
    limit: u32,
    /// Write all of them, as CSV with a header or as a JSON array
    #[arg(long, value_name = "FORM")]
    export: Option<Form>,
    /// Into this file, which must not exist
    #[arg(long, value_name = "FILE", requires = "export")]
    output: Option<PathBuf>,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Json,
}

impl Errors {
    pub(super) async fn run(self, common: &Common) -> Done {
        let reach = common.reach().await?;
        let done = match self.export {
            Some(form) => self.export(&reach, form).await,
            None => {
                let asked = ImportErrors { id: self.id, after: self.after, limit: self.limit };
                reach.say(asked).await.and_then(|page| common.print(&page, text))
            }
        };
        reach.leave().await?;
        done
    }

    async fn export(&self, reach: &Reach, form: Form) -> Done {
        let page = |after| ImportErrors { id: self.id, after, limit: MAX_PAGE };
        // Before the file is made: who names an import that is not there gets none.
        let mut next = reach.say(page(None)).await?;
        let mut out: Box<dyn Write + Send> = match &self.output {
            Some(path) => Box::new(io::BufWriter::new(create(path)?)),
            None => Box::new(io::BufWriter::new(io::stdout())),
        };
        let mut export = Export::begin(form, &mut out)?;
        loop {
            next.items.iter().try_for_each(|item| export.item(item))?;
            match next.next {
                Some(after) => next = reach.say(page(Some(after))).await?,
                None => return Ok(export.end()?),
            }
        }
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create_new(path).map_err(|error| {
        let refusal = Refusal::usage(format!("cannot write {}: {error}", path.display()));
        refusal.hint("name a file that is not there yet").into()
    })
}

fn text(page: &Page<ItemError>) -> String {
    if page.items.is_empty() {
        return "nothing went wrong".to_owned();
    }
    let mut rows = table(&["line", "class", "job", "kind", "what", "why"]);
    for item in &page.items {
        let place = item.at.line.or(item.at.number).map(|n| n.to_string()).unwrap_or_default();
        let job = item.job.map(|job| job.to_string()).unwrap_or_default();
        let what = if item.title.is_empty() { item.url.clone() } else { format!("{} {}", item.title, item.url) };
        let kind = item.kind.clone().unwrap_or_default();
        rows.add_row([place, item.class.clone(), job, kind, short(&what, 60), short(&item.message, 100)]);
    }
    format!("{rows}{}", more(page.next.as_deref(), "--after"))
}

/// An export that is being written.
struct Export<W> {
    out: W,
    form: Form,
    items: u64,
}

const HEAD: [&str; 9] = ["line", "number", "class", "message", "url", "title", "job", "kind", "failed_at"];

impl<W: Write> Export<W> {
    fn begin(form: Form, mut out: W) -> io::Result<Self> {
        match form {
            Form::Csv => out.write_all(&csv::record(HEAD.map(Cow::from)))?,
            Form::Json => out.write_all(b"[")?,
        }
        Ok(Self { out, form, items: 0 })
    }

    fn item(&mut self, item: &ItemError) -> io::Result<()> {
        match self.form {
            Form::Csv => self.out.write_all(&csv::record(fields(item)))?,
            Form::Json => {
                self.out.write_all(if self.items > 0 { b",\n" } else { b"\n" })?;
                serde_json::to_writer(&mut self.out, item)?;
            }
        }
        self.items += 1;
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        if self.form == Form::Json {
            self.out.write_all(if self.items > 0 { b"\n]\n" } else { b"]\n" })?;
        }
        self.out.flush()
    }
}

/// An error in the order of [`HEAD`].
fn fields(item: &ItemError) -> [Cow<'_, str>; 9] {
    let place = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default().into();
    [
        place(item.at.line),
        place(item.at.number),
        item.class.as_str().into(),
        item.message.as_str().into(),
        item.url.as_str().into(),
        item.title.as_str().into(),
        item.job.map(|job| job.to_string()).unwrap_or_default().into(),
        item.kind.as_deref().unwrap_or_default().into(),
        item.failed_at.map(|at| at.rfc3339()).unwrap_or_default().into(),
    ]
}
