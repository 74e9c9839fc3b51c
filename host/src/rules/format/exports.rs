//! Lists that are JSON documents.
//!
//! - **JSON**: an array of URLs and of objects with a `url` (`href`, `link`) and,
//!   when known, a `title` (`name`), `tags` (`labels`; texts, objects with `name`, or
//!   one text with commas), a date (`added_at`, `created_at`, `savedAt` and the like)
//!   and a `note` (`notes`, `description`).
//! - **Karakeep**: `{"bookmarks": [{"createdAt": seconds, "title", "tags": […],
//!   "content": {"type": "link", "url"}, "note"}], "lists": […]}`; its
//!   `packages/shared/import-export/exporters.ts`. The lists stand behind the
//!   bookmarks, so their names are not known when a bookmark is read: they are left
//!   out. A bookmark that is a text has no URL and is broken.
//! - **Linkwarden**: `{…, "collections": [{"name", "links": [{"url", "name",
//!   "description", "tags": [{"name"}], "importDate", "createdAt"}]}]}`; its
//!   `migration/exportData.ts` and `importFromLinkwarden.ts`. The collection is a
//!   tag, but for the one that holds what is in none (`Unorganized`).
//! - **Omnivore**: `[{"title", "description", "url", "labels": […], "savedAt"}]`; its
//!   `packages/api/src/jobs/export.ts`. The description is what the page says about
//!   itself, so it is no note.

use super::draft::{Draft, excerpt};
use super::json::{Json, Piece};
use super::{Broken, Format, Place, Problem, Unreadable, Why};
use serde_json::{Map, Value};
use std::io::BufRead;

/// What holds the items of a form, from the outside in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// An array, of which every element is looked at.
    Array,
    /// An object, of which this field is looked at.
    Field(&'static str),
}

const LIST: &[Level] = &[Level::Array];
const BOOKMARKS: &[Level] = &[Level::Field("bookmarks"), Level::Array];
const LINKS: &[Level] = &[Level::Field("collections"), Level::Array, Level::Field("links"), Level::Array];

/// The collection of Linkwarden for what is in none.
const UNORGANIZED: &str = "Unorganized";

/// What stands for what in the objects of a form; of several the first that is there.
struct Names {
    url: &'static [&'static str],
    title: &'static [&'static str],
    tags: &'static [&'static str],
    added: &'static [&'static str],
    note: &'static [&'static str],
}

const ANY: Names = Names {
    url: &["url", "href", "link"],
    title: &["title", "name"],
    tags: &["tags", "labels"],
    added: &[
        "added_at",
        "addedAt",
        "added",
        "created_at",
        "createdAt",
        "created",
        "saved_at",
        "savedAt",
        "time_added",
        "date",
        "time",
    ],
    note: &["note", "notes", "description"],
};
const KARAKEEP: Names =
    Names { url: &["content"], title: &["title"], tags: &["tags"], added: &["createdAt"], note: &["note"] };
const LINKWARDEN: Names = Names {
    url: &["url"],
    title: &["name"],
    tags: &["tags"],
    added: &["importDate", "createdAt"],
    note: &["description"],
};
const OMNIVORE: Names = Names { url: &["url"], title: &["title"], tags: &["labels"], added: &["savedAt"], note: &[] };

/// A list that is a JSON document.
pub(super) struct Export<R> {
    format: Format,
    json: Json<R>,
    /// How many levels are open, and whether something was read in each.
    open: Vec<Progress>,
    items: u64,
    /// The collection around the items.
    around: Option<String>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begun,
    Within,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was read.
    New,
    /// The outermost array was not seen.
    Outside,
    /// It was.
    Seen,
}

impl<R: BufRead> Export<R> {
    pub(super) const fn new(format: Format, input: R) -> Self {
        let json = Json::new(format, input);
        Self { format, json, open: Vec::new(), items: 0, around: None, state: State::New }
    }

    const fn levels(&self) -> &'static [Level] {
        match self.format {
            Format::Karakeep => BOOKMARKS,
            Format::Linkwarden => LINKS,
            _ => LIST,
        }
    }

    const fn names(&self) -> &'static Names {
        match self.format {
            Format::Karakeep => &KARAKEEP,
            Format::Linkwarden => &LINKWARDEN,
            Format::Omnivore => &OMNIVORE,
            _ => &ANY,
        }
    }

    /// Go on to the next item; nothing behind the last one.
    fn advance(&mut self) -> Result<Option<Piece>, Unreadable> {
        if self.state == State::New {
            self.state = State::Outside;
            self.enter()?;
        }
        while let Some(level) = self.open.len().checked_sub(1).map(|at| self.levels()[at]) {
            match level {
                Level::Array => {
                    if !self.goes_on(b']')? {
                        continue;
                    }
                    if self.open.len() == self.levels().len() {
                        return self.piece().map(Some);
                    }
                    self.enter_or_skip()?;
                }
                Level::Field(wanted) => {
                    if !self.goes_on(b'}')? {
                        continue;
                    }
                    match self.json.key()? {
                        key if key == wanted => self.enter_or_skip()?,
                        key if key == "name" && self.open.len() > 1 => self.around = self.json.text()?,
                        _ => self.json.skip()?,
                    }
                }
            }
        }
        match self.json.next_mark()? {
            None if self.state == State::Outside => {
                let missing = if self.format == Format::Karakeep { "array `bookmarks`" } else { "array `collections`" };
                Err(Unreadable::Shape { format: self.format, missing })
            }
            None => Ok(None),
            next => Err(self.json.stop(next, "end")),
        }
    }

    /// Whether the innermost level goes on; it is closed when not.
    fn goes_on(&mut self, end: u8) -> Result<bool, Unreadable> {
        if self.json.take(end)? {
            self.open.pop();
            return Ok(false);
        }
        match self.open.last_mut() {
            Some(progress @ Progress::Begun) => *progress = Progress::Within,
            _ => self.json.need(b',', "comma")?,
        }
        Ok(true)
    }

    /// Open the next level.
    fn enter(&mut self) -> Result<(), Unreadable> {
        match self.levels()[self.open.len()] {
            Level::Array => self.json.need(b'[', "`[`")?,
            Level::Field(_) => {
                self.json.need(b'{', "`{`")?;
                self.around = None;
            }
        }
        self.open.push(Progress::Begun);
        if self.open.len() == self.levels().len().min(2) {
            self.state = State::Seen;
        }
        Ok(())
    }

    fn enter_or_skip(&mut self) -> Result<(), Unreadable> {
        let wanted = match self.levels()[self.open.len()] {
            Level::Array => b'[',
            Level::Field(_) => b'{',
        };
        if self.json.next_mark()? == Some(wanted) { self.enter() } else { self.json.skip() }
    }

    fn piece(&mut self) -> Result<Piece, Unreadable> {
        self.items += 1;
        let Names { url, title, tags, added, note } = self.names();
        self.json.item(&[*url, title, tags, added, note].concat())
    }

    fn draft(&self, piece: &Piece) -> Result<Draft, Why> {
        if let Some(why) = &piece.flaw {
            return Err(why.clone());
        }
        let text = std::str::from_utf8(&piece.raw).map_err(|_| Why::NotUtf8)?;
        let value: Value = serde_json::from_str(text).map_err(|error| Why::Malformed(reason(&error)))?;
        let place = Place::Item(self.items);
        match value {
            Value::String(url) if self.format == Format::Json => Ok(Draft { url, ..Draft::at(place) }),
            Value::Object(fields) => Ok(self.object(&fields, place)),
            _ => Err(Why::NoUrl),
        }
    }

    fn object(&self, fields: &Map<String, Value>, place: Place) -> Draft {
        let names = self.names();
        let find = |names: &[&str]| names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()));
        let text = |names: &[&str]| find(names).and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = match self.format {
            Format::Karakeep => find(names.url).and_then(|content| content.get("url")?.as_str()).map(str::to_owned),
            _ => None,
        };
        let around = self.around.iter().filter(|name| *name != UNORGANIZED).cloned();
        Draft {
            url: url.unwrap_or_else(|| text(names.url)),
            title: text(names.title),
            tags: around.chain(find(names.tags).map(tags).unwrap_or_default()).collect(),
            added: find(names.added).map(date).unwrap_or_default(),
            note: text(names.note),
            ..Draft::at(place)
        }
    }
}

fn tags(value: &Value) -> Vec<String> {
    let name = |tag: &Value| tag.as_str().or_else(|| tag.get("name")?.as_str()).map(str::to_owned);
    match value {
        Value::Array(tags) => tags.iter().filter_map(name).collect(),
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn date(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // Some programs count with a fraction.
        Value::Number(number) => number.as_i64().map_or_else(
            || number.as_f64().map_or_else(String::new, |seconds| format!("{seconds:.0}")),
            |whole| whole.to_string(),
        ),
        other => other.to_string(),
    }
}

/// What the parser says, without the place, which is the one within the item.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

impl<R: BufRead> Iterator for Export<R> {
    type Item = Result<Draft, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = match self.advance() {
            Ok(piece) => piece?,
            Err(error) => return Some(Err(error.into())),
        };
        let place = Place::Item(self.items);
        let broken = |why| Problem::Broken(Broken { place, why, excerpt: excerpt(&piece.raw) });
        Some(self.draft(&piece).map_err(broken))
    }
}
