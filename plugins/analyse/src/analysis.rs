//! What is said about a document, and the order in which it is found out.

use capstan_terms::fingerprint::{digest, hex, simhash};
use capstan_terms::{Keyphrase, Text, keyphrases};
use capstan_text::{Document, Lexicon, Shape, is_unspaced};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Config;
use crate::entity::{self, Entities};
use crate::language::{self, Language};
use crate::taxonomy::{self, Kind, Match};

/// What is said about a document; the content of `analysis.json`. Offsets are in bytes of `document.md`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Analysis {
    /// The format of this file: 1. Fields may be added to it; anything else gives the next number.
    pub format: u8,
    /// The version of `analyse` that wrote this.
    pub analyse: String,
    /// Its language.
    pub language: Language,
    /// How many words it has, code and tables included; letters of scripts without spaces count as one word each.
    pub words: usize,
    /// How many sentences its paragraphs, list items and quotes have.
    pub sentences: usize,
    /// Seconds that reading all its words takes at the configured speed, rounded.
    pub reading_seconds: u64,
    /// What it is about, the best first.
    pub keyphrases: Vec<Keyphrase>,
    /// The categories of the taxonomy that it belongs to, the likeliest first.
    pub categories: Vec<Match>,
    /// The tags of the taxonomy that fit it, the likeliest first.
    pub tags: Vec<Match>,
    /// The model that chose categories and tags; absent when their words did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Addresses and dates in it.
    pub entities: Entities,
    /// SHA-256 of the folded text as 64 lower-case hex digits: the text without marks and front matter, in lower case, each
    /// run of white space as one space. Documents with the same digest have the same text.
    pub digest: String,
    /// A simhash of 64 bits as 16 lower-case hex digits. Long documents whose simhashes differ in up to 3 bits hardly differ.
    pub simhash: String,
}

/// Analyse a document: the content of `document.md`.
#[must_use]
pub fn analyse(file: &str, config: &Config) -> Analysis {
    let document = Document::parse(file);
    let blocks = document.blocks();
    let is_text = |shape: Shape| shape != Shape::Code;
    let texts = || blocks.iter().map(|block| &*block.text);
    let language = language::language(&document, blocks.iter().filter(|block| is_text(block.shape)));
    let lexicon = Lexicon::of(&language.tag);
    let text = Text::read(&blocks, &lexicon);
    let length = Length::of(texts());
    let mut matches = taxonomy::matches(&config.taxonomy, &text, &lexicon);
    let tags = matches.extract_if(.., |(kind, _)| *kind == Kind::Tag).map(|(_, found)| found).collect();
    Analysis {
        format: 1,
        analyse: env!("CARGO_PKG_VERSION").to_owned(),
        words: length.words + length.letters,
        sentences: capstan_text::sentences(&blocks).len(),
        reading_seconds: length.seconds(config),
        keyphrases: keyphrases(&text, &blocks, config.keyphrases.into()),
        categories: matches.into_iter().map(|(_, found)| found).collect(),
        tags,
        model: None,
        entities: entity::entities(&document),
        digest: digest(texts()),
        simhash: hex(simhash(texts())),
        language,
    }
}

/// How long a text is.
struct Length {
    /// Words of scripts with spaces.
    words: usize,
    /// Letters of scripts without.
    letters: usize,
}

impl Length {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut length = Self { words: 0, letters: 0 };
        for word in texts.flat_map(capstan_text::words) {
            match word.chars().filter(|letter| is_unspaced(*letter)).count() {
                0 => length.words += 1,
                letters => length.letters += letters,
            }
        }
        length
    }

    fn seconds(&self, config: &Config) -> u64 {
        let minutes = |count: usize, speed: u16| count as f64 / f64::from(speed.max(1));
        let all = minutes(self.words, config.reading_speed) + minutes(self.letters, config.reading_speed_letters);
        (all * 60.0).round() as u64
    }
}
