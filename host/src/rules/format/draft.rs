//! An item as its list has it, and what becomes of it within the limits.

use super::date::{Added, added};
use super::{Broken, Entry, Lost, MAX_EXCERPT, MAX_NOTE, MAX_TAG, MAX_TAGS, MAX_TITLE, Place, address};

/// An item as its list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) url: String,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) added: String,
    pub(super) note: String,
    pub(super) place: Place,
    /// What was lost before.
    pub(super) lost: Vec<Lost>,
}

impl Draft {
    /// Nothing but its place.
    pub(super) const fn at(place: Place) -> Self {
        Self {
            url: String::new(),
            title: String::new(),
            tags: Vec::new(),
            added: String::new(),
            note: String::new(),
            place,
            lost: Vec::new(),
        }
    }

    /// The entry that it makes.
    pub(super) fn entry(self) -> Result<Entry, Broken> {
        let Self { url, title, tags, added: date, note, place, mut lost } = self;
        let url = address::page(&url).map_err(|why| Broken { place, why, excerpt: excerpt(url.as_bytes()) })?;
        let title = cut(&in_one_line(&title), MAX_TITLE, Lost::Title, &mut lost);
        let tags = tidy(tags, &mut lost);
        let note = cut(note.trim(), MAX_NOTE, Lost::Note, &mut lost);
        let added_at = match added(&date) {
            Added::Never => None,
            Added::At(time) => Some(time),
            Added::Unknown => {
                lost.push(Lost::Date);
                None
            }
        };
        lost.dedup();
        Ok(Entry { url, title, tags, added_at, note, place, lost })
    }
}

/// A text with single spaces for whatever white space it has.
pub(super) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tidy(tags: Vec<String>, lost: &mut Vec<Lost>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = cut(&in_one_line(&tag), MAX_TAG, Lost::Tag, lost);
        if tag.is_empty() || kept.contains(&tag) {
            continue;
        }
        if kept.len() == MAX_TAGS {
            lost.push(Lost::Tags);
            break;
        }
        kept.push(tag);
    }
    kept
}

fn cut(text: &str, letters: usize, what: Lost, lost: &mut Vec<Lost>) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => {
            lost.push(what);
            text[..end].trim_end().to_owned()
        }
        None => text.to_owned(),
    }
}

/// The beginning of something broken, in one line; what stands before an `@` in an
/// address may be a password and is left out.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    // A letter has four bytes at most, and those of a password may come on top.
    let start = &bytes[..bytes.len().min(8 * MAX_EXCERPT)];
    let text = in_one_line(&String::from_utf8_lossy(start));
    let mut safe = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        let host = behind.find(['/', '?', '#', ' ', '"', '\\', '<', '>']).unwrap_or(behind.len());
        let login = behind[..host].rfind('@');
        if let Some(at) = login {
            safe.push('…');
            rest = &behind[at..];
        } else if host == behind.len() && bytes.len() > start.len() {
            // Its end is not here: it may be a long password.
            rest = "";
        } else {
            rest = behind;
        }
    }
    safe.push_str(rest);
    safe.chars().take(MAX_EXCERPT).collect()
}
