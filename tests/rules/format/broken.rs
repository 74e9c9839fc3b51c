//! Lists that are broken: what is sound in them is given, and what is wrong is told.

use super::all;
use capstan::rules::format::{Format, MAX_ITEM, Unreadable, Why};

#[test]
fn what_ends_in_the_middle_is_unreadable_behind_what_was_whole() {
    for (format, list, urls) in [
        (Format::Json, "[\"https://a.example/\", \"https://b.exa", 1),
        (Format::Json, "[\"https://a.example/\", {\"url\": \"https://b.example/\"", 1),
        (Format::Json, "[\"https://a.example/\",", 1),
        (Format::Json, "", 0),
        (Format::Karakeep, "{\"bookmarks\": [{\"content\": {\"url\": \"https://a.example/\"}}]", 1),
        (Format::Linkwarden, "{\"collections\": [{\"links\": [{\"url\": \"https://a.example/\"}], ", 1),
        (Format::Netscape, "<DL><DT><A HREF='https://a.example/'>A</A><DT><A HREF='https://b.exa", 1),
        (Format::Opml, "<opml><outline url='https://a.example/'/><outline url='https://b.exa", 1),
        (Format::Opml, "<opml><outline url='https://a.example/'/>", 1),
    ] {
        let outcome = all(format, list);
        assert_eq!(outcome.entries.len(), urls, "{list}");
        assert_eq!(outcome.broken, [], "{list}");
        assert!(matches!(outcome.unreadable, Some(Unreadable::Truncated(_))), "{list}: {:?}", outcome.unreadable);
    }
}

#[test]
fn a_quote_that_is_never_closed_is_told() {
    let outcome = all(Format::Csv, "url,title\nhttps://a.example/,A\nhttps://b.example/,\"B\nhttps://c.example/,C\n");
    assert_eq!(outcome.urls(), ["https://a.example/"]);
    assert_eq!(outcome.said(), ["line 3: it is malformed: a quote is not closed"]);
}

#[test]
fn a_quote_that_takes_too_much_costs_a_few_items() {
    let row = "https://b.example/,B\n";
    let list = format!("url,title\nhttps://a.example/,\"A\n{}", row.repeat(10_000));
    let outcome = all(Format::Csv, &list);
    assert_eq!((outcome.broken.len(), &outcome.broken[0].why), (1, &Why::TooLarge));
    // What is left of 64 KiB behind the first 20 bytes, and the line in which it is noticed.
    assert_eq!(outcome.entries.len(), 10_000 - ((MAX_ITEM - 20) / row.len() + 1));
    assert_eq!(outcome.entries.last().unwrap().place.to_string(), "line 10002");
}

#[test]
fn an_item_that_is_wrong_inside_does_not_stop_the_next() {
    for wrong in [
        "{\"url\" \"https://x.example/\"}",
        "{\"url\": \"https://x.example/\" \"title\": []}",
        "{\"url\": https://x.example/}",
        "{url: 1}",
        "{\"url\":}",
        "{\"url\": \"\\x\"}",
        "{,}",
        "tru",
        "",
        "\"a\nb\"",
    ] {
        let outcome = all(Format::Json, format!("[\"https://a.example/\", {wrong}, \"https://b.example/\"]"));
        assert_eq!(outcome.unreadable, None, "{wrong}");
        assert_eq!(outcome.urls(), ["https://a.example/", "https://b.example/"], "{wrong}");
        assert_eq!(outcome.broken.len(), 1, "{wrong}");
        assert_eq!(outcome.broken[0].place.to_string(), "item 2");
    }
}

#[test]
fn what_is_no_such_document_is_unreadable() {
    for (format, list, said) in [
        (Format::Json, "{}", "it is no json: at byte 0 stands no `[`"),
        (Format::Json, "[] x", "it is no json: at byte 3 stands no end"),
        (Format::Json, "[{\"a\": [}]", "it is no json: at byte 8 stands no `]`"),
        (Format::Json, "[1 2]", "it is no json: at byte 3 stands no comma"),
        (Format::Karakeep, "{\"lists\": []}", "it is no karakeep: it has no array `bookmarks`"),
        (Format::Karakeep, "{\"bookmarks\": 5}", "it is no karakeep: it has no array `bookmarks`"),
        (Format::Linkwarden, "{}", "it is no linkwarden: it has no array `collections`"),
        (Format::Csv, "a,b\n1,2\n", "it is no csv: it has no column `url` in its first line"),
        (Format::Pocket, "", "it is no pocket: it has no column `url` in its first line"),
        (Format::Opml, "<html>", "it is no opml: it has no `<opml>`"),
    ] {
        let outcome = all(format, list);
        assert_eq!(outcome.entries, [], "{list}");
        assert_eq!(outcome.unreadable.unwrap().to_string(), said, "{list}");
    }
    for (format, list) in [(Format::Urls, ""), (Format::Netscape, ""), (Format::Linkwarden, "{\"collections\": []}")] {
        assert_eq!(all(format, list), super::Outcome::default());
    }
}

#[test]
fn a_reader_that_fails_is_told() {
    struct Fails;
    impl std::io::Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    for format in Format::ALL {
        let outcome = super::Outcome::of(capstan::rules::format::read(format, std::io::BufReader::new(Fails)));
        assert_eq!(outcome.unreadable.unwrap().to_string(), "it cannot be read: the disk is gone");
    }
}

#[test]
fn tags_that_nobody_closes_and_attributes_without_quotes_are_read() {
    let list = "<dl><p><dt><h3>One<dl><p><dt><a href=https://a.example/ add_date=1>A<dt><a HREF='https://b.example/' TAGS=x>B &amp C";
    let outcome = all(Format::Netscape, list);
    assert_eq!(outcome.urls(), ["https://a.example/", "https://b.example/"]);
    assert_eq!(outcome.entries[1].title, "B & C");
    assert_eq!(outcome.entries[1].tags, ["One", "x"]);
    assert_eq!(outcome.unreadable, None);
}

#[test]
fn no_excerpt_holds_a_password() {
    for (format, list) in [
        (Format::Urls, "https://me:hunter2@a.example/ x\nhttps://me:hunter2@a.example/"),
        (Format::Json, "[{\"title\": [\"https://me:hunter2@a.example/\"], \"url\": 5, 6}]"),
        (Format::Csv, "url,a\n\"https://me:hunter2@a.example/\",\"\n"),
        (Format::Netscape, "<DL><DT><A HREF='https://me:hunter2@a.example/'>A</A>"),
        (Format::Opml, "<opml><outline url='https://me:hunter2@a.example/'/></opml>"),
    ] {
        let outcome = all(format, list);
        assert_ne!(outcome.broken, [], "{format}");
        assert!(!format!("{:?}", outcome.broken).contains("hunter2"), "{format}: {:?}", outcome.broken);
    }
}
