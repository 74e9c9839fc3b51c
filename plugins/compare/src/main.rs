//! Compares extractors on hand-marked pages.
//!
//! `capstan-compare FOLDER [--worst N] [--only CANDIDATE] [--save FOLDER] [--with NAME=FOLDER]...`
//!
//! The folder holds one folder per genre, and those hold `page.html`, `page.txt` (the marked text) and,
//! optionally, `page.url`. `--with` adds the answers of a program outside, stored as
//! `FOLDER/genre/page.txt`; `yardstick.py` makes such a folder. Prints mean F1, tenth percentile and
//! milliseconds a page for each genre and candidate, and our worst pages.
//!
//! What it cannot promise: hand-marked texts disagree about titles, captions and tables, so nothing
//! reaches 1, and differences below 0.01 mean little.

mod candidates;
mod corpus;
mod report;
mod shingle;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::report::Answers;

fn main() -> Result<()> {
    let arguments = arguments()?;
    let pages = corpus::read(&arguments.folder)?;
    let mut answers: Vec<Answers> = candidates::ALL
        .iter()
        .filter(|candidate| arguments.only.as_deref().is_none_or(|only| only == candidate.name))
        .map(|candidate| report::run(candidate, &pages, arguments.save.as_deref()))
        .collect();
    for (name, folder) in &arguments.outside {
        answers.push(report::stored(name, folder, &pages));
    }
    report::print(&pages, &answers, arguments.worst);
    Ok(())
}

struct Arguments {
    folder: PathBuf,
    worst: usize,
    save: Option<PathBuf>,
    only: Option<String>,
    outside: Vec<(String, PathBuf)>,
}

fn arguments() -> Result<Arguments> {
    let mut given = std::env::args().skip(1);
    let folder = given.next().context("give the folder with the marked pages")?.into();
    let mut arguments = Arguments { folder, worst: 10, only: None, save: None, outside: Vec::new() };
    while let Some(flag) = given.next() {
        let value = given.next().with_context(|| format!("`{flag}` wants a value"))?;
        match flag.as_str() {
            "--worst" => arguments.worst = value.parse().with_context(|| format!("--worst `{value}`"))?,
            "--only" => arguments.only = Some(value),
            "--save" => arguments.save = Some(value.into()),
            "--with" => {
                let (name, folder) =
                    value.split_once('=').with_context(|| format!("--with `{value}` is not NAME=FOLDER"))?;
                arguments.outside.push((name.to_owned(), folder.into()));
            }
            _ => bail!("unknown flag `{flag}`; there are --worst, --only, --save and --with"),
        }
    }
    Ok(arguments)
}
