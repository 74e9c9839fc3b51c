//! Taking a list or a folder in: what was found becomes the list of an import.
//!
//! The list is read as a stream, so a million items cost the memory of a thousand. What
//! is broken goes into a list of its own beside it (`job_<id>.invalid.json`), what is
//! there twice is counted. Nothing is on record before both lists are on the disk; a
//! list that is refused leaves nothing behind.

use super::folder::{Found, look};
use super::list::{Draft, Written, find};
use crate::rules::format::{self, Entry, Format, Problem, canonical, detect};
use crate::rules::list::{Invalid, Item};
use crate::store::StoreError;
use crate::store::seen::Seen;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// Items whose being new is asked for together.
const BATCH: usize = 1_000;
/// Bytes of a list that are read at once: 256 KiB.
const BUFFER: usize = 256 << 10;
/// Reasons that are told of a list at most.
const TOLD: usize = 10;

/// What is to be taken in.
#[derive(Debug, Clone)]
pub struct Take {
    /// The folder or the list.
    pub from: PathBuf,
    /// Its form, when it was named.
    pub format: Option<Format>,
    /// Whether one broken item refuses the list.
    pub broken: OnBroken,
    /// Whether the part before the end of a torn list is taken.
    pub torn: OnTorn,
    /// Only so many items, evenly spaced.
    pub sample: Option<u64>,
    /// Where the list goes.
    pub list: PathBuf,
}

/// What a broken item means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBroken {
    /// It is counted, and listed with the reason.
    #[default]
    Count,
    /// The list is refused.
    Refuse,
}

/// What it means that a list cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTorn {
    /// The list is refused.
    #[default]
    Refuse,
    /// What is before is taken.
    TakeBefore,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The list.
    pub written: Written,
    /// Items that were there before.
    pub duplicate: u64,
    /// Items that cannot be imported.
    pub invalid: u64,
    /// Items of which something was cut.
    pub shortened: u64,
    /// Files that were left out.
    pub left_out: u64,
    /// What could not be read, with the reason; the first ones.
    pub unreadable: Vec<String>,
}

/// Why nothing was taken in.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// What is to be taken in cannot be read.
    #[error("cannot read it: {0}")]
    Read(io::Error),
    /// The import's list cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which list.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Nobody knows its form.
    #[error("its form is not known")]
    Unknown,
    /// It cannot be read on.
    #[error("{reason} ({before} items were read)")]
    Torn {
        /// Why.
        reason: format::Unreadable,
        /// How many items are before.
        before: u64,
    },
    /// An item is broken, and none may be.
    #[error("{0}")]
    Broken(String),
    /// There is nothing in it.
    #[error("it holds no {what}{}", reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Empty {
        /// No what.
        what: &'static str,
        /// The first thing that was wrong.
        reason: Option<String>,
    },
    /// The set of what was seen cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn writing(path: &Path) -> impl Fn(io::Error) -> TakeError {
    move |error| TakeError::Write { path: path.to_owned(), error }
}

/// The list of what could not be imported, beside the list.
pub fn invalid_list(list: &Path) -> PathBuf {
    list.with_extension("invalid.json")
}

/// The form of a list, by its beginning and its name.
///
/// # Errors
/// It cannot be read, or its form is not known.
pub fn form(from: &Path) -> Result<Format, TakeError> {
    let mut head = Vec::new();
    File::open(from).and_then(|file| file.take(format::HEAD as u64).read_to_end(&mut head)).map_err(TakeError::Read)?;
    let name = from.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    detect(&head, &name).ok_or(TakeError::Unknown)
}

/// Take a list in. It blocks; `host` is where the set of what was seen is written.
///
/// # Errors
/// See [`TakeError`]; then nothing is left.
pub fn list(take: &Take, form: Format, host: &Handle) -> Result<Taken, TakeError> {
    clear(&take.list);
    let mut intake = Intake::new(take, host)?;
    let read = intake.read(take, form, host);
    let Intake { items, broken, seen, .. } = intake;
    host.block_on(seen.forget());
    let (duplicate, shortened, unreadable) = match read {
        Ok(read) => read,
        Err(error) => {
            items.drop_it();
            broken.drop_it();
            return Err(error);
        }
    };
    if items.items() == 0 {
        items.drop_it();
        broken.drop_it();
        return Err(TakeError::Empty { what: "URL", reason: unreadable.into_iter().next() });
    }
    let invalid = broken.items();
    if invalid > 0 {
        broken.finish().map_err(writing(&invalid_list(&take.list)))?;
    } else {
        broken.drop_it();
    }
    let written = sampled(take, items.finish().map_err(writing(&take.list))?)?;
    Ok(Taken { written, duplicate, invalid, shortened, left_out: 0, unreadable })
}

/// A list that is being taken in.
struct Intake {
    items: Draft,
    broken: Draft,
    seen: Seen,
    waiting: Vec<Entry>,
    duplicate: u64,
    shortened: u64,
    told: Vec<String>,
}

impl Intake {
    fn new(take: &Take, host: &Handle) -> Result<Self, TakeError> {
        let items = Draft::new(&take.list).map_err(writing(&take.list))?;
        let unfit = invalid_list(&take.list);
        let broken = Draft::new(&unfit).map_err(writing(&unfit))?;
        // Last: a folder that cannot be written is told by its lists.
        let seen = host.block_on(Seen::new(&take.list.with_extension("seen")))?;
        let waiting = Vec::with_capacity(BATCH);
        Ok(Self { items, broken, seen, waiting, duplicate: 0, shortened: 0, told: Vec::new() })
    }

    /// Read it to its end: duplicates, shortened items, and what was told.
    fn read(&mut self, take: &Take, form: Format, host: &Handle) -> Result<(u64, u64, Vec<String>), TakeError> {
        let file = File::open(&take.from).map_err(TakeError::Read)?;
        for entry in format::read(form, BufReader::with_capacity(BUFFER, file)) {
            match entry {
                Ok(entry) => self.waiting.push(entry),
                Err(Problem::Broken(broken)) if take.broken == OnBroken::Refuse => {
                    return Err(TakeError::Broken(broken.to_string()));
                }
                Err(Problem::Broken(broken)) => {
                    self.tell(broken.to_string());
                    self.broken.push(&Invalid::from(&broken)).map_err(writing(&invalid_list(&take.list)))?;
                }
                Err(Problem::Unreadable(reason)) if take.torn == OnTorn::TakeBefore => self.tell(reason.to_string()),
                Err(Problem::Unreadable(reason)) => {
                    self.sort(take, host)?;
                    return Err(TakeError::Torn { reason, before: self.items.items() });
                }
            }
            if self.waiting.len() == BATCH {
                self.sort(take, host)?;
            }
        }
        self.sort(take, host)?;
        Ok((self.duplicate, self.shortened, std::mem::take(&mut self.told)))
    }

    fn tell(&mut self, reason: String) {
        if self.told.len() < TOLD {
            self.told.push(reason);
        }
    }

    /// Write those of the waiting items that are new.
    fn sort(&mut self, take: &Take, host: &Handle) -> Result<(), TakeError> {
        let keys: Vec<String> = self.waiting.iter().map(|entry| canonical(&entry.url)).collect();
        let new = host.block_on(self.seen.are_new(keys.iter().map(String::as_str)))?;
        for (entry, is_new) in self.waiting.drain(..).zip(new) {
            if is_new {
                self.shortened += u64::from(!entry.lost.is_empty());
                self.items.push(&Item::from(entry)).map_err(writing(&take.list))?;
            } else {
                self.duplicate += 1;
            }
        }
        Ok(())
    }
}

/// What an earlier try at an import of this number left; it is not on record.
fn clear(list: &Path) {
    // It may not be there.
    let _ = std::fs::remove_file(invalid_list(list));
}

/// Take a folder in. It blocks.
///
/// # Errors
/// See [`TakeError`]; then nothing is left.
pub fn folder(take: &Take, extensions: &[String]) -> Result<Taken, TakeError> {
    clear(&take.list);
    let Found { files, unnameable, other, unreadable } = look(&take.from, extensions);
    if files.is_empty() && unnameable == 0 {
        return Err(TakeError::Empty { what: "file with one of the endings", reason: None });
    }
    if take.broken == OnBroken::Refuse && unnameable > 0 {
        return Err(TakeError::Broken(format!("{unnameable} files have names that are not UTF-8")));
    }
    let mut items = Draft::new(&take.list).map_err(writing(&take.list))?;
    for path in files {
        items.push(&Item::File { path }).map_err(writing(&take.list))?;
    }
    let written = sampled(take, items.finish().map_err(writing(&take.list))?)?;
    Ok(Taken { written, duplicate: 0, invalid: unnameable, shortened: 0, left_out: other, unreadable })
}

/// The list with only so many of its items, evenly spaced.
fn sampled(take: &Take, whole: Written) -> Result<Written, TakeError> {
    let Some(wanted) = take.sample.filter(|wanted| *wanted < whole.items) else { return Ok(whole) };
    let positions: Vec<u64> = (0..wanted).map(|at| at * whole.items / wanted).collect();
    let kept = find(&take.list, whole.first, &positions).map_err(TakeError::Read)?;
    let mut items = Draft::new(&take.list).map_err(writing(&take.list))?;
    for item in kept.iter().flatten() {
        items.push(item).map_err(writing(&take.list))?;
    }
    items.finish().map_err(writing(&take.list))
}

/// What could not be imported, behind so many that were told: at most so many.
///
/// # Errors
/// The list of them cannot be read.
pub fn invalid(list: &Path, skip: u64, limit: usize) -> io::Result<Vec<Invalid>> {
    let file = match File::open(invalid_list(list)) {
        Ok(file) => file,
        // A folder's unnameable files are counted and have no names to tell.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let reader = BufReader::new(file);
    let mut found = Vec::new();
    let lines = io::BufRead::lines(reader).skip(1 + usize::try_from(skip).unwrap_or(usize::MAX)).take(limit);
    for line in lines {
        let line = line?;
        let text = line.trim_end().trim_end_matches(',');
        if text != "]" {
            found.push(serde_json::from_str(text)?);
        }
    }
    Ok(found)
}
