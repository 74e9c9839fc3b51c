//! Lists of imports on the disk: made whole or not at all, and read from any offset.
//!
//! A list is a JSON array with one item a line, so it is valid JSON and can be read from
//! a saved offset. It is written beside its name, fsynced, and named before the import
//! is on record. What it cannot promise: that nobody edits it; a line that is no item
//! any more ends the import as `failed`.

use crate::rules::list::Item;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Before the first item.
const HEAD: &str = "[\n";
/// Bytes of one line of a list at most: 1 MiB.
const MAX_LINE: u64 = 1 << 20;

/// A list that is being written.
pub struct Draft {
    out: BufWriter<File>,
    path: PathBuf,
    items: u64,
}

/// A list as it lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its items.
    pub items: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Where its first item begins.
    pub first: u64,
}

impl Draft {
    /// Begin the list that is to have this name.
    ///
    /// # Errors
    /// The file system said no.
    pub fn new(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(draft(path))?);
        out.write_all(HEAD.as_bytes())?;
        Ok(Self { out, path: path.to_owned(), items: 0 })
    }

    /// One item more.
    ///
    /// # Errors
    /// The file system said no.
    pub fn push<T: Serialize>(&mut self, item: &T) -> io::Result<()> {
        if self.items > 0 {
            self.out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut self.out, item)?;
        self.items += 1;
        Ok(())
    }

    /// How many items it has.
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// It is whole: put it on the disk under its name.
    ///
    /// # Errors
    /// The file system said no.
    pub fn finish(mut self) -> io::Result<Written> {
        self.out.write_all(if self.items > 0 { b"\n]\n" } else { b"]\n" })?;
        let file = self.out.into_inner()?;
        file.sync_all()?;
        std::fs::rename(draft(&self.path), &self.path)?;
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        Ok(Written { items: self.items, bytes: file.metadata()?.len(), first: HEAD.len() as u64 })
    }

    /// It is not wanted.
    pub fn drop_it(self) {
        // It is not named, so nobody reads it, and the next one takes its place.
        let _ = std::fs::remove_file(draft(&self.path));
    }
}

fn draft(path: &Path) -> PathBuf {
    path.with_extension("draft")
}

/// One item of a list, with where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The item.
    pub item: Item,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Where the next one begins; the length of the list behind the last one.
    pub stop: u64,
    /// Its number in the list, from 0.
    pub position: u64,
}

/// A list that is read from an offset on.
pub struct Lines {
    reader: BufReader<File>,
    bytes: u64,
    at: u64,
    position: u64,
    text: String,
}

impl Lines {
    /// Read a list from the item that begins here and has this number.
    ///
    /// # Errors
    /// The file system said no.
    pub fn from(list: &Path, at: u64, position: u64) -> io::Result<Self> {
        let mut file = File::open(list)?;
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { reader: BufReader::new(file), bytes, at, position, text: String::new() })
    }

    /// The next line, if it may hold this; none at the end of the list. A line that
    /// does not is passed over without being read as an item.
    ///
    /// # Errors
    /// The file system said no, or the line is no item.
    pub fn next_with(&mut self, part: &[u8]) -> io::Result<Option<Line>> {
        loop {
            let start = self.at;
            self.text.clear();
            self.at += Read::take(&mut self.reader, MAX_LINE).read_line(&mut self.text)? as u64;
            let text = self.text.trim_end().trim_end_matches(',');
            if text == "]" {
                return Ok(None);
            }
            let position = self.position;
            self.position += 1;
            if memchr::memmem::find(text.as_bytes(), part).is_none() {
                if text.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            let item = serde_json::from_str(text)?;
            let is_last = Read::take(&mut self.reader, 2).fill_buf()?.starts_with(b"]");
            let stop = if is_last { self.bytes } else { self.at };
            return Ok(Some(Line { item, start, stop, position }));
        }
    }

    /// Whether this was the last item.
    pub const fn is_end(&self, line: &Line) -> bool {
        line.stop == self.bytes
    }

    /// The next item; none at the end of the list.
    ///
    /// # Errors
    /// As for [`Self::next_with`].
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        self.next_with(b"")
    }
}

/// The lines of these items, which are in order: what of each a people's list wants.
///
/// # Errors
/// The file system said no, or the list is damaged.
pub fn find(list: &Path, first: u64, positions: &[u64]) -> io::Result<Vec<Option<Item>>> {
    let mut lines = BufReader::new(File::open(list)?);
    lines.seek(SeekFrom::Start(first))?;
    let mut found = Vec::with_capacity(positions.len());
    let (mut next, mut text) = (0, String::new());
    for wanted in positions {
        while next <= *wanted {
            text.clear();
            if Read::take(&mut lines, MAX_LINE).read_line(&mut text)? == 0 {
                break;
            }
            next += 1;
        }
        let is_there = next == *wanted + 1;
        let item = serde_json::from_str(text.trim_end().trim_end_matches(','));
        found.push(item.ok().filter(|_| is_there));
    }
    Ok(found)
}
