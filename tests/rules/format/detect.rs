//! Which form a list has.

use crate::rules::cases;
use capstan::rules::format::{Format, HEAD, detect};
use proptest::prelude::*;

#[test]
fn the_beginning_decides_and_the_name_only_where_it_says_nothing() {
    for (head, name, form) in [
        ("", "list.txt", Some(Format::Urls)),
        ("", "list.bin", None),
        ("# later\n", "list.txt", Some(Format::Urls)),
        ("# later\n", "notes", None),
        ("not one\nhttps://a.example/\n", "x", Some(Format::Urls)),
        ("https://a.example/ | A", "x.csv", Some(Format::OneTab)),
        ("url\nhttps://a.example/", "x.txt", Some(Format::Csv)),
        ("id;Link;Name\n", "x", Some(Format::Csv)),
        ("https://a.example/?url,url\n", "x", Some(Format::Urls)),
        ("[", "x", Some(Format::Json)),
        ("{\"bookmarks\": []}", "x", Some(Format::Karakeep)),
        ("{\"a\": 1}", "x.json", None),
        ("<!doctype html><title>A page</title><dl><dt>a<dd>b</dl>", "page.html", None),
        ("<!doctype netscape-bookmark-file-1>", "x", Some(Format::Netscape)),
        ("<?xml version='1.0'?><OPML>", "x", Some(Format::Opml)),
        ("plain words", "x", None),
    ] {
        assert_eq!(detect(head.as_bytes(), name), form, "{head:?} {name:?}");
    }
}

#[test]
fn what_is_behind_the_beginning_changes_nothing() {
    let mut list = vec![b' '; HEAD];
    list.extend_from_slice(b"https://a.example/");
    assert_eq!(detect(&list, "x"), None);
    assert_eq!(detect(&list[1..], "x"), None, "the end of the address is cut");
    list[HEAD - 1] = b'[';
    assert_eq!(detect(&list, "x"), Some(Format::Json));
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn it_takes_every_byte(head in proptest::collection::vec(any::<u8>(), 0..200), name in ".{0,12}") {
        prop_assert_eq!(detect(&head, &name), detect(&head, &name));
    }

    #[test]
    fn it_takes_every_text(head in "(<|\\[|\\{|url|,|;|\"|https://a\\.b/| \\| |\\PC|\n){0,30}", name in ".{0,6}\\.(txt|csv)") {
        prop_assert_eq!(detect(head.as_bytes(), &name), detect(head.as_bytes(), &name));
    }
}
