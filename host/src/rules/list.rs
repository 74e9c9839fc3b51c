//! The items of an import, as its list keeps them: one JSON object a line.

use super::format::{Entry, Place};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One item of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Item {
    /// A file.
    File {
        /// Relative to the imported folder.
        path: String,
    },
    /// A page of the web.
    Page(Page),
}

/// A page of the web, with what its owner kept about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its address, without fragment.
    pub url: String,
    /// Its title, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it was added (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_at: Option<i64>,
    /// A note, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Where it stood in what was imported.
    #[serde(flatten)]
    pub at: At,
}

/// Where an item stood in what was imported; from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct At {
    /// Its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Its number, in a form that has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

impl From<Place> for At {
    fn from(place: Place) -> Self {
        match place {
            Place::Line(line) => Self { line: Some(line), number: None },
            Place::Item(number) => Self { line: None, number: Some(number) },
        }
    }
}

impl From<Entry> for Item {
    fn from(entry: Entry) -> Self {
        let Entry { url, title, tags, added_at, note, place, lost: _ } = entry;
        Self::Page(Page { url, title, tags, added_at, note, at: place.into() })
    }
}

impl Item {
    /// What the job of it carries: what is known of the item, but not where it stood.
    pub fn payload(&self) -> Value {
        match self {
            Self::File { path } => serde_json::json!({ "path": path }),
            Self::Page(page) => {
                let mut payload = Map::new();
                payload.insert("url".to_owned(), page.url.clone().into());
                let mut add = |name: &str, value: Option<Value>| {
                    value.map(|value| payload.insert(name.to_owned(), value));
                };
                let said = |text: &str| (!text.is_empty()).then(|| text.into());
                add("title", said(&page.title));
                add("tags", (!page.tags.is_empty()).then(|| page.tags.clone().into()));
                add("added_at", page.added_at.map(Value::from));
                add("note", said(&page.note));
                payload.into()
            }
        }
    }
}

/// An item that could not be imported, as the list of them keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// Where it stood.
    #[serde(flatten)]
    pub at: At,
    /// Why.
    pub message: String,
    /// Its beginning, with what may be a password left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}

impl From<&super::format::Broken> for Invalid {
    fn from(broken: &super::format::Broken) -> Self {
        Self { at: broken.place.into(), message: broken.why.to_string(), excerpt: broken.excerpt.clone() }
    }
}
