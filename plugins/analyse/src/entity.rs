//! What can be told by its form: web addresses and their hosts, e-mail addresses, and dates as ISO 8601 writes them.
//!
//! Links of the document count as well as addresses in its text. Names of people and places are left out: capital
//! letters alone do not tell them from titles, headings and German nouns.

use capstan_text::Document;
use linkify::{LinkFinder, LinkKind};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// How many of each sort are given at most; those that come most often.
pub const MOST: usize = 100;

/// The length of a date, as in `2024-02-29`.
const DATE: usize = 10;

/// What was found by its form; the most frequent first, 100 of each at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entities {
    /// Addresses of the web.
    pub urls: Vec<Entity>,
    /// Their hosts.
    pub domains: Vec<Entity>,
    /// E-mail addresses.
    pub emails: Vec<Entity>,
    /// Days that exist.
    pub dates: Vec<Entity>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entity {
    /// As it is written, hosts in lower case.
    pub text: String,
    /// How often it comes.
    pub count: usize,
    /// Where it comes first, in bytes of `document.md`.
    pub offset: usize,
}

/// Finds what can be told by its form in the content of a document.
pub(crate) fn entities(document: &Document) -> Entities {
    let (mut urls, mut domains, mut emails, mut dates) = Default::default();
    let start = document.file().len() - document.body().len();
    for span in LinkFinder::new().spans(document.body()) {
        let offset = start + span.start();
        match span.kind() {
            Some(LinkKind::Url) => {
                note(&mut urls, span.as_str().to_owned(), offset);
                if let Some(host) = Url::parse(span.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned)) {
                    note(&mut domains, host, offset);
                }
            }
            Some(LinkKind::Email) => note(&mut emails, span.as_str().to_owned(), offset),
            _ => days(span.as_str()).for_each(|(at, day)| note(&mut dates, day.to_owned(), offset + at)),
        }
    }
    Entities { urls: most(urls), domains: most(domains), emails: most(emails), dates: most(dates) }
}

type Found = FxHashMap<String, (usize, usize)>;

fn note(found: &mut Found, text: String, offset: usize) {
    found.entry(text).or_insert((0, offset)).0 += 1;
}

fn most(found: Found) -> Vec<Entity> {
    let mut entities: Vec<_> =
        found.into_iter().map(|(text, (count, offset))| Entity { text, count, offset }).collect();
    entities.sort_by(|a, b| (b.count, a.offset, &a.text).cmp(&(a.count, b.offset, &b.text)));
    entities.truncate(MOST);
    entities
}

/// The days in a text, with where they stand. What goes on in digits or letters is none, but for the time behind a `T`.
fn days(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let bytes = text.as_bytes();
    text.match_indices('-').filter_map(move |(dash, _)| {
        let start = dash.checked_sub(4)?;
        let day = text.get(start..start + DATE)?;
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        let behind = bytes.get(start + DATE).filter(|byte| **byte != b'T');
        let is_alone = !before.is_some_and(is_inner) && !behind.is_some_and(is_inner);
        (is_alone && day.parse::<jiff::civil::Date>().is_ok()).then_some((start, day))
    })
}
