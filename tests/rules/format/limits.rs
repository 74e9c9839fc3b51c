//! Every limit at its edge, and lists that are far beyond what fits in memory.

use super::{Outcome, all};
use capstan::rules::format::{
    Format, Lost, MAX_COLUMNS, MAX_DEPTH, MAX_EXCERPT, MAX_ITEM, MAX_NOTE, MAX_TAG, MAX_TAGS, MAX_TITLE, Why, read,
};
use std::io::{BufReader, Read};

/// A list that is made while it is read: a part between two others, again and again.
struct Made {
    start: &'static [u8],
    part: Vec<u8>,
    times: usize,
    end: &'static [u8],
    ready: Vec<u8>,
}

impl Made {
    fn new(start: &'static str, part: &str, times: usize, end: &'static str) -> Self {
        let ready = start.as_bytes().to_vec();
        Self { start: start.as_bytes(), part: part.as_bytes().to_vec(), times, end: end.as_bytes(), ready }
    }
}

impl Read for Made {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.ready.is_empty() && self.times + self.end.len() + self.start.len() > 0 {
            self.start = b"";
            if self.times > 0 {
                self.times -= 1;
                self.ready.extend_from_slice(&self.part);
            } else {
                self.ready.extend_from_slice(std::mem::take(&mut self.end));
            }
        }
        let taken = self.ready.len().min(into.len());
        into[..taken].copy_from_slice(&self.ready[..taken]);
        self.ready.drain(..taken);
        Ok(taken)
    }
}

fn made(format: Format, list: Made) -> Outcome {
    Outcome::of(read(format, BufReader::with_capacity(64 << 10, list)))
}

/// Parts of 4 KiB that make 100 MB.
const TIMES: usize = 100_000_000 / 4_096 + 1;

#[test]
fn an_item_of_100_mb_is_broken_and_the_next_one_is_read() {
    let junk = "x".repeat(4_096);
    for (format, start, end) in [
        (Format::Urls, "https://a.example/\nhttps://", "\nhttps://b.example/\n"),
        (Format::Json, "[\"https://a.example/\", {\"url\": \"", "\"}, \"https://b.example/\"]"),
        (Format::Csv, "url\nhttps://a.example/\n\"", "\"\nhttps://b.example/\n"),
        (
            Format::Netscape,
            "<DL><DT><A HREF='https://a.example/'>A</A><DT><A HREF='",
            "'>X</A><DT><A HREF='https://b.example/'>B</A></DL>",
        ),
    ] {
        let outcome = made(format, Made::new(start, &junk, TIMES, end));
        assert_eq!(outcome.urls(), ["https://a.example/", "https://b.example/"], "{format}");
        assert_eq!(outcome.broken.len(), 1, "{format}");
        assert_eq!(outcome.broken[0].why, Why::TooLarge, "{format}");
        assert_eq!(outcome.unreadable, None, "{format}");
    }
}

#[test]
fn what_is_not_needed_may_be_larger_than_an_item() {
    let junk = "x".repeat(4_096);
    for (format, start, end) in [
        (
            Format::Linkwarden,
            "{\"collections\": [{\"links\": [{\"textContent\": \"",
            "\", \"url\": \"https://a.example/\"}]}]}",
        ),
        (Format::Netscape, "<DL><DT><A ICON='", "' HREF='https://a.example/'>A</A></DL>"),
    ] {
        let outcome = made(format, Made::new(start, &junk, 2 * MAX_ITEM / junk.len(), end));
        assert_eq!((outcome.urls(), outcome.broken.len()), (vec!["https://a.example/"], 0), "{format}");
    }
}

#[test]
fn many_items_on_one_line_are_as_many_items() {
    const MANY: usize = 20_000;
    for (format, start, item, end) in [
        (Format::Json, "[\"https://a.example/\"", ", {\"url\": \"https://b.example/\", \"title\": \"B\"}", "]"),
        (
            Format::Netscape,
            "<DL><p><DT><A HREF='https://a.example/'>A</A>",
            "<DT><A HREF='https://b.example/'>B</A>",
            "</DL>",
        ),
        (
            Format::Opml,
            "<opml><outline url='https://a.example/'/>",
            "<outline url='https://b.example/' text='B'/>",
            "</opml>",
        ),
    ] {
        let mut entries = read(format, BufReader::new(Made::new(start, item, MANY, end)));
        let last = entries.by_ref().last().unwrap().unwrap();
        assert_eq!((last.url.as_str(), last.title.as_str()), ("https://b.example/", "B"));
        assert!(entries.next().is_none());
        let count = read(format, BufReader::new(Made::new(start, item, MANY, end))).filter(Result::is_ok).count();
        assert_eq!(count, MANY + 1, "{format}");
    }
}

#[test]
fn an_item_has_as_many_bytes_as_the_limit_and_no_more() {
    let url = |bytes: usize| format!("https://a.example/{}", "x".repeat(bytes - 18));
    for (format, before, behind, own) in [
        (Format::Urls, "", "\n", 0),
        (Format::OneTab, "", "", 0),
        (Format::Csv, "url\n", "\n", 0),
        // What is kept of an object is written without spaces: {"url":""}
        (Format::Json, "[{\"id\": 1, \"url\": \"", "\"}]", 10),
        (Format::Json, "[\"", "\"]", 2),
        (Format::Netscape, "<DT><A HREF='", "'>", 0),
        (Format::Opml, "<opml><outline url='", "'/></opml>", 0),
    ] {
        let with = |bytes: usize| all(format, format!("{before}{}{behind}", url(bytes - own)));
        assert_eq!(with(MAX_ITEM).urls().len(), 1, "{format}");
        assert_eq!(with(MAX_ITEM + 1).broken[0].why, Why::TooLarge, "{format}");
        assert!(with(MAX_ITEM + 1).broken[0].excerpt.chars().count() <= MAX_EXCERPT);
    }
}

#[test]
fn things_lie_as_deep_in_each_other_as_the_limit_and_no_deeper() {
    let json = |deep: usize| {
        let (open, close) = ("[".repeat(deep - 1), "]".repeat(deep - 1));
        all(
            Format::Json,
            format!("[{{\"deep\": {open}{close}, \"url\": \"https://a.example/\"}}, \"https://b.example/\"]"),
        )
    };
    let folders = |deep: usize| {
        let (open, close) = ("<DT><H3>f</H3><DL><p>".repeat(deep), "</DL><p>".repeat(deep));
        all(
            Format::Netscape,
            format!("{open}<DT><A HREF='https://a.example/'>A</A>{close}<DT><A HREF='https://b.example/'>B</A>"),
        )
    };
    let outlines = |deep: usize| {
        let (open, close) = ("<outline text='f'>".repeat(deep), "</outline>".repeat(deep));
        all(
            Format::Opml,
            format!("<opml>{open}<outline url='https://a.example/'/>{close}<outline url='https://b.example/'/></opml>"),
        )
    };
    for nested in [json as fn(usize) -> Outcome, folders, outlines] {
        assert_eq!(nested(MAX_DEPTH).urls(), ["https://a.example/", "https://b.example/"]);
        for deep in [MAX_DEPTH + 1, 100_000] {
            let outcome = nested(deep);
            assert_eq!(outcome.urls(), ["https://b.example/"], "{deep}");
            assert_eq!((outcome.broken.len(), &outcome.broken[0].why), (1, &Why::TooDeep));
            assert_eq!(outcome.unreadable, None);
        }
    }
}

fn object(title: usize, tag: usize, tags: usize, note: usize) -> capstan::rules::format::Entry {
    let tags: Vec<String> = (0..tags).map(|at| format!("{at:é<tag$}")).collect();
    let (title, note) = ("é".repeat(title), "é".repeat(note));
    let list = serde_json::json!([{"url": "https://a.example/", "title": title, "tags": tags, "note": note}]);
    all(Format::Json, list.to_string()).entries.remove(0)
}

#[test]
fn what_is_too_long_is_cut_and_that_is_told() {
    let fits = object(MAX_TITLE, MAX_TAG, MAX_TAGS, MAX_NOTE);
    assert_eq!((fits.lost, fits.tags.len()), (vec![], MAX_TAGS));
    let cut = object(MAX_TITLE + 1, MAX_TAG + 1, MAX_TAGS + 1, MAX_NOTE + 1);
    assert_eq!(cut.lost, [Lost::Title, Lost::Tag, Lost::Tags, Lost::Note]);
    let letters = |text: &str| text.chars().count();
    assert_eq!((letters(&cut.title), letters(&cut.tags[0]), letters(&cut.note)), (MAX_TITLE, MAX_TAG, MAX_NOTE));
    assert_eq!(cut.tags.len(), MAX_TAGS);
    let dated = all(Format::Json, "[{\"url\": \"https://a.example/\", \"date\": \"soon\"}]");
    assert_eq!((dated.entries[0].added_at, dated.entries[0].lost.as_slice()), (None, [Lost::Date].as_slice()));
}

#[test]
fn a_title_of_markup_that_is_larger_than_an_item_is_cut() {
    let list = format!("<DT><A HREF='https://a.example/'>{}</A>", "é".repeat(MAX_ITEM));
    let entry = all(Format::Netscape, list).entries.remove(0);
    assert_eq!((entry.title.chars().count(), entry.lost.as_slice()), (MAX_TITLE, [Lost::Title].as_slice()));
}

#[test]
fn a_row_has_as_many_columns_as_the_limit_and_no_more() {
    let row = |columns: usize| format!("https://a.example/{}\n", ",".repeat(columns - 1));
    let list = format!("url,title\n{}{}https://b.example/\n", row(MAX_COLUMNS), row(MAX_COLUMNS + 1));
    let outcome = all(Format::Csv, list);
    assert_eq!(outcome.urls(), ["https://a.example/", "https://b.example/"]);
    assert_eq!(outcome.said(), [format!("line 3: it has more than {MAX_COLUMNS} columns")]);
}
