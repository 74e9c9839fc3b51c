//! What the columns of a CSV list mean.
//!
//! - **Pocket** `title,url,time_added,tags,status`, tags parted by `|`, seconds: as
//!   Karakeep's `parsers.ts` and Pocket's exports of 2025 have it.
//! - **Instapaper** `URL,Title,Selection,Folder,Timestamp[,Tags]`, tags as a JSON
//!   array, seconds; Karakeep's `parsers.ts`. The folders `Unread`, `Archive` and
//!   `Starred` are states; another one is a tag. The selection is the note.
//! - **Readwise Reader** `Title,URL,ID,Document tags,Saved date,Reading progress,
//!   Location,Seen`, tags as Python writes a list; Linkwarden's
//!   `importFromReadwise.ts`.
//! - **CSV** finds its columns by the names below, in any order and case; whatever
//!   else there is, is left alone. Tags are parted by `|`, else by `;`, else by
//!   commas, unless they are a JSON or Python list; a folder is one tag, or one for
//!   each name of a path with `/`.
//!
//! Columns are found by their names for every form, so that one more of them, or
//! another order, does no harm.

use super::Format;

const URL: &[&str] = &["url", "link", "href", "address", "uri"];
const TITLE: &[&str] = &["title", "name"];
const TAGS: &[&str] = &["tags", "labels", "document tags", "tag", "label"];
const FOLDER: &[&str] = &["folder", "collection"];
const ADDED: &[&str] = &[
    "added",
    "added_at",
    "time_added",
    "created",
    "created_at",
    "date",
    "date_added",
    "timestamp",
    "saved",
    "saved_at",
    "saved date",
];
const NOTE: &[&str] = &["note", "notes", "description", "selection", "comment"];

/// Folders of Instapaper that say how far one is, not what it is about.
const STATES: [&str; 3] = ["unread", "archive", "starred"];

/// Where what stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    format: Format,
    pub(super) url: usize,
    pub(super) title: Option<usize>,
    tags: Option<usize>,
    folder: Option<usize>,
    pub(super) added: Option<usize>,
    pub(super) note: Option<usize>,
}

impl Columns {
    /// The columns of a header; nothing when none holds the address.
    pub(super) fn find(format: Format, header: &[&str]) -> Option<Self> {
        let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        // The first of the names wins, not the first of the columns.
        let find = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|column| column == name));
        Some(Self {
            format,
            url: find(URL)?,
            title: find(TITLE),
            tags: find(TAGS),
            folder: find(FOLDER),
            added: find(ADDED),
            note: find(NOTE),
        })
    }

    /// The tags of a row.
    pub(super) fn tags(&self, row: &[&str]) -> Vec<String> {
        let cell = |column: Option<usize>| column.and_then(|at| row.get(at)).map_or("", |text| text.trim());
        let (folder, tags) = (cell(self.folder), cell(self.tags));
        let is_state = self.format == Format::Instapaper && STATES.contains(&folder.to_lowercase().as_str());
        let folders = folder.split('/').filter(|_| !is_state).map(str::to_owned);
        let tags = match self.format {
            Format::Pocket => tags.split('|').map(str::to_owned).collect(),
            _ => listed(tags).unwrap_or_else(|| parted(tags)),
        };
        folders.chain(tags).filter(|tag| !tag.trim().is_empty()).collect()
    }
}

fn parted(tags: &str) -> Vec<String> {
    let parts = ['|', ';'].into_iter().find(|mark| tags.contains(*mark)).unwrap_or(',');
    tags.split(parts).map(str::to_owned).collect()
}

/// The tags of a list as JSON or Python writes it; nothing when it is none.
fn listed(text: &str) -> Option<Vec<String>> {
    if let Ok(tags) = serde_json::from_str(text) {
        return Some(tags);
    }
    let mut rest = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
        let (tag, behind) = quoted(&rest[1..], quote)?;
        tags.push(tag);
        rest = behind.trim_start();
        rest = if rest.is_empty() { rest } else { rest.strip_prefix(',')?.trim_start() };
    }
    Some(tags)
}

/// What stands before the quote that ends it, and what behind.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Some((inner, &text[at + 1..])),
            '\\' => inner.push(match letters.next()?.1 {
                'n' | 'r' | 't' => ' ',
                other => other,
            }),
            _ => inner.push(letter),
        }
    }
    None
}

/// What parts the columns of this first line, and the form that has such a header.
pub(super) fn header(line: &str) -> Option<(u8, Format)> {
    b",;\t".iter().find_map(|mark| {
        let names: Vec<String> =
            line.split(char::from(*mark)).map(|name| name.trim().trim_matches('"').to_lowercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Columns::find(Format::Csv, &names)?;
        let has = |wanted: &[&str]| wanted.iter().all(|name| names.contains(name));
        let format = if has(&["title", "time_added", "tags", "status"]) {
            Format::Pocket
        } else if has(&["title", "selection", "folder", "timestamp"]) {
            Format::Instapaper
        } else if has(&["title", "document tags", "saved date"]) {
            Format::Readwise
        } else {
            Format::Csv
        };
        Some((*mark, format))
    })
}
