//! The file: front matter, and the content behind it.

use crate::block::{self, Block};
use crate::passage::{self, Passage, Size};
use crate::sentence::{self, Sentence};

/// A document of the library. A field that is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Where it was taken from: a URL.
    pub source: String,
    /// The address that it gives for itself.
    pub canonical_url: String,
    /// Its language as a BCP 47 tag.
    pub language: String,
    /// `detected` when the language is a guess from the text; empty when the page says it.
    pub language_from: String,
    /// When it was published, as it says itself.
    pub published: String,
    /// Who wrote it.
    pub byline: String,
    file: String,
    body: usize,
}

impl Document {
    /// Read a file. Without front matter all of it is content.
    #[must_use]
    pub fn parse(file: &str) -> Self {
        let mut document = Self { file: file.to_owned(), ..Self::default() };
        let Some((head, body)) = split(file) else { return document };
        document.body = body;
        for line in head.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.trim().to_owned());
            match name {
                "title" => document.title = value,
                "source" => document.source = value,
                "canonical_url" => document.canonical_url = value,
                "language" => document.language = value,
                "language_from" => document.language_from = value,
                "published" => document.published = value,
                "byline" => document.byline = value,
                _ => {}
            }
        }
        document
    }

    /// The whole file, which ranges are about.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The Markdown behind the front matter.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.file[self.body..]
    }

    /// The address to show for it: its own, or where it was taken from.
    #[must_use]
    pub fn url(&self) -> &str {
        if self.canonical_url.is_empty() { &self.source } else { &self.canonical_url }
    }

    /// Its parts, in their order; those without text are left out.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        block::blocks(self.body(), self.body)
    }

    /// The sentences of its prose: of paragraphs, list items and quotes, not of headings, code and tables.
    #[must_use]
    pub fn sentences(&self) -> Vec<Sentence> {
        sentence::sentences(&self.blocks())
    }

    /// Pieces of about the same size, cut where the structure allows it.
    #[must_use]
    pub fn passages(&self, size: Size) -> Vec<Passage> {
        passage::passages(&self.blocks(), size)
    }
}

/// The lines of the front matter, and where the content begins.
fn split(file: &str) -> Option<(&str, usize)> {
    let head = file.strip_prefix("---\n")?;
    let end = head.find("\n---\n")?;
    let behind = 4 + end + 5;
    let blank = file[behind..].len() - file[behind..].trim_start_matches('\n').len();
    Some((&head[..end], behind + blank))
}
