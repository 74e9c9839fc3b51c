//! Markup as tags and text, within limits: for bookmarks and for outlines.
//!
//! The tokenizer is `html5gum`, which follows the HTML standard and so reads what no
//! XML reader takes: tags that are not closed, attributes without quotes, a bare `&`.
//! Outlines are XML, and for the tags and attributes of well-formed XML both say the
//! same, but that names become small letters and that entities which a document
//! defines itself are not known (so they cannot blow up either). It gives its parts
//! to [`Parts`], which keeps of a tag only what the lists need, and of that and of
//! a text at most [`MAX_ITEM`] bytes.

use super::bytes::Bytes;
use super::{MAX_ITEM, Why};
use html5gum::emitters::Emitter;
use html5gum::{Error, State, Tokenizer};
use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Attributes that lists need.
const WANTED: [&str; 18] = [
    "_note",
    "add_date",
    "category",
    "created",
    "description",
    "href",
    "htmlurl",
    "note",
    "personal_toolbar_folder",
    "tags",
    "text",
    "time_added",
    "title",
    "type",
    "unfiled_bookmarks_folder",
    "url",
    "xmlurl",
    "id",
];
/// Bytes of the name of a tag or an attribute that are kept; none of those that
/// matter is longer.
const MAX_NAME: usize = 32;

/// A part of markup.
#[derive(Debug)]
pub(super) enum Part {
    Start(Tag),
    End(String),
    Text(Vec<u8>),
    /// It ended, and where.
    Eof(Ending),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    BetweenTags,
    InTag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Its end tag follows.
    Later,
    /// It ends with itself: `<outline/>`.
    Itself,
}

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    /// Where it begins.
    pub(super) line: u64,
    pub(super) closing: Closing,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
    is_too_large: bool,
}

impl Tag {
    /// An attribute; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> Result<&str, Why> {
        let value = self.attributes.iter().find(|(key, _)| key == name.as_bytes());
        value.map_or(Ok(""), |(_, value)| std::str::from_utf8(value).map_err(|_| Why::NotUtf8))
    }

    /// The first of these attributes that says something.
    pub(super) fn first(&self, names: &[&str]) -> Result<&str, Why> {
        names.iter().map(|name| self.get(name)).find(|value| *value != Ok("")).unwrap_or(Ok(""))
    }

    /// Whether it has the attribute, whatever it says.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(key, _)| key == name.as_bytes())
    }

    /// That it is not too large.
    pub(super) const fn check(&self) -> Result<(), Why> {
        if self.is_too_large { Err(Why::TooLarge) } else { Ok(()) }
    }
}

/// Markup, part by part.
pub(super) struct Markup<R: BufRead>(Tokenizer<Bytes<R>, Parts>);

impl<R: BufRead> Markup<R> {
    pub(super) fn new(input: R) -> Self {
        let lines = Arc::new(AtomicU64::new(1));
        let bytes = Bytes::new(input, Arc::clone(&lines));
        Self(Tokenizer::new_with_emitter(bytes, Parts::new(lines)))
    }

    /// The next part; the last one is the end.
    pub(super) fn part(&mut self) -> io::Result<Part> {
        self.0.next().unwrap_or(Ok(Part::Eof(Ending::BetweenTags)))
    }
}

/// What the tokenizer says, as parts.
struct Parts {
    ready: VecDeque<Part>,
    text: Vec<u8>,
    name: Vec<u8>,
    kind: Kind,
    tag: Tag,
    /// The attribute that is being read.
    attribute: Vec<u8>,
    /// Where its value goes.
    value: Value,
    kept: usize,
    ending: Ending,
    line: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// To the last attribute.
    Kept,
    /// Nowhere.
    Dropped,
}

impl Parts {
    fn new(line: Arc<AtomicU64>) -> Self {
        Self {
            ready: VecDeque::new(),
            text: Vec::new(),
            name: Vec::new(),
            kind: Kind::End,
            tag: blank(1),
            attribute: Vec::new(),
            value: Value::Dropped,
            kept: 0,
            ending: Ending::BetweenTags,
            line,
        }
    }

    fn flush(&mut self) {
        // A letter that the limit cuts in two is left out, not taken for no UTF-8.
        if self.text.len() == MAX_ITEM
            && let Err(error) = std::str::from_utf8(&self.text)
            && error.error_len().is_none()
        {
            self.text.truncate(error.valid_up_to());
        }
        if !self.text.is_empty() {
            self.ready.push_back(Part::Text(std::mem::take(&mut self.text)));
        }
    }

    fn begin(&mut self, kind: Kind) {
        self.flush();
        self.kind = kind;
        self.name.clear();
        self.kept = 0;
        self.tag = blank(self.line.load(Ordering::Relaxed));
        self.value = Value::Dropped;
    }
}

const fn blank(line: u64) -> Tag {
    Tag { name: String::new(), line, closing: Closing::Later, attributes: Vec::new(), is_too_large: false }
}

fn push(to: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let room = most.saturating_sub(to.len());
    to.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

impl Emitter for Parts {
    type Token = Part;

    fn set_last_start_tag(&mut self, _: Option<&[u8]>) {}

    fn emit_eof(&mut self) {
        self.flush();
        self.ready.push_back(Part::Eof(self.ending));
    }

    fn emit_error(&mut self, error: Error) {
        if matches!(error, Error::EofInTag | Error::EofInComment | Error::EofBeforeTagName) {
            self.ending = Ending::InTag;
        }
    }

    fn pop_token(&mut self) -> Option<Part> {
        self.ready.pop_front()
    }

    fn emit_string(&mut self, text: &[u8]) {
        push(&mut self.text, text, MAX_ITEM);
    }

    fn init_start_tag(&mut self) {
        self.begin(Kind::Start);
    }

    fn init_end_tag(&mut self) {
        self.begin(Kind::End);
    }

    fn init_comment(&mut self) {}

    /// No tag changes how what follows is read: the lists know no scripts, and an
    /// outline may have an empty `<title/>`.
    fn emit_current_tag(&mut self) -> Option<State> {
        let name = String::from_utf8_lossy(&self.name).into_owned();
        let part = match self.kind {
            Kind::Start => Part::Start(Tag { name, ..std::mem::replace(&mut self.tag, blank(1)) }),
            Kind::End => Part::End(name),
        };
        self.ready.push_back(part);
        None
    }

    fn emit_current_comment(&mut self) {}

    fn emit_current_doctype(&mut self) {}

    fn set_self_closing(&mut self) {
        self.tag.closing = Closing::Itself;
    }

    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, text: &[u8]) {
        push(&mut self.name, text, MAX_NAME);
    }

    fn push_comment(&mut self, _: &[u8]) {}

    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn init_doctype(&mut self) {
        self.flush();
    }

    fn init_attribute(&mut self) {
        self.attribute.clear();
        self.value = Value::Dropped;
    }

    /// Of two attributes of one name the first counts, as the HTML standard has it.
    fn init_attribute_value(&mut self) {
        let is_wanted = WANTED.iter().any(|name| name.as_bytes() == self.attribute);
        if is_wanted && !self.tag.attributes.iter().any(|(name, _)| *name == self.attribute) {
            self.tag.attributes.push((std::mem::take(&mut self.attribute), Vec::new()));
            self.value = Value::Kept;
        }
    }

    fn push_attribute_name(&mut self, text: &[u8]) {
        push(&mut self.attribute, text, MAX_NAME);
    }

    fn push_attribute_value(&mut self, text: &[u8]) {
        let Some((_, value)) = self.tag.attributes.last_mut().filter(|_| self.value == Value::Kept) else {
            return;
        };
        if self.kept + text.len() > MAX_ITEM {
            self.tag.is_too_large = true;
            self.value = Value::Dropped;
            return;
        }
        self.kept += text.len();
        value.extend_from_slice(text);
    }

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        false
    }
}
