//! Lists of what is to be imported: one URL a line, or a JSON array.
//!
//! A line of text is a URL; empty lines and those that begin with `#` are left out.
//! An element of a JSON array is a URL, or an object with `url` and, when known,
//! `title` and `tags`. Whatever else an object holds is left alone. What cannot be an
//! address of the web is invalid and counted, and never stops the others; the same
//! page twice, by its canonical form, is a duplicate. It holds a list in memory
//! whole, so it is for lists of some hundred thousand items.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use url::Url;

/// Tags of one item at most; more are left out.
const MAX_TAGS: usize = 100;
/// Letters of a tag at most; the rest is cut.
const MAX_TAG: usize = 200;
/// Letters of a title at most; the rest is cut.
const MAX_TITLE: usize = 1_000;

/// One item of an import, as its list keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Item {
    /// A file.
    File {
        /// Relative to the imported folder.
        path: String,
    },
    /// A page of the web.
    Page {
        /// Its canonical address.
        url: String,
        /// Its title, or empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        title: String,
        /// Its tags.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    },
}

/// What a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// Its pages, in order, each once.
    pub items: Vec<Item>,
    /// How many were there before.
    pub duplicate: u64,
    /// What cannot be imported, with its place and the reason.
    pub invalid: Vec<String>,
}

/// Why a text is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it begins like a JSON array and is none: {0}")]
pub struct ListError(String);

/// Read a list.
///
/// # Errors
/// It begins with `[` and is no JSON array.
pub fn read(text: &str) -> Result<Read, ListError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut list = Read::default();
    let mut seen = HashSet::new();
    if text.trim_start().starts_with('[') {
        let elements: Vec<Value> = serde_json::from_str(text).map_err(|error| ListError(error.to_string()))?;
        for (at, element) in elements.iter().enumerate() {
            list.take(&mut seen, page(element), || format!("element {}", at + 1));
        }
    } else {
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                list.take(&mut seen, address(line).map(bare), || format!("line {}", at + 1));
            }
        }
    }
    Ok(list)
}

impl Read {
    fn take(&mut self, seen: &mut HashSet<String>, item: Result<Item, String>, place: impl Fn() -> String) {
        match item {
            Ok(Item::Page { url, .. }) if !seen.insert(url.clone()) => self.duplicate += 1,
            Ok(item) => self.items.push(item),
            Err(reason) => self.invalid.push(format!("{}: {reason}", place())),
        }
    }
}

fn bare(url: String) -> Item {
    Item::Page { url, title: String::new(), tags: Vec::new() }
}

fn page(element: &Value) -> Result<Item, String> {
    if let Value::String(text) = element {
        return address(text).map(bare);
    }
    let text = element.get("url").and_then(Value::as_str).ok_or("it is neither a URL nor an object with `url`")?;
    let title = element.get("title").and_then(Value::as_str).unwrap_or_default();
    let tags = element.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let tags =
        tags.iter().filter_map(Value::as_str).map(|tag| tag.chars().take(MAX_TAG).collect()).take(MAX_TAGS).collect();
    Ok(Item::Page { url: address(text)?, title: title.trim().chars().take(MAX_TITLE).collect(), tags })
}

/// The canonical form of an address of the web: without fragment, otherwise as the
/// URL standard writes it.
///
/// # Errors
/// It is no URL, not of the web, or holds a user or a password.
pub fn address(text: &str) -> Result<String, String> {
    let mut url = Url::parse(text.trim()).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{text:?} is no address of the web: its scheme is {:?}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("an address of {} holds a user or a password", url.host_str().unwrap_or_default()));
    }
    url.set_fragment(None);
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn pages(urls: &[&str]) -> Vec<Item> {
        urls.iter().map(|url| bare((*url).to_owned())).collect()
    }

    #[test]
    fn lines_are_addresses_and_comments() {
        let text = "\u{feff}# mine\r\nhttps://Example.org/a#part\r\n\r\n  http://example.org:80/b\nhttps://example.org/a\nfile:///etc/passwd\nno url\nhttps://me:pw@example.org/\n";
        let list = read(text).unwrap();
        assert_eq!(list.items, pages(&["https://example.org/a", "http://example.org/b"]));
        assert_eq!(list.duplicate, 1);
        assert_eq!(list.invalid.len(), 3);
        assert!(list.invalid[0].starts_with("line 6: \"file:///etc/passwd\" is no address of the web"));
        assert!(list.invalid[2].starts_with("line 8: an address of example.org holds"));
        assert!(!list.invalid[2].contains("pw"));
    }

    #[test]
    fn elements_are_addresses_or_objects() {
        let text = r#" ["https://a.example/", {"url": "https://b.example/x", "title": " B ", "tags": ["t", 7], "id": 1}, {"title": "c"}, 5]"#;
        let list = read(text).unwrap();
        let b = Item::Page { url: "https://b.example/x".into(), title: "B".into(), tags: vec!["t".into()] };
        assert_eq!(list.items, [pages(&["https://a.example/"])[0].clone(), b]);
        assert_eq!(list.invalid[0], "element 3: it is neither a URL nor an object with `url`");
        assert!(read("[1, 2").unwrap_err().to_string().contains("is none"));
        assert_eq!(read("").unwrap(), Read::default());
    }

    proptest! {
        /// Every line that says something ends in exactly one place.
        #[test]
        fn nothing_is_lost(lines in proptest::collection::vec("(https?://[a-c]\\.example/[a-c]?|[a-z ]{0,5}|#.{0,5})", 0..40)) {
            let list = read(&lines.join("\n")).unwrap();
            let said = lines.iter().flat_map(|line| line.lines()).map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
            prop_assert_eq!(list.items.len() + list.invalid.len() + usize::try_from(list.duplicate).unwrap(), said.count());
        }
    }
}
