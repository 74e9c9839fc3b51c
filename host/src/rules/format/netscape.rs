//! Bookmarks as browsers export them: `<DT><A HREF ADD_DATE TAGS>title</A>`, folders
//! as `<DT><H3>name</H3><DL>…</DL>`, notes as `<DD>`.
//!
//! It is the form that Netscape began with and that browsers and most bookmark managers
//! write; what is here follows third-party parsers and general knowledge of it, not the
//! browsers' own sources. Pocket's former HTML export has the same links with `time_added`. Nobody
//! closes `DT`, `DD` and `p`, Safari closes no more than it must, and some write in
//! small letters: so it is read as HTML, by tags, and not as a tree.
//!
//! Every folder on the way to a bookmark is a tag, before its own. What a browser
//! keeps everything in is no folder of its owner and is left out: what is marked as
//! such (`PERSONAL_TOOLBAR_FOLDER`, `UNFILED_BOOKMARKS_FOLDER`) and the outermost
//! folders of the names in [`ROOTS`]. In other languages than English only the marks
//! are known, so "Weitere Lesezeichen" of Chrome is a tag.

use super::draft::{Draft, excerpt};
use super::markup::{Ending, Markup, Part, Tag};
use super::{Broken, Lost, MAX_DEPTH, MAX_ITEM, MAX_TAG, Place, Problem, Unreadable, Why};
use std::io::BufRead;

/// Names of the folders in which browsers keep all others, in small letters.
const ROOTS: [&str; 14] = [
    "bookmarks",
    "bookmarks bar",
    "bookmarks menu",
    "bookmarks toolbar",
    "favorites",
    "favorites bar",
    "favourites",
    "favourites bar",
    "imported",
    "mobile bookmarks",
    "other bookmarks",
    "other favorites",
    "other favourites",
    "unsorted bookmarks",
];

/// The folders or outlines around an item.
#[derive(Debug, Default)]
pub(super) struct Folders {
    names: Vec<Folder>,
    /// How many more are open than are kept.
    beyond: u64,
}

/// A folder.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// Its name; empty when it is no tag.
    pub(super) name: String,
    /// Whether its name is no UTF-8.
    pub(super) lost: Option<Lost>,
}

impl Folders {
    pub(super) fn open(&mut self, folder: Folder) {
        if self.names.len() < MAX_DEPTH {
            self.names.push(folder);
        } else {
            self.beyond += 1;
        }
    }

    pub(super) fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else {
            self.names.pop();
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    pub(super) const fn check(&self) -> Result<(), Why> {
        if self.beyond > 0 { Err(Why::TooDeep) } else { Ok(()) }
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = String> {
        self.names.iter().filter(|folder| !folder.name.is_empty()).map(|folder| folder.name.clone())
    }

    pub(super) fn lost(&self) -> Option<Lost> {
        self.names.iter().find_map(|folder| folder.lost)
    }
}

/// Bookmarks.
pub(super) struct Netscape<R: BufRead> {
    markup: Markup<R>,
    folders: Folders,
    /// The folder whose content comes next.
    named: Option<Heading>,
    /// The bookmark that may still get a title and a note.
    bookmark: Option<Bookmark>,
    text: Goes,
    state: State,
}

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    Nowhere,
    Folder,
    Title,
    Note,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Goes,
    /// The last bookmark was given; this is what comes then.
    Last(Ending),
    Ended,
}

struct Heading {
    kind: Kind,
    name: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    /// It is marked as what the browser keeps everything in.
    Root,
}

struct Bookmark {
    /// The tag, and what was wrong around it.
    tag: Tag,
    around: Result<(), Why>,
    folders: Vec<String>,
    lost: Option<Lost>,
    title: Vec<u8>,
    note: Vec<u8>,
}

impl Bookmark {
    fn draft(self) -> Result<Draft, Broken> {
        let place = Place::Line(self.tag.line);
        let said = [self.tag.first(&["href"]).unwrap_or_default().as_bytes(), &self.title].concat();
        let draft = || -> Result<Draft, Why> {
            self.around.clone().and_then(|()| self.tag.check())?;
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Why::NotUtf8);
            let tags = self.tag.get("tags")?.split(',').map(str::to_owned);
            Ok(Draft {
                url: self.tag.get("href")?.to_owned(),
                title: text(&self.title)?,
                tags: self.folders.iter().cloned().chain(tags).collect(),
                added: self.tag.first(&["add_date", "time_added"])?.to_owned(),
                note: text(&self.note)?,
                place,
                lost: self.lost.into_iter().collect(),
            })
        };
        draft().map_err(|why| Broken { place, why, excerpt: excerpt(&said) })
    }
}

impl<R: BufRead> Netscape<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            markup: Markup::new(input),
            folders: Folders::default(),
            named: None,
            bookmark: None,
            text: Goes::Nowhere,
            state: State::Goes,
        }
    }

    /// What a part does to the bookmark before it: it may be complete.
    fn take(&mut self, part: Part) -> Option<Bookmark> {
        match part {
            Part::Text(text) => {
                self.write(&text);
                None
            }
            Part::Start(tag) => self.start(tag),
            Part::End(name) => self.end(&name),
            Part::Eof(ending) => {
                self.state = State::Last(ending);
                self.bookmark.take()
            }
        }
    }

    fn write(&mut self, text: &[u8]) {
        let to = match self.text {
            Goes::Nowhere => None,
            Goes::Folder => self.named.as_mut().map(|heading| &mut heading.name),
            Goes::Title => self.bookmark.as_mut().map(|bookmark| &mut bookmark.title),
            Goes::Note => self.bookmark.as_mut().map(|bookmark| &mut bookmark.note),
        };
        // Much longer than what is kept in the end, so that its end is known to be lost.
        if let Some(to) = to.filter(|to| to.len() + text.len() <= 2 * MAX_ITEM) {
            to.extend_from_slice(text);
        }
    }

    fn start(&mut self, tag: Tag) -> Option<Bookmark> {
        let (text, done) = match tag.name.as_str() {
            "h3" => {
                let is_root = tag.has("personal_toolbar_folder") || tag.has("unfiled_bookmarks_folder");
                let kind = if is_root { Kind::Root } else { Kind::Folder };
                self.named = Some(Heading { kind, name: Vec::new() });
                (Goes::Folder, self.bookmark.take())
            }
            "dl" => {
                let done = self.bookmark.take();
                let folder = self.named.take().map(|heading| self.folder(&heading)).unwrap_or_default();
                self.folders.open(folder);
                (Goes::Nowhere, done)
            }
            "a" => (Goes::Title, self.bookmark(tag)),
            "dd" => (Goes::Note, None),
            "dt" | "hr" => (Goes::Nowhere, self.bookmark.take()),
            "br" | "p" => {
                self.write(b"\n");
                (self.text, None)
            }
            _ => (self.text, None),
        };
        self.text = text;
        done
    }

    /// The text between two things goes nowhere.
    fn end(&mut self, name: &str) -> Option<Bookmark> {
        match name {
            "a" | "h3" => {
                self.text = Goes::Nowhere;
                None
            }
            "dl" => {
                self.text = Goes::Nowhere;
                self.named = None;
                self.folders.close();
                self.bookmark.take()
            }
            _ => None,
        }
    }

    fn folder(&self, heading: &Heading) -> Folder {
        let Ok(name) = std::str::from_utf8(&heading.name) else {
            return Folder { name: String::new(), lost: Some(Lost::Tag) };
        };
        let name = super::draft::in_one_line(name);
        let is_outermost = self.folders.depth() <= 1;
        if heading.kind == Kind::Root || is_outermost && ROOTS.contains(&name.to_lowercase().as_str()) {
            return Folder::default();
        }
        // One letter more than is kept, so that it is known to be cut.
        Folder { name: name.chars().take(MAX_TAG + 1).collect(), lost: None }
    }

    fn bookmark(&mut self, tag: Tag) -> Option<Bookmark> {
        let bookmark = Bookmark {
            around: self.folders.check(),
            folders: self.folders.tags().collect(),
            lost: self.folders.lost(),
            tag,
            title: Vec::new(),
            note: Vec::new(),
        };
        self.bookmark.replace(bookmark)
    }
}

impl<R: BufRead> Iterator for Netscape<R> {
    type Item = Result<Draft, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state == State::Goes {
            match self.markup.part() {
                Ok(part) => {
                    if let Some(bookmark) = self.take(part) {
                        return Some(bookmark.draft().map_err(Problem::Broken));
                    }
                }
                Err(error) => return Some(Err(Problem::Unreadable(error.into()))),
            }
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Last(Ending::InTag) => Some(Err(Unreadable::Truncated("a tag").into())),
            _ => None,
        }
    }
}
