//! Which form a list has, by its beginning; its name decides only where the
//! beginning says nothing.

use super::columns::header;
use super::decode::glance;
use super::{Format, HEAD, address};

/// The form of a list that begins with these bytes (at least [`HEAD`] of them, or
/// all) and has this name; nothing when it is no list that is known. The same bytes
/// and the same name always give the same form.
///
/// A page of the web is no list of bookmarks, whatever its name: its links are not
/// what its owner kept. A text is a list of URLs when one of its first lines is an
/// address.
pub fn detect(head: &[u8], name: &str) -> Option<Format> {
    let text = glance(&head[..head.len().min(HEAD)])?;
    let start = text.trim_start();
    match start.as_bytes().first() {
        None => named(name),
        Some(b'<') => markup(&start.to_ascii_lowercase()),
        Some(b'[') => Some(array(start)),
        Some(b'{') => object(start),
        Some(_) => table(start).or_else(|| lines(start)).or_else(|| named(name)),
    }
}

/// What a name says about a list that says nothing.
fn named(name: &str) -> Option<Format> {
    let (_, ending) = name.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "list" | "urls" => Some(Format::Urls),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

fn markup(start: &str) -> Option<Format> {
    let is_list = start.contains("<dl") && start.contains("<dt");
    let has_links = start.contains("<h3") || start.contains("<a ");
    if start.starts_with("<!doctype netscape-bookmark") || start.contains("<title>pocket export</title>") {
        Some(Format::Netscape)
    } else if start.contains("<opml") {
        Some(Format::Opml)
    } else {
        // Some programs leave the first line out, but all write the dates.
        (is_list && has_links && start.contains("add_date")).then_some(Format::Netscape)
    }
}

fn array(start: &str) -> Format {
    let has = |name: &str| start.contains(name);
    let is_omnivore = has("\"savedAt\"") && has("\"labels\"") && has("\"slug\"");
    if is_omnivore { Format::Omnivore } else { Format::Json }
}

fn object(start: &str) -> Option<Format> {
    let place = |name: &str| start.find(name);
    match (place("\"bookmarks\""), place("\"collections\"")) {
        (Some(_), None) => Some(Format::Karakeep),
        (None, Some(_)) => Some(Format::Linkwarden),
        (Some(one), Some(two)) => Some(if one < two { Format::Karakeep } else { Format::Linkwarden }),
        (None, None) => None,
    }
}

fn table(start: &str) -> Option<Format> {
    let first = start.lines().next().unwrap_or_default();
    // A header names its columns, so an address is none.
    let is_header = !first.contains("://");
    header(first).filter(|_| is_header).map(|(_, format)| format)
}

fn lines(start: &str) -> Option<Format> {
    let mut addresses = start.lines().map(str::trim).filter(|line| is_address(line));
    let first = addresses.next()?;
    // Every tab of OneTab has its title.
    Some(if first.contains(" | ") { Format::OneTab } else { Format::Urls })
}

fn is_address(line: &str) -> bool {
    let url = line.split(" | ").next().unwrap_or(line);
    address::page(url).is_ok()
}
