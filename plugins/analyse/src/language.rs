//! The language of a document, and how it is known.
//!
//! What the page says wins over what its letters say, and both are given, so that whoever reads them can see where they
//! disagree. What it cannot promise: a page that says `en` and is written in German is taken at its word.

use capstan_text::{Block, Document};
use schemars::JsonSchema;
use serde::Serialize;

/// How many bytes of text are shown to the detector, which looks at 4000 letters.
const SAMPLE: usize = 20_000;

/// How a language is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// The page says it.
    Stated,
    /// It was guessed from the letters.
    Detected,
    /// It is not.
    Unknown,
}

/// The language of a document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Language {
    /// A BCP 47 tag, for example `de` or `pt-BR`; `und` when it is not known.
    pub tag: String,
    /// How it is known.
    pub from: From,
    /// What the letters of the prose look like, whatever the page says; missing when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected: Option<String>,
    /// How sure the detector is of `detected`, from 0 to 1; no probability.
    pub confidence: f64,
}

/// The language of a document with these blocks of text.
pub(crate) fn language<'a>(document: &Document, blocks: impl Iterator<Item = &'a Block>) -> Language {
    let mut sample = String::new();
    for block in blocks {
        sample.push_str(&block.text);
        sample.push('\n');
        if sample.len() > SAMPLE {
            break;
        }
    }
    let guess = capstan_text::guess(&sample);
    let confidence = guess.as_ref().map_or(0.0, |guess| (guess.confidence * 1000.0).round() / 1000.0);
    let detected = guess.map(|guess| guess.tag);
    let stated = Some(&document.language).filter(|tag| document.language_from.is_empty() && is_tag(tag)).cloned();
    let from = match (&stated, &detected) {
        (Some(_), _) => From::Stated,
        (None, Some(_)) => From::Detected,
        (None, None) => From::Unknown,
    };
    let tag = stated.or_else(|| detected.clone()).unwrap_or_else(|| "und".to_owned());
    Language { tag, from, detected, confidence }
}

/// Whether a text has the form of a BCP 47 tag: `english` has not, `en` and `zh-Hant-TW` have.
fn is_tag(tag: &str) -> bool {
    let is_subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let primary = tag.split('-').next().unwrap_or_default();
    matches!(primary.len(), 2 | 3)
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && tag.split('-').all(is_subtag)
}
