//! The files that come out.
//!
//! `summary.md` has the front matter of a document and a list item for each sentence, with its place at the end:
//! `- Its text. [1204–1310]`. Sentences of a model have no place of their own; below them stands what they were made
//! from. The text is plain, and the signs that Markdown would take for marks are escaped.

use std::fmt::Write as _;

use capstan_text::{Document, escaped, sentence_ranges};
use schemars::JsonSchema;
use serde::Serialize;

use crate::extract::Cited;

/// What `summary.json` holds. Later versions may add fields.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "A summary of a document", extend("additionalProperties" = true))]
pub struct Summary {
    /// The version of this form.
    #[schemars(extend("const" = 1))]
    pub format: u32,
    /// How it was made.
    pub method: Method,
    /// The language of the document as a BCP 47 tag, or empty when it is not known.
    pub language: String,
    /// The summary as one text.
    pub text: String,
    /// Its sentences; those of the document in its order.
    #[schemars(length(max = 50))]
    pub sentences: Vec<Sentence>,
    /// The model that wrote them; absent when none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What a model wrote them from: ranges of `document.md`, one for each question to it; absent without a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub from: Vec<Range>,
}

/// Bytes `start` up to and without `end` of `document.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Range {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// How a summary was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Of sentences of the document.
    Extractive,
    /// By a model.
    Abstractive,
}

/// A sentence of a summary.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sentence {
    /// Its text without marks.
    pub text: String,
    /// Where it stands in the document; absent when a model wrote it.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// Where a sentence stands. Bytes `start` up to and without `end` of `document.md` hold it, with its marks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// Where it begins in `document.md`, in bytes.
    pub start: usize,
    /// Where it ends in `document.md`, in bytes.
    pub end: usize,
    /// How much it was worth, 0 to 1, to four decimals; the best sentence of the document has 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: f64,
}

impl Summary {
    /// A summary of these sentences.
    #[must_use]
    pub fn extractive(language: &str, cited: &[Cited]) -> Self {
        let mut text = String::new();
        for cited in cited {
            if text.chars().next_back().is_some_and(|last| !is_wide(last)) {
                text.push(' ');
            }
            text.push_str(&cited.text);
        }
        let sentences = cited.iter().map(|cited| {
            let score = (f64::from(cited.score) * 10_000.0).round() / 10_000.0;
            let place = Place { start: cited.range.start, end: cited.range.end, score };
            Sentence { text: cited.text.clone(), place: Some(place) }
        });
        let (method, language, sentences) = (Method::Extractive, language.to_owned(), sentences.collect());
        Self { format: 1, method, language, text, sentences, model: None, from: Vec::new() }
    }

    /// A summary that a model wrote from these ranges; of its sentences the first `most`.
    #[must_use]
    pub fn abstractive(language: &str, model: &str, said: &str, most: usize, from: Vec<Range>) -> Self {
        let ranges: Vec<_> = sentence_ranges(said).into_iter().take(most).collect();
        let text = said[..ranges.last().map_or(0, |last| last.end)].split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = |range: std::ops::Range<usize>| Sentence { text: said[range].to_owned(), place: None };
        let (method, language, model) = (Method::Abstractive, language.to_owned(), Some(model.to_owned()));
        Self { format: 1, method, language, text, sentences: ranges.into_iter().map(sentence).collect(), model, from }
    }

    /// The summary as a file, for people.
    #[must_use]
    pub fn file(&self, of: &Document) -> String {
        let mut file = "---\n".to_owned();
        let fields = [("title", &of.title), ("language", &self.language), ("source", &of.source)];
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            // A JSON string is a YAML scalar.
            let _ = writeln!(file, "{name}: {}", serde_json::Value::from(value.as_str()));
        }
        file.push_str("---\n\n");
        for sentence in &self.sentences {
            let place = sentence.place.as_ref().map(|Place { start, end, .. }| format!(" [{start}–{end}]"));
            let _ = writeln!(file, "- {}{}", escaped(&sentence.text), place.unwrap_or_default());
        }
        if let Some(model) = &self.model {
            let ranges: Vec<String> = self.from.iter().map(|Range { start, end }| format!("{start}–{end}")).collect();
            let _ = writeln!(file, "\nWritten by {} from bytes {}.", escaped(model), ranges.join(", "));
        }
        file
    }
}

/// Whether a letter is of a script that puts no space behind a sentence.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}
