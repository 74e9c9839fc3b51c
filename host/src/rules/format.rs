//! The forms in which a list of pages comes: what programs export and people write.
//!
//! Bytes go in, entries come out, one after the other. A list is never held as a
//! whole: [`read`] takes from its reader what the next entry needs and keeps at most
//! [`MAX_ITEM`] bytes of it, so a list of a million items, or of 100 MB on one line,
//! costs the same memory as a short one. What an entry does not need (icons, the
//! text of pages, highlights) is read over and not kept.
//!
//! There are two kinds of trouble. An item that cannot be imported is [`Broken`]: it
//! is given with its place and the reason, and the next one is read. A list that
//! cannot be read on is [`Unreadable`]: the entries before are given first, then the
//! error, then nothing. A list that ends in the middle is unreadable too, since
//! nobody knows what is missing; who wants the part before has it.
//!
//! # What it cannot promise
//! A byte that is no UTF-8 in what is read over goes unnoticed. A stray quote in a
//! CSV file takes the lines up to the next one with it, or [`MAX_ITEM`] bytes; in
//! JSON and in markup it may cost the rest of the list. What is broken inside a list
//! without lines is told by the number of the item, which counts the broken ones.

use std::fmt;
use std::io::BufRead;

mod address;
mod bytes;
mod columns;
mod date;
mod decode;
mod detect;
mod draft;
mod exports;
mod json;
mod lines;
mod markup;
mod netscape;
mod opml;
mod problem;
mod table;

pub use address::{canonical, page};
pub use detect::detect;
pub use problem::{Broken, Lost, Problem, Unreadable, Why};

use draft::Draft;

/// Bytes that are kept of one item at most: 64 KiB. A larger one is broken.
pub const MAX_ITEM: usize = 64 << 10;
/// How deep folders, outlines and JSON values lie in each other at most; what lies
/// deeper is broken.
pub const MAX_DEPTH: usize = 256;
/// Letters of a title at most; the rest is cut.
pub const MAX_TITLE: usize = 1_000;
/// Letters of a tag at most; the rest is cut.
pub const MAX_TAG: usize = 200;
/// Tags of an item at most; more are left out.
pub const MAX_TAGS: usize = 100;
/// Letters of a note at most; the rest is cut.
pub const MAX_NOTE: usize = 10_000;
/// Letters of an excerpt at most.
pub const MAX_EXCERPT: usize = 200;
/// Columns of a CSV file at most; a line with more is broken.
pub const MAX_COLUMNS: usize = 256;
/// Bytes from the beginning of a list that [`detect`] looks at; more changes nothing.
pub const HEAD: usize = 8 << 10;

/// A form of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A URL a line; empty lines and those that begin with `#` are left out.
    Urls,
    /// A JSON array of URLs and of objects.
    Json,
    /// CSV with a header that names its columns.
    Csv,
    /// Bookmarks as browsers export them.
    Netscape,
    /// The export of Karakeep (Hoarder).
    Karakeep,
    /// The export of Linkwarden.
    Linkwarden,
    /// `metadata_….json` of an Omnivore export.
    Omnivore,
    /// `part_….csv` of a Pocket export.
    Pocket,
    /// The CSV export of Instapaper.
    Instapaper,
    /// The CSV export of Readwise Reader.
    Readwise,
    /// The text export of OneTab: `URL | title`.
    OneTab,
    /// Outlines: subscriptions and links.
    Opml,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 12] = [
        Self::Urls,
        Self::Json,
        Self::Csv,
        Self::Netscape,
        Self::Karakeep,
        Self::Linkwarden,
        Self::Omnivore,
        Self::Pocket,
        Self::Instapaper,
        Self::Readwise,
        Self::OneTab,
        Self::Opml,
    ];

    /// The name on the command line, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urls => "urls",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Netscape => "netscape",
            Self::Karakeep => "karakeep",
            Self::Linkwarden => "linkwarden",
            Self::Omnivore => "omnivore",
            Self::Pocket => "pocket",
            Self::Instapaper => "instapaper",
            Self::Readwise => "readwise",
            Self::OneTab => "onetab",
            Self::Opml => "opml",
        }
    }

    /// The form of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an item stands in its list; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It begins in this line.
    Line(u64),
    /// It is the item of this number, for JSON, which need not have lines.
    Item(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// A page that a list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its address as the URL standard writes it, without fragment. Two addresses
    /// of one page are compared by [`canonical`].
    pub url: String,
    /// Its title in one line, or empty.
    pub title: String,
    /// Its tags, each once: first the folders that it lies in, the outermost first.
    pub tags: Vec<String>,
    /// When it was added: milliseconds since 1970 in UTC.
    pub added_at: Option<i64>,
    /// What its owner noted, or empty.
    pub note: String,
    /// Where it stands.
    pub place: Place,
    /// What of it could not be kept.
    pub lost: Vec<Lost>,
}

/// The entries of a list, in order.
pub struct Entries<'a> {
    drafts: Option<Drafts<'a>>,
}

/// What the reader of a form gives: items that are not yet looked at.
type Drafts<'a> = Box<dyn Iterator<Item = Result<Draft, Problem>> + Send + 'a>;

impl Iterator for Entries<'_> {
    type Item = Result<Entry, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.drafts.as_mut()?.next();
        if matches!(next, None | Some(Err(Problem::Unreadable(_)))) {
            self.drafts = None;
        }
        Some(next?.and_then(|draft| draft.entry().map_err(Problem::Broken)))
    }
}

/// Read a list of this form.
///
/// It is read as UTF-8, as UTF-16 when it begins with the mark of it, and markup
/// also in the encoding that it declares; nothing is guessed.
pub fn read<'a>(format: Format, input: impl BufRead + Send + 'a) -> Entries<'a> {
    let drafts = match decode::utf8(format, input) {
        Ok(input) => drafts(format, input),
        Err(error) => Box::new(std::iter::once(Err(error.into()))),
    };
    Entries { drafts: Some(drafts) }
}

fn drafts<'a>(format: Format, input: impl BufRead + Send + 'a) -> Drafts<'a> {
    match format {
        Format::Urls => Box::new(lines::Lines::new(input, lines::url)),
        Format::OneTab => Box::new(lines::Lines::new(input, lines::tab)),
        Format::Csv | Format::Pocket | Format::Instapaper | Format::Readwise => {
            Box::new(table::Table::new(format, input))
        }
        Format::Json | Format::Karakeep | Format::Linkwarden | Format::Omnivore => {
            Box::new(exports::Export::new(format, input))
        }
        Format::Netscape => Box::new(netscape::Netscape::new(input)),
        Format::Opml => Box::new(opml::Opml::new(input)),
    }
}
