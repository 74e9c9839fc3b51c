//! The document that comes out, and its file.

use std::fmt::Write;

use capstan_extract::is_unspaced;

use crate::meta::Meta;

/// A document: what is known about it and its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// What is known about it.
    pub meta: Meta,
    /// The content as CommonMark with tables.
    pub markdown: String,
}

impl Document {
    /// The words of the content; marks and link targets do not count, letters of scripts without spaces
    /// count as one word each.
    #[must_use]
    pub fn words(&self) -> usize {
        count_words(&self.markdown)
    }

    /// The document as a file: front matter between `---` lines, an empty line, the content. Fields that
    /// are not known are left out.
    #[must_use]
    pub fn file(&self) -> String {
        let meta = &self.meta;
        let mut file = "---\n".to_owned();
        let fields = [
            ("title", &meta.title),
            ("byline", &meta.byline),
            ("site", &meta.site),
            ("language", &meta.language),
            ("published", &meta.published),
            ("canonical_url", &meta.canonical_url),
            ("source", &meta.source),
        ];
        for (name, value) in fields {
            if !value.is_empty() {
                // A JSON string is a YAML scalar: nothing in it needs another form of quoting.
                let _ = writeln!(file, "{name}: {}", serde_json::Value::from(value.as_str()));
            }
        }
        let _ = writeln!(file, "word_count: {}\n---\n", self.words());
        file + self.markdown.trim_end() + "\n"
    }
}

fn count_words(markdown: &str) -> usize {
    let mut words = 0;
    let mut inside = false;
    let mut target = false;
    let mut before = ' ';
    for letter in markdown.chars() {
        target = (target && letter != ')') || (letter == '(' && before == ']');
        let unspaced = is_unspaced(letter);
        let part = letter.is_alphanumeric() && !target;
        words += usize::from(part && (unspaced || !inside));
        inside = (part && !unspaced) || (inside && matches!(letter, '\'' | '’' | '-'));
        before = letter;
    }
    words
}
