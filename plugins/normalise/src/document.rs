//! The document that comes out, and its file.

use std::fmt::Write;

use crate::find::is_unspaced;
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
        let rest = |part: &str| part.split_once(')').map_or(String::new(), |(_, rest)| format!(" {rest}"));
        let mut parts = self.markdown.split("](");
        let text = parts.next().unwrap_or_default().to_owned() + &parts.map(rest).collect::<String>();
        let words = text.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '\'' | '’' | '-'));
        let words = words.filter(|word| word.contains(char::is_alphanumeric));
        words.map(|word| word.chars().filter(|letter| is_unspaced(*letter)).count().max(1)).sum()
    }

    /// The document as a file: front matter between `---` lines, an empty line, the content. Fields that
    /// are not known are left out; `source` is where the document was taken from.
    #[must_use]
    pub fn file(&self, source: &str) -> String {
        let mut file = "---\n".to_owned();
        let fields = [
            ("title", &*self.meta.title),
            ("byline", &*self.meta.byline),
            ("site", &*self.meta.site),
            ("language", &*self.meta.language),
            ("language_from", &*self.meta.language_from),
            ("published", &*self.meta.published),
            ("canonical_url", &*self.meta.canonical_url),
            ("source", source),
        ];
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            // A JSON string is a YAML scalar: nothing in it needs another form of quoting.
            let _ = writeln!(file, "{name}: {}", serde_json::Value::from(*value));
        }
        let _ = writeln!(file, "word_count: {}\n---\n", self.words());
        file + self.markdown.trim_end() + "\n"
    }
}
