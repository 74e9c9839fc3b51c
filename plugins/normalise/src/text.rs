//! Markdown, plain text and the text of a PDF to a document.
//!
//! Markdown keeps its marks; in plain text the signs that Markdown would take for marks are escaped, and
//! pages of a PDF become paragraphs. Front matter of the source is read as `name: value` lines: nested
//! values are not understood and fall away.

use crate::Document;
use crate::meta::{Meta, one_line};

/// A first line longer than this is no title, in letters.
const TITLE: usize = 120;

/// Tidies a text and reads its title off front matter, the first heading or a short first line.
#[must_use]
pub fn text(content: &str, is_markdown: bool) -> Document {
    let content = content.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let content = content.replace('\r', "\n").replace('\u{c}', "\n\n");
    let (mut meta, body) = if is_markdown { front_matter(&content) } else { (Meta::default(), &*content) };
    let mut markdown = String::with_capacity(body.len());
    for line in body.trim_start_matches('\n').lines().map(str::trim_end) {
        if !(line.is_empty() && (markdown.is_empty() || markdown.ends_with("\n\n"))) {
            markdown.push_str(&if is_markdown { line.to_owned() } else { escaped(line) });
            markdown.push('\n');
        }
    }
    if meta.title.is_empty() {
        meta.title = title(body, is_markdown).unwrap_or_default();
    }
    Document { meta, markdown: markdown.trim_end().to_owned() }
}

fn front_matter(content: &str) -> (Meta, &str) {
    let parts = content.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    let (lines, body) = parts.unwrap_or(("", content));
    let value = |names: &[&str]| {
        let found = lines.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| names.contains(name));
        found.map(|(_, value)| one_line(value.trim().trim_matches(['"', '\'']))).unwrap_or_default()
    };
    let meta = Meta {
        title: value(&["title"]),
        byline: value(&["author", "byline"]),
        site: value(&["site"]),
        language: value(&["lang", "language"]),
        language_from: String::new(),
        published: value(&["date", "published"]),
        canonical_url: value(&["canonical_url", "url"]),
    };
    (meta, body)
}

fn title(body: &str, is_markdown: bool) -> Option<String> {
    let heading = body.lines().find_map(|line| line.strip_prefix("# ")).filter(|_| is_markdown);
    let first = body.lines().find(|line| !line.trim().is_empty());
    let first = first.filter(|line| line.chars().count() <= TITLE && !line.trim_end().ends_with([',', ';']));
    heading.or(first).map(|line| one_line(line.trim_start_matches('#').trim_end_matches('#')))
}

fn escaped(line: &str) -> String {
    let line = line.trim_start().replace('\\', "\\\\").replace('*', "\\*").replace('<', "\\<").replace('`', "\\`");
    if line.starts_with(['#', '>', '=', '|', '~']) { format!("\\{line}") } else { line }
}
