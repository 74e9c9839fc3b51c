//! `index`: says what a document says, in passages, for the host's search.
//!
//! The host folds the current `entry.json` of every subject into its index (`docs/search.md`). Passages are cut as
//! `embed` cuts them, so that what is found by words and what is found by meaning is the same passage.
//!
//! What it cannot promise: that a passage holds a whole thought; it is cut at headings and between blocks, and only
//! within those that are longer than a passage may be.

use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success};
use capstan_text::{Document, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file that is made.
pub const ENTRY: &str = "entry.json";
/// What stands between headings.
const BETWEEN: &str = " › ";

/// The handler of kind `index`.
#[derive(Debug, Default)]
pub struct Index;

/// What a job may carry: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payload {}

/// How passages are cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Words of a passage at most; 180 by default.
    #[schemars(range(min = 20, max = 2000))]
    pub words: usize,
    /// Words that are repeated from the passage before; 30 by default.
    #[schemars(range(max = 1000))]
    pub overlap: usize,
}

impl Default for Config {
    fn default() -> Self {
        let Size { words, overlap } = Size::default();
        Self { words, overlap }
    }
}

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// How many passages there are.
    pub passages: usize,
}

/// What a document says: `entry.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "What a document says, for the search of Capstan")]
pub struct Entry {
    /// The form of this file: 1.
    pub format: u32,
    /// Its title, or empty.
    pub title: String,
    /// The address to show for it.
    pub url: String,
    /// Its language as a BCP 47 tag, or empty.
    pub language: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its pieces, in their order.
    pub passages: Vec<Piece>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Piece {
    /// Where it begins in `document.md`, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The headings above it, the outermost first, divided by ` › `; or empty.
    pub heading: String,
    /// Its text without marks.
    pub text: String,
}

/// What a document says, in passages of this size.
#[must_use]
pub fn entry(document: &Document, tags: Vec<String>, size: Size) -> Entry {
    let passages = document.passages(size).into_iter().map(|passage| Piece {
        start: passage.range.start,
        end: passage.range.end,
        heading: passage.headings.join(BETWEEN),
        text: passage.text,
    });
    let (title, language) = (document.title.clone(), document.language.clone());
    Entry { format: 1, title, url: document.url().to_owned(), language, tags, passages: passages.collect() }
}

impl Handler for Index {
    const KIND: &'static str = "index";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "says what a document says, for the search";

    type Payload = Payload;
    type Config = Config;
    type Result = Summary;

    fn asks() -> Asks {
        Asks::default().artifacts("normalise")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new(ENTRY, "application/json", "title, address, language, tags and passages")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Summary>, Failure> {
        let input = job.input("normalise").permanent("this document was not normalised; run `normalise` first")?;
        let mut document = Document::parse(&input.read_to_string("document.md")?);
        if document.title.is_empty() {
            document.title = job.title();
        }
        let Config { words, overlap } = *job.config();
        let entry = entry(&document, job.tags(), Size { words, overlap });
        let file = serde_json::to_string(&entry).permanent("`entry.json`")?;
        job.output().write(ENTRY, file)?;
        Ok(Success::Done(Summary { passages: entry.passages.len() }))
    }
}

capstan_sdk::export!(Index);
capstan_sdk::talc!();
