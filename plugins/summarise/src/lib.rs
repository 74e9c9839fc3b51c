//! `summarise`: takes the sentences out of a document that say what it is about, each with its place in the file.
//!
//! [`extract()`] chooses among the sentences of `document.md`, [`Summary`] is `summary.json`, and [`Summary::file`]
//! is `summary.md`. That needs nothing but what `normalise` made, so it works without a network, and the same
//! document with the same settings gives the same summary. With an endpoint, a model writes the summary.
//!
//! What it cannot promise: without a model nothing is written anew. A sentence stands as its author wrote it, without
//! the ones around it, and what the document says nowhere in one sentence is not in the summary. `docs/summaries.md`
//! says how near it comes to summaries that people wrote. That a model says what the document says is not checked.

mod extract;
mod model;
mod summary;

use capstan_sdk::endpoint::Endpoint;
use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success, log};
use capstan_text::Document;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use capstan_text::CANDIDATES;
pub use extract::{BYTES, Cited, Extract, Origin, WORDS, Weights, extract};
pub use model::FORMAT;
pub use summary::{Method, Place, Range, Sentence, Summary};

const DOCUMENT: &str = "document.md";
const MARKDOWN: &str = "summary.md";
const JSON: &str = "summary.json";

/// How many sentences a summary may have, at least and at most.
pub const SENTENCES: (usize, usize) = (1, 50);

/// The handler of kind `summarise`.
#[derive(Debug, Default)]
pub struct Summarise;

/// What a job may carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Payload {
    /// How many sentences this summary has at most, 1 to 50; what is configured when it is not given.
    #[schemars(range(min = 1, max = 50))]
    pub sentences: Option<usize>,
}

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many sentences a summary has at most, 1 to 50.
    #[schemars(range(min = 1, max = 50))]
    pub sentences: usize,
    /// How much a sentence loses by repeating one that was taken before: 0 for nothing, 1 for all it has.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub diversity: f64,
    /// The model that writes summaries. Without it they are sentences of the documents.
    pub endpoint: Option<Endpoint>,
}

impl Default for Config {
    fn default() -> Self {
        Self { sentences: 5, diversity: 0.3, endpoint: None }
    }
}

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// How the summary was made.
    pub method: Method,
    /// How many sentences it has.
    pub sentences: usize,
    /// The language of the document as a BCP 47 tag, or empty when it is not known.
    pub language: String,
    /// How many words the summary has.
    pub words: usize,
    /// Why the summary is not made of sentences; absent when it is.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(default)]
    pub note: &'static str,
}

impl Handler for Summarise {
    const KIND: &'static str = "summarise";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "takes the sentences out of a document that say what it is about";

    type Payload = Payload;
    type Config = Config;
    type Result = Answer;

    fn asks() -> Asks {
        Asks::default().artifacts("normalise").optional_http("POST *://*:*").optional_secret("chat")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![
            Artifact::new(MARKDOWN, "text/markdown", "the sentences, each with its bytes in the document"),
            Artifact::new(JSON, "application/json", "the same with scores, as docs/summary.schema.json has it"),
        ]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        let (most, diversity) = settings(job.payload(), job.config())?;
        let input = job.input("normalise").permanent("the document is not normalised; run `normalise` first")?;
        let document = Document::parse(&input.read_to_string(DOCUMENT)?);
        let written = job.config().endpoint.as_ref().map(|endpoint| model::write(job, endpoint, &document, most));
        let (summary, note) = match written.transpose()?.flatten() {
            Some(summary) => (summary, ""),
            None => {
                let found = extract(&document, most, diversity, &Weights::default());
                (Summary::extractive(&document.language, &found.sentences), found.origin.note())
            }
        };
        if !note.is_empty() {
            log::warn!("{note}"; "bytes" => document.body().len());
        }
        job.output().write(MARKDOWN, summary.file(&document))?;
        job.output().write(JSON, serde_json::to_vec(&summary)?)?;
        let words = capstan_text::count(&summary.text);
        let (method, sentences) = (summary.method, summary.sentences.len());
        Ok(Success::Done(Answer { method, sentences, language: summary.language, words, note }))
    }
}

/// How many sentences, and how varied. The host refuses what the schemas refuse; this is for whoever runs the
/// handler without it.
fn settings(payload: &Payload, config: &Config) -> Result<(usize, f32), Failure> {
    let most = payload.sentences.unwrap_or(config.sentences);
    let (least, limit) = SENTENCES;
    if !(least..=limit).contains(&most) {
        return Err(Failure::permanent(format!("`sentences` is {most}; give {least} to {limit}")));
    }
    if !(0.0..=1.0).contains(&config.diversity) {
        return Err(Failure::permanent(format!("`diversity` is {}; give 0 to 1", config.diversity)));
    }
    Ok((most, config.diversity as f32))
}

capstan_sdk::export!(Summarise);
capstan_sdk::talc!();
