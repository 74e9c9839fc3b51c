//! Lists with an item a line: URLs, and the text of OneTab.
//!
//! OneTab writes `URL | title`, one tab a line, and an empty line between its groups
//! (as is generally known; OneTab itself is closed). A line without ` | ` is a URL without title.

use super::draft::{Draft, excerpt};
use super::{Broken, MAX_ITEM, Place, Problem, Why};
use std::io::{self, BufRead};

/// What parts the URL from the title.
const BAR: &str = " | ";

/// Lines of at most [`MAX_ITEM`] bytes.
struct Bounded<R> {
    input: R,
    /// Lines before.
    before: u64,
    line: Vec<u8>,
}

/// How a line was read.
enum Size {
    Whole,
    TooLarge,
}

impl<R: BufRead> Bounded<R> {
    /// Read the next line into `line`; what is beyond the limit is read over.
    fn advance(&mut self) -> io::Result<Option<Size>> {
        self.line.clear();
        let (mut size, mut is_any) = (Size::Whole, false);
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            is_any = true;
            let end = memchr::memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = MAX_ITEM - self.line.len();
            if part.len() > room {
                size = Size::TooLarge;
            }
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.before += u64::from(is_any);
        Ok(is_any.then_some(size))
    }
}

/// How a line becomes a draft; nothing when it says nothing.
type Shape = fn(&str, Place) -> Option<Draft>;

/// A list with an item a line.
pub(super) struct Lines<R> {
    lines: Bounded<R>,
    shape: Shape,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R, shape: Shape) -> Self {
        Self { lines: Bounded { input, before: 0, line: Vec::new() }, shape }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Draft, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let size = match self.lines.advance() {
                Ok(size) => size?,
                Err(error) => return Some(Err(Problem::Unreadable(error.into()))),
            };
            let place = Place::Line(self.lines.before);
            let bytes = &self.lines.line;
            let why = match (size, std::str::from_utf8(bytes)) {
                (Size::TooLarge, _) => Why::TooLarge,
                (Size::Whole, Err(_)) => Why::NotUtf8,
                (Size::Whole, Ok(line)) => match (self.shape)(line.trim(), place) {
                    Some(draft) => return Some(Ok(draft)),
                    None => continue,
                },
            };
            return Some(Err(Broken { place, why, excerpt: excerpt(bytes) }.into()));
        }
    }
}

/// A line of a list of URLs.
pub(super) fn url(line: &str, place: Place) -> Option<Draft> {
    let is_said = !line.is_empty() && !line.starts_with('#');
    is_said.then(|| Draft { url: line.to_owned(), ..Draft::at(place) })
}

/// A line of OneTab's text.
pub(super) fn tab(line: &str, place: Place) -> Option<Draft> {
    let (url, title) = line.split_once(BAR).unwrap_or_else(|| (line.strip_suffix(BAR.trim_end()).unwrap_or(line), ""));
    (!line.is_empty()).then(|| Draft { url: url.to_owned(), title: title.to_owned(), ..Draft::at(place) })
}
