//! Measures how well words, vectors and both find pages of the Rust documentation that `rustup` installs.
//!
//! `capstan-retrieval choose|report FOLDER [--keep FOLDER] [--table NAME=FILE]...`
//!
//! `FOLDER` is `$(rustc --print sysroot)/share/doc/rust/html`. `choose` prints what can be chosen, measured on the
//! development half of the questions; `report` prints both halves for what was chosen, and fails where both together
//! find less than words alone on the held-out half. `--keep` keeps the pages as Markdown, so that the next run reads
//! them; `--table` measures other tables than the bundled one too.
//!
//! What it cannot promise: a title or a first sentence is not what people ask, and the paraphrases are few and by one
//! author. A page that answers as well as the one expected counts as wrong.

mod corpus;
mod question;
mod rank;
mod run;
mod score;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments = arguments()?;
    let paraphrases = question::paraphrases()?;
    let wanted: HashSet<&str> = paraphrases.iter().flat_map(|(pages, _)| pages.iter().copied()).collect();
    let pages = corpus::read(&arguments.folder, &wanted, arguments.keep.as_deref())?;
    let questions = question::all(&pages)?;
    let bench = run::Bench::new(&pages, questions);
    match arguments.task {
        Task::Choose => bench.choose(&arguments.tables),
        Task::Report => bench.report(&arguments.tables),
    }
}

enum Task {
    Choose,
    Report,
}

struct Arguments {
    task: Task,
    folder: PathBuf,
    keep: Option<PathBuf>,
    tables: Vec<(String, Vec<u8>)>,
}

fn arguments() -> Result<Arguments> {
    let mut given = std::env::args().skip(1);
    let task = match given.next().as_deref() {
        Some("choose") => Task::Choose,
        Some("report") => Task::Report,
        _ => bail!("say `choose` or `report` first"),
    };
    let folder = given.next().context("give the folder of the Rust documentation")?.into();
    let bundled = ("bundled".to_owned(), capstan_embed::TABLE.to_vec());
    let mut arguments = Arguments { task, folder, keep: None, tables: vec![bundled] };
    while let Some(flag) = given.next() {
        let value = given.next().with_context(|| format!("`{flag}` wants a value"))?;
        match flag.as_str() {
            "--keep" => arguments.keep = Some(value.into()),
            "--table" => {
                let (name, file) =
                    value.split_once('=').with_context(|| format!("--table `{value}` is not NAME=FILE"))?;
                arguments.tables.push((name.to_owned(), fs::read(file).with_context(|| file.to_owned())?));
            }
            _ => bail!("unknown flag `{flag}`; there are --keep and --table"),
        }
    }
    Ok(arguments)
}
