//! Lists that are not plain UTF-8.

use super::all;
use capstan::rules::format::{Format, Unreadable, Why, detect};

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn a_mark_says_that_it_is_utf_8_or_utf_16() {
    for (format, list) in [
        (Format::OneTab, "https://a.example/ | Flüsse 🛶\n"),
        (Format::Json, "[{\"url\": \"https://a.example/\", \"title\": \"Flüsse 🛶\"}]"),
        (
            Format::Netscape,
            "<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><DT><A HREF=\"https://a.example/\">Flüsse 🛶</A></DL>",
        ),
        (Format::Csv, "url,title\nhttps://a.example/,Flüsse 🛶\n"),
    ] {
        let marked = [b"\xef\xbb\xbf", list.as_bytes()].concat();
        for bytes in [marked, utf16(list, u16::to_le_bytes), utf16(list, u16::to_be_bytes)] {
            assert_eq!(detect(&bytes, ""), Some(format));
            let outcome = all(format, &bytes);
            assert_eq!(outcome.entries[0].title, "Flüsse 🛶");
            assert_eq!((outcome.entries.len(), outcome.broken.len(), outcome.unreadable), (1, 0, None));
        }
    }
}

#[test]
fn utf_16_without_its_mark_is_told_and_not_guessed() {
    let list = &utf16("https://a.example/\n", u16::to_le_bytes)[2..];
    assert_eq!(detect(list, "list.txt"), None);
    let said = all(Format::Urls, list).unreadable.unwrap().to_string();
    assert_eq!(said, "its encoding is UTF-16 or UTF-32 without its mark, or it is no text");
}

#[test]
fn a_byte_that_is_no_utf_8_breaks_its_item_only() {
    for (format, list) in [
        (Format::Urls, b"https://a.example/\nhttps://b.example/\xe9\nhttps://c.example/\n".to_vec()),
        (Format::OneTab, b"https://a.example/ | A\nhttps://b.example/ | \xe9\nhttps://c.example/\n".to_vec()),
        (Format::Csv, b"url,title\nhttps://a.example/,\nhttps://b.example/,\xe9\nhttps://c.example/,\n".to_vec()),
        (Format::Json, b"[\"https://a.example/\",{\"url\":\"https://b.example/\",\"title\":\"\xe9\"},\"https://c.example/\"]".to_vec()),
        (Format::Netscape, b"<DL><DT><A HREF='https://a.example/'>A</A><DT><A HREF='https://b.example/'>\xe9</A><DT><A HREF='https://c.example/'>C</A></DL>".to_vec()),
        (Format::Opml, b"<opml><outline url='https://a.example/'/><outline url='https://b.example/' text='\xe9'/><outline url='https://c.example/'/></opml>".to_vec()),
    ] {
        let outcome = all(format, list);
        assert_eq!(outcome.urls(), ["https://a.example/", "https://c.example/"], "{format}");
        assert_eq!(outcome.broken.iter().map(|broken| &broken.why).collect::<Vec<_>>(), [&Why::NotUtf8], "{format}");
        assert_eq!(outcome.unreadable, None);
    }
}

#[test]
fn half_a_letter_of_utf_16_breaks_its_item_only() {
    let mut list = utf16("https://a.example/\nhttps://b.example/x\nhttps://c.example/\n", u16::to_le_bytes);
    let at = list.windows(2).position(|pair| pair == [b'x', 0]).unwrap();
    // Half of a surrogate pair.
    list[at..at + 2].copy_from_slice(&[0x00, 0xd8]);
    let outcome = all(Format::Urls, &list);
    assert_eq!((outcome.urls().len(), &outcome.broken[0].why), (2, &Why::NotUtf8));
    list.push(b'h');
    assert_eq!(all(Format::Urls, &list).broken.len(), 2, "an odd byte at the end");
}

#[test]
fn markup_is_taken_at_its_word_if_the_word_is_known() {
    let list = b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset=WORD\">\n<DL><DT><A HREF=\"https://a.example/\">Fl\xfcsse</A></DL>";
    let with = |word: &[u8]| {
        let at = list.windows(4).position(|part| part == b"WORD").unwrap();
        all(Format::Netscape, [&list[..at], word, &list[at + 4..]].concat())
    };
    assert_eq!(with(b"windows-1252").entries[0].title, "Flüsse");
    assert_eq!(with(b"utf-8").broken[0].why, Why::NotUtf8);
    assert_eq!(with(b"klingon").unreadable, Some(Unreadable::Encoding("klingon".into())));
    let list = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><opml><outline url=\"https://a.example/\" text=\"Fl\xfcsse\"/></opml>";
    assert_eq!(all(Format::Opml, list).entries[0].title, "Flüsse");
}

#[test]
fn a_folder_that_is_no_utf_8_is_no_tag_and_that_is_told() {
    let list = b"<DL><DT><H3>Fl\xfcsse</H3><DL><DT><A HREF='https://a.example/'>A</A></DL></DL>";
    let outcome = all(Format::Netscape, list);
    assert_eq!((outcome.entries[0].tags.len(), outcome.entries[0].lost.len()), (0, 1));
}
