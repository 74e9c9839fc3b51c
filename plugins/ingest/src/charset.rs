//! Bytes to text.
//!
//! In this order: a byte order mark; UTF-8, if the bytes are valid; what the server says, then what the
//! page declares, if the bytes fit it; a guess from the frequency of byte pairs. Valid UTF-8 goes before the declaration because text
//! that is valid UTF-8 by accident is rare and pages with a stale declaration are not; encodings made of
//! ASCII bytes alone (ISO-2022-JP) are the exception, and there the declaration goes first. A guess can
//! be wrong, most easily between encodings of one language family and for short texts.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8};

use crate::Text;
use crate::format::Format;

/// How far into a page its declaration is looked for, in bytes; browsers look at 1,024.
const HEAD: usize = 4096;

/// `header` is what the server named.
pub(crate) fn decode(bytes: &[u8], format: Format, header: Option<&str>) -> Text {
    let (encoding, charset_from) = find(bytes, format, header);
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    Text { text: text.into_owned(), charset: encoding.name(), charset_from }
}

fn find(bytes: &[u8], format: Format, header: Option<&str>) -> (&'static Encoding, &'static str) {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return (encoding, "bom");
    }
    let declared = match format {
        Format::Html | Format::Xhtml => declared(bytes),
        Format::Markdown | Format::Plain | Format::Pdf => None,
    };
    if std::str::from_utf8(bytes).is_ok() && declared != Some(ISO_2022_JP) {
        return (UTF_8, if declared == Some(UTF_8) { "declared" } else { "utf-8" });
    }
    let header = header.and_then(|label| Encoding::for_label(label.as_bytes()));
    for (said, from) in [(header, "header"), (declared, "declared")] {
        if let Some(encoding) = said.filter(|encoding| !encoding.decode_without_bom_handling(bytes).1) {
            return (encoding, from);
        }
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    (detector.guess(None, Utf8Detection::Allow), "guessed")
}

/// What `<?xml encoding>` or `<meta charset>` says, comments left out.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let head = without_comments(&head);
    let xml = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let metas = head.split("<meta").skip(1).filter_map(|rest| rest.split('>').next());
    xml.and_then(|tag| value(tag, "encoding")).or_else(|| metas.into_iter().find_map(|tag| value(tag, "charset")))
}

fn without_comments(head: &str) -> String {
    let mut parts = head.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("-->").map_or("", |(_, after)| after))
}

/// The encoding after `name=` in a tag.
fn value(tag: &str, name: &str) -> Option<&'static Encoding> {
    tag.match_indices(name).find_map(|(at, _)| {
        let rest = tag[at + name.len()..].trim_start().strip_prefix('=')?;
        let label = rest.trim_start().trim_start_matches(['"', '\'']);
        let end = label.find(['"', '\'', ';', ' ', '\t', '\n', '\r', '/']).unwrap_or(label.len());
        // A declaration that could be read cannot be in UTF-16, whatever it says.
        Encoding::for_label(&label.as_bytes()[..end]).map(
            |found| {
                if found.output_encoding() == found { found } else { UTF_8 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(bytes: &[u8]) -> (String, &'static str, &'static str) {
        let found = decode(bytes, Format::Html, None);
        (found.text, found.charset, found.charset_from)
    }

    fn page(declaration: &str, body: &[u8]) -> Vec<u8> {
        [declaration.as_bytes(), b"<p>", body, b"</p>"].concat()
    }

    #[test]
    fn a_byte_order_mark_wins_and_is_removed() {
        let bytes = [b"\xff\xfe".as_slice(), &"<p>ж</p>".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()]
            .concat();
        assert_eq!(html(&bytes), ("<p>ж</p>".into(), "UTF-16LE", "bom"));
        assert_eq!(html(b"\xef\xbb\xbfx"), ("x".into(), "UTF-8", "bom"));
    }

    #[test]
    fn declarations_are_read_in_all_their_forms() {
        let (body, _, _) = encoding_rs::WINDOWS_1251.encode("Привет");
        for declaration in [
            "<meta charset=windows-1251>",
            "<META CHARSET = 'cp1251' />",
            "<meta http-equiv=Content-Type content=\"text/html; charset=windows-1251\">",
            "<?xml version=\"1.0\" encoding=\"windows-1251\"?>",
            "<!-- <meta charset=koi8-r> --><meta charset=windows-1251>",
        ] {
            let (text, charset, from) = html(&page(declaration, &body));
            assert!(text.contains("Привет"), "{declaration}: {text}");
            assert_eq!((charset, from), ("windows-1251", "declared"), "{declaration}");
        }
    }

    #[test]
    fn valid_utf_8_beats_a_stale_declaration() {
        let (text, charset, from) = html("<meta charset=iso-8859-1><p>für</p>".as_bytes());
        assert!(text.contains("für"));
        assert_eq!((charset, from), ("UTF-8", "utf-8"));
    }

    #[test]
    fn iso_2022_jp_is_ascii_bytes_and_goes_by_its_declaration() {
        let (body, _, _) = ISO_2022_JP.encode("日本語");
        let (text, charset, _) = html(&page("<meta charset=iso-2022-jp>", &body));
        assert!(text.contains("日本語"), "{text}");
        assert_eq!(charset, "ISO-2022-JP");
    }

    #[test]
    fn a_declaration_that_does_not_fit_gives_way_to_a_guess() {
        let (body, _, _) = encoding_rs::WINDOWS_1252.encode("Öl für die Mühle, größer als früher – naïve Fälle");
        let (text, _, from) = html(&page("<meta charset=utf-8>", &body));
        assert!(text.contains("für die Mühle"), "{text}");
        assert_eq!(from, "guessed");
    }

    #[test]
    fn the_server_goes_before_the_page_unless_the_bytes_say_no() {
        let (body, _, _) = encoding_rs::WINDOWS_1251.encode("Привет");
        let page = page("<meta charset=koi8-r>", &body);
        let said = |header| decode(&page, Format::Html, header).charset_from;
        assert!(decode(&page, Format::Html, Some("windows-1251")).text.contains("Привет"));
        assert_eq!(
            (said(Some("windows-1251")), said(Some("utf-8")), said(Some("what"))),
            ("header", "declared", "declared")
        );
    }

    #[test]
    fn a_declared_utf_16_without_mark_is_taken_as_utf_8() {
        assert_eq!(html(b"<meta charset=utf-16><p>x").1, "UTF-8");
    }
}
