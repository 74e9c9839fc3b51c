//! `normalise`: turns what `ingest` kept into one clean Markdown file with YAML front matter.
//!
//! A page goes through [`page()`]: metadata is read, the part that holds the content is found by names and shares
//! of text, trafilatura's algorithm takes out of prose what is no part of the article, and the rest is given a
//! shape that Markdown can carry and written. Markdown, plain text and the text of a PDF are tidied by
//! [`text()`]. Both give a [`Document`], and [`Document::file`] is `document.md`.
//!
//! What it cannot promise: content is told from its surroundings by names and shares of text, so an oddly built
//! page may lose a part or keep a bit of navigation (`docs/extraction.md` says how often). Scripts are not run:
//! what they would add is not there.

mod article;
mod document;
mod find;
mod meta;
mod page;
mod shape;
mod text;

use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use document::Document;
pub use page::page;
pub use text::text;

const DOCUMENT: &str = "document.md";

/// The handler of kind `normalise`.
#[derive(Debug, Default)]
pub struct Normalise;

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// The title of the document, or empty.
    pub title: String,
    /// The language as a BCP 47 tag, or empty when it is not known.
    pub language: String,
    /// How many words the text has; letters of scripts without spaces count as one word each.
    pub words: usize,
}

/// The part of `capture.json` that is needed here.
#[derive(Debug, Deserialize)]
struct Capture {
    source: String,
    media_type: String,
    document: String,
}

impl Handler for Normalise {
    const KIND: &'static str = "normalise";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "turns the main content of a document into Markdown with front matter";

    type Payload = Empty;
    type Config = Empty;
    type Result = Summary;

    fn asks() -> Asks {
        Asks::default().artifacts("ingest")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new(DOCUMENT, "text/markdown", "YAML front matter and the content as Markdown")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Summary>, Failure> {
        let input = job.input("ingest").permanent("nothing was ingested for this document; run `ingest` first")?;
        let capture = input.read_to_string("capture.json")?;
        let capture: Capture = serde_json::from_str(&capture).permanent("`capture.json`")?;
        let content = input.read_to_string(&capture.document)?;
        let mut document = if capture.document.ends_with(".html") {
            page(&content, &capture.source)
        } else {
            text(&content, capture.media_type == "text/markdown")
        };
        if document.meta.title.is_empty() {
            document.meta.title = job.title();
        }
        if document.meta.language.is_empty()
            && let Some(guess) = capstan_text::guess(&document.markdown).filter(|guess| guess.is_reliable)
        {
            document.meta.language = guess.tag;
            "detected".clone_into(&mut document.meta.language_from);
        }
        if document.words() == 0 {
            log::warn!("no content was found"; "bytes" => document.markdown.len());
        }
        job.output().write(DOCUMENT, document.file(&capture.source))?;
        Ok(Success::Done(Summary {
            words: document.words(),
            title: document.meta.title,
            language: document.meta.language,
        }))
    }
}

capstan_sdk::export!(Normalise);
capstan_sdk::talc!();
