//! What is written in a form is read back, and no bytes at all do harm.

use super::{all, slowly};
use crate::rules::cases;
use capstan::rules::format::{Entry, Format};
use proptest::prelude::*;
use serde_json::json;

/// What the forms have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Item {
    url: String,
    title: String,
    tags: Vec<String>,
    /// Seconds.
    added: Option<i64>,
    note: String,
}

impl From<Entry> for Item {
    fn from(entry: Entry) -> Self {
        let Entry { url, title, tags, added_at, note, .. } = entry;
        Self { url, title, tags, added: added_at.map(|time| time / 1_000), note }
    }
}

fn words(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec("\\PC{1,6}", 0..most)
        .prop_map(|words| words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
}

prop_compose! {
    fn item()(
        url in "https?://[a-z]{1,8}\\.example/[a-zA-Z0-9/]{0,8}(\\?[a-z]=[a-z&'0-9]{0,4})?",
        title in words(4),
        // The marks that part tags in one form or another are in no tag.
        tags in proptest::collection::vec("[^,|;/\\s\\p{C}\u{ad}]{1,6}( [a-z<&\"'\\\\]{1,4})?", 0..4),
        added in proptest::option::of(1_i64..4_000_000_000),
        note in words(5),
    ) -> Item {
        let mut once: Vec<String> = Vec::new();
        for tag in tags {
            if !once.contains(&tag) {
                once.push(tag);
            }
        }
        Item { url: url.replace('\'', "%27"), title, tags: once, added, note }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn python(tags: &[String]) -> String {
    let quoted: Vec<String> =
        tags.iter().map(|tag| format!("'{}'", tag.replace('\\', "\\\\").replace('\'', "\\'"))).collect();
    format!("[{}]", quoted.join(", "))
}

fn seconds(item: &Item) -> String {
    item.added.map_or_else(String::new, |seconds| seconds.to_string())
}

fn rfc3339(item: &Item) -> Option<String> {
    item.added.map(|seconds| jiff::Timestamp::from_second(seconds).unwrap().to_string())
}

fn table(header: &str, items: &[Item], row: impl Fn(&Item) -> Vec<String>) -> String {
    let rows = items.iter().map(|item| row(item).iter().map(|text| cell(text)).collect::<Vec<_>>().join(","));
    std::iter::once(header.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

fn netscape(items: &[Item]) -> String {
    let mut list = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<H1>Bookmarks</H1>\n<DL><p>\n".to_owned();
    for item in items {
        let (url, tags) = (escaped(&item.url), escaped(&item.tags.join(",")));
        let (title, note) = (escaped(&item.title), escaped(&item.note));
        let added = seconds(item);
        list += &format!("<DT><A HREF=\"{url}\" ADD_DATE=\"{added}\" TAGS=\"{tags}\">{title}</A>\n<DD>{note}\n");
    }
    list + "</DL><p>\n"
}

fn opml(items: &[Item]) -> String {
    let mut list = "<?xml version=\"1.0\"?><opml version=\"2.0\"><body>".to_owned();
    for item in items {
        let (url, tags) = (escaped(&item.url), escaped(&item.tags.join(",")));
        let (title, note) = (escaped(&item.title), escaped(&item.note));
        let added = rfc3339(item).unwrap_or_default();
        list += &format!(
            "<outline text=\"{title}\" url=\"{url}\" category=\"{tags}\" created=\"{added}\" _note=\"{note}\"/>"
        );
    }
    list + "</body></opml>"
}

/// A list of this form.
fn written(format: Format, items: &[Item]) -> String {
    match format {
        Format::Urls => items.iter().map(|item| format!("{}\n", item.url)).collect(),
        Format::OneTab => items.iter().map(|item| format!("{} | {}\n\n", item.url, item.title)).collect(),
        Format::Json => json!(items.iter().map(|item| json!({"url": item.url, "title": item.title, "tags": item.tags, "created_at": item.added, "note": item.note})).collect::<Vec<_>>()).to_string(),
        Format::Karakeep => json!({"bookmarks": items.iter().map(|item| json!({"createdAt": item.added, "title": item.title, "tags": item.tags, "content": {"type": "link", "url": item.url}, "note": item.note})).collect::<Vec<_>>(), "lists": []}).to_string(),
        Format::Linkwarden => json!({"collections": [{"name": "Unorganized", "links": items.iter().map(|item| json!({"url": item.url, "name": item.title, "description": item.note, "createdAt": rfc3339(item), "tags": item.tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>()})).collect::<Vec<_>>()}]}).to_string(),
        Format::Omnivore => json!(items.iter().map(|item| json!({"url": item.url, "title": item.title, "labels": item.tags, "savedAt": rfc3339(item), "slug": "s"})).collect::<Vec<_>>()).to_string(),
        Format::Csv => table("note,added,tags,title,url", items, |item| vec![item.note.clone(), seconds(item), item.tags.join(","), item.title.clone(), item.url.clone()]),
        Format::Pocket => table("title,url,time_added,tags,status", items, |item| vec![item.title.clone(), item.url.clone(), seconds(item), item.tags.join("|"), "unread".into()]),
        Format::Instapaper => table("URL,Title,Selection,Folder,Timestamp,Tags", items, |item| vec![item.url.clone(), item.title.clone(), item.note.clone(), "Archive".into(), seconds(item), json!(item.tags).to_string()]),
        Format::Readwise => table("Title,URL,ID,Document tags,Saved date,Reading progress,Location,Seen", items, |item| vec![item.title.clone(), item.url.clone(), "1".into(), python(&item.tags), rfc3339(item).unwrap_or_default().replace('T', " ").replace('Z', "+00:00"), "0".into(), "new".into(), "True".into()]),
        Format::Netscape => netscape(items),
        Format::Opml => opml(items),
    }
}

/// What a form can say of an item.
fn sayable(format: Format, item: &Item) -> Item {
    let bare = Item { url: item.url.clone(), ..Item::default() };
    match format {
        Format::Urls => bare,
        Format::OneTab => Item { title: item.title.clone(), ..bare },
        Format::Omnivore | Format::Pocket | Format::Readwise => Item { note: String::new(), ..item.clone() },
        _ => item.clone(),
    }
}

fn form() -> impl Strategy<Value = Format> {
    proptest::sample::select(Format::ALL.to_vec())
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_is_written_is_read_back(format in form(), items in proptest::collection::vec(item(), 0..6)) {
        let outcome = all(format, written(format, &items));
        prop_assert_eq!((outcome.broken.len(), &outcome.unreadable), (0, &None));
        let read: Vec<Item> = outcome.entries.into_iter().map(Item::from).collect();
        let meant: Vec<Item> = items.iter().map(|item| sayable(format, item)).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn no_bytes_do_harm(format in form(), list in proptest::collection::vec(any::<u8>(), 0..200), step in 1_usize..9) {
        prop_assert_eq!(all(format, &list), slowly(format, &list, step));
    }

    /// A list that is cut and has some bytes changed is nearly one, and so gets
    /// further than bytes by chance.
    #[test]
    fn no_damage_does_harm(
        format in form(),
        items in proptest::collection::vec(item(), 1..4),
        keep in 0.0..1.2_f64,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        step in 1_usize..40,
    ) {
        let mut list = written(format, &items).into_bytes();
        for (at, byte) in changes {
            let at = at.index(list.len());
            list[at] = byte;
        }
        // At most the whole.
        list.truncate((list.len() as f64 * keep) as usize);
        let outcome = all(format, &list);
        prop_assert!(outcome.entries.len() + outcome.broken.len() <= list.len());
        prop_assert_eq!(outcome, slowly(format, &list, step));
    }
}
