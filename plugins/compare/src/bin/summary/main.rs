//! Compares summaries with those that people wrote.
//!
//! `summary FOLDER [--half development|held-out] [--only GENRE] [--candidate NAME]
//!     [--language TAG] [--set WEIGHT=VALUE]...`
//!
//! The folder holds one folder per genre, and those hold `name.md` and `name.txt`, the human summary, which is not
//! in the document; `summaries.py` makes them. Half of the documents, by the hash of their name, are for choosing
//! weights. Prints ROUGE F1 of the first sentences, of random ones, of the sentences most like the human summary (as
//! far as a greedy choice finds them) and of ours, with the same number of sentences and with the same number of
//! words, and how long a document takes.
//!
//! `--language ''` takes stop words and stems away; the documents are English.
//!
//! What it cannot promise: ROUGE counts common words. A summary that says the same in other words scores nothing.

mod candidate;
mod corpus;
mod rouge;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use capstan_summarise::{Config, Weights};

use crate::candidate::{Candidate, Length};
use crate::corpus::{Half, Pair};
use crate::rouge::Score;

/// What is compared: three sentences, the handler's default, and a hundred words.
const LENGTHS: [Length; 3] = [Length::Sentences(3), Length::Sentences(5), Length::Words(100)];

fn main() -> Result<()> {
    let arguments = arguments()?;
    let mut genres: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    for pair in corpus::read(&arguments.folder, arguments.half, &arguments.language)? {
        if arguments.only.as_ref().is_none_or(|only| *only == pair.genre) {
            genres.entry(pair.genre.clone()).or_default().push(pair);
        }
    }
    for (genre, pairs) in &genres {
        println!("\n{genre} ({} documents)", pairs.len());
        for length in LENGTHS {
            println!("{:14} {:>8} {:>8} {:>8}   {:>8}", length.to_string(), "ROUGE-1", "ROUGE-2", "ROUGE-L", "ms");
            for (name, candidate) in arguments.candidates() {
                line(name, &candidate, pairs, length);
            }
        }
    }
    Ok(())
}

fn line(name: &str, candidate: &Candidate, pairs: &[Pair], length: Length) {
    let mut spent = Duration::ZERO;
    let mut sum = Score::default();
    for pair in pairs {
        let begun = Instant::now();
        let text = candidate.summary(pair, length);
        spent += begun.elapsed();
        sum += rouge::score(&pair.summary, &text);
    }
    let mean = sum / pairs.len() as f64;
    let milliseconds = spent.as_secs_f64() * 1000.0 / pairs.len() as f64;
    println!("  {name:12} {:8.3} {:8.3} {:8.3}   {milliseconds:8.1}", mean.one, mean.two, mean.longest);
}

struct Arguments {
    folder: PathBuf,
    half: Half,
    only: Option<String>,
    diversity: f32,
    weights: Weights,
    candidate: Option<String>,
    language: String,
}

impl Arguments {
    fn candidates(&self) -> Vec<(&'static str, Candidate)> {
        let ours = Candidate::Ours { weights: self.weights.clone(), diversity: self.diversity };
        let all =
            [("lead", Candidate::Lead), ("random", Candidate::Random), ("ours", ours), ("oracle", Candidate::Oracle)];
        all.into_iter().filter(|(name, _)| self.candidate.as_ref().is_none_or(|only| only == name)).collect()
    }
}

fn arguments() -> Result<Arguments> {
    let mut given = std::env::args().skip(1);
    let folder = given.next().context("give the folder with the documents and their summaries")?.into();
    let (weights, diversity) = (Weights::default(), Config::default().diversity as f32);
    let (half, language) = (Half::HeldOut, "en".to_owned());
    let mut arguments = Arguments { folder, half, only: None, diversity, weights, candidate: None, language };
    while let Some(flag) = given.next() {
        let value = given.next().with_context(|| format!("`{flag}` wants a value"))?;
        match flag.as_str() {
            "--half" => arguments.half = value.parse()?,
            "--only" => arguments.only = Some(value),
            "--candidate" => arguments.candidate = Some(value),
            "--language" => arguments.language = value,
            "--set" => arguments.set(&value)?,
            _ => bail!("unknown flag `{flag}`; there are --half, --only, --candidate, --language and --set"),
        }
    }
    Ok(arguments)
}

impl Arguments {
    fn set(&mut self, given: &str) -> Result<()> {
        let (name, value) = given.split_once('=').with_context(|| format!("--set `{given}` is not WEIGHT=VALUE"))?;
        let value: f32 = value.parse().with_context(|| format!("--set `{given}`"))?;
        let place = match name {
            "follow" => &mut self.weights.follow,
            "front" => &mut self.weights.front,
            "fall" => &mut self.weights.fall,
            "opening" => &mut self.weights.opening,
            "title" => &mut self.weights.title,
            "again" => &mut self.weights.again,
            "diversity" => &mut self.diversity,
            _ => bail!("there is no weight `{name}`"),
        };
        *place = value;
        Ok(())
    }
}
