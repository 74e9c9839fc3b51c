//! Documents with their summaries on disk.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use capstan_text::Document;

/// A document and what a person wrote about it.
pub struct Pair {
    /// The folder it lies in.
    pub genre: String,
    /// Its file name without extension.
    pub name: String,
    /// The document, without the summary.
    pub document: Document,
    /// The summary.
    pub summary: String,
}

/// Which documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Those that weights are chosen on.
    Development,
    /// Those that are only scored.
    HeldOut,
}

impl FromStr for Half {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "development" => Ok(Self::Development),
            "held-out" => Ok(Self::HeldOut),
            _ => bail!("there is no half `{name}`; there are development and held-out"),
        }
    }
}

/// The genre that is never tuned on: all of it is held out.
const UNSEEN: &str = "peps";

/// Reads `FOLDER/genre/name.{md,txt}` of one half, in the order of their names.
///
/// # Errors
///
/// When a folder or a file cannot be read.
pub fn read(folder: &Path, half: Half, language: &str) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for genre in names(folder)? {
        for file in names(&folder.join(&genre))? {
            let Some(name) = file.strip_suffix(".md") else { continue };
            if half_of(&genre, name) != half {
                continue;
            }
            let path = folder.join(&genre).join(&file);
            let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
            let mut document = Document::parse(&read(&path)?);
            document.language = language.to_owned();
            let summary = read(&path.with_extension("txt"))?;
            pairs.push(Pair { genre: genre.clone(), name: name.to_owned(), document, summary });
        }
    }
    Ok(pairs)
}

/// By FNV-1a of the name, so that it does not depend on which documents are there.
fn half_of(genre: &str, name: &str) -> Half {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    if genre != UNSEEN && (hash >> 32) % 2 == 0 { Half::Development } else { Half::HeldOut }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}
