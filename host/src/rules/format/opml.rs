//! Outlines: OPML 1.0 and 2.0, as feed readers and outliners write them.
//!
//! An outline with an address is an item: its `url` (of a link), or else `htmlUrl`
//! (the page of a feed), or else `xmlUrl` (the feed itself). The outlines around it
//! are its tags, and so are the parts of its `category`, which names several with
//! commas and begins a path with a slash. `created` is a date of RFC 822; a note is
//! `_note` or `description`. That is OPML 2.0
//! as it is generally known, and `_note` as outliners write it; the specification is at
//! <http://opml.org/spec2.opml> and was not at hand. An outline without address is a folder or a text of
//! an outliner, and no item, unless it says that it is a link or a feed: then it is
//! broken.

use super::draft::{Draft, excerpt, in_one_line};
use super::markup::{Closing, Ending, Markup, Part, Tag};
use super::netscape::{Folder, Folders};
use super::{Broken, Format, Lost, MAX_TAG, Place, Problem, Unreadable, Why};
use std::io::BufRead;

const ADDRESS: &[&str] = &["url", "htmlurl", "xmlurl"];
const NAME: &[&str] = &["title", "text"];

/// Outlines.
pub(super) struct Opml<R: BufRead> {
    markup: Markup<R>,
    around: Folders,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No `<opml>` so far.
    Before,
    Within,
    /// Behind `</opml>`.
    Behind,
    Ended,
}

impl<R: BufRead> Opml<R> {
    pub(super) fn new(input: R) -> Self {
        Self { markup: Markup::new(input), around: Folders::default(), state: State::Before }
    }

    fn take(&mut self, part: Part) -> Option<Result<Draft, Problem>> {
        match (self.state, part) {
            (_, Part::Eof(ending)) => self.eof(ending).map(|error| Err(error.into())),
            (State::Before, Part::Start(tag)) if tag.name == "opml" => {
                self.state = State::Within;
                None
            }
            (State::Within, Part::Start(tag)) if tag.name == "outline" => {
                let item = is_item(&tag).then(|| self.item(&tag).map_err(Problem::Broken));
                if tag.closing == Closing::Later {
                    self.around.open(folder(&tag));
                }
                item
            }
            (State::Within, Part::End(name)) => {
                match name.as_str() {
                    "outline" => self.around.close(),
                    "opml" => self.state = State::Behind,
                    _ => {}
                }
                None
            }
            _ => None,
        }
    }

    fn eof(&mut self, ending: Ending) -> Option<Unreadable> {
        match (std::mem::replace(&mut self.state, State::Ended), ending) {
            (State::Before, _) => Some(Unreadable::Shape { format: Format::Opml, missing: "`<opml>`" }),
            (State::Within, Ending::InTag) => Some(Unreadable::Truncated("a tag")),
            (State::Within, Ending::BetweenTags) => Some(Unreadable::Truncated("the outlines")),
            _ => None,
        }
    }

    fn item(&self, tag: &Tag) -> Result<Draft, Broken> {
        let place = Place::Line(tag.line);
        let draft = || -> Result<Draft, Why> {
            self.around.check().and_then(|()| tag.check())?;
            let own = tag.get("category")?.split(',').map(|tag| tag.trim().trim_matches('/').to_owned());
            Ok(Draft {
                url: tag.first(ADDRESS)?.to_owned(),
                title: tag.first(NAME)?.to_owned(),
                tags: self.around.tags().chain(own).collect(),
                added: tag.get("created")?.to_owned(),
                note: tag.first(&["_note", "note", "description"])?.to_owned(),
                place,
                lost: self.around.lost().into_iter().collect(),
            })
        };
        let said = || tag.first(ADDRESS).ok().filter(|said| !said.is_empty()).or(tag.first(NAME).ok());
        draft().map_err(|why| Broken { place, why, excerpt: excerpt(said().unwrap_or_default().as_bytes()) })
    }
}

fn is_item(tag: &Tag) -> bool {
    tag.first(ADDRESS) != Ok("")
        || tag.check().is_err()
        || tag.get("type").is_ok_and(|kind| ["link", "rss", "atom"].contains(&kind.to_lowercase().as_str()))
}

fn folder(tag: &Tag) -> Folder {
    match tag.first(NAME) {
        // One letter more than is kept, so that it is known to be cut.
        Ok(name) => Folder { name: in_one_line(name).chars().take(MAX_TAG + 1).collect(), lost: None },
        Err(_) => Folder { name: String::new(), lost: Some(Lost::Tag) },
    }
}

impl<R: BufRead> Iterator for Opml<R> {
    type Item = Result<Draft, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state != State::Ended {
            match self.markup.part() {
                Ok(part) => {
                    if let Some(item) = self.take(part) {
                        return Some(item);
                    }
                }
                Err(error) => return Some(Err(Problem::Unreadable(error.into()))),
            }
        }
        None
    }
}
