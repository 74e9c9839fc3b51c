//! `research`: answers a question out of the library with a brief in which each sentence says where it stands.
//!
//! [`Gathered`] searches for the question, for its parts, and for what the passages found so far say beyond its
//! words, and is kept as a checkpoint after each search. [`choose()`] takes sentences out of the passages; with an
//! endpoint, a model writes findings about them. [`open()`] names what they leave open. [`Brief`] is `brief.json`,
//! and [`Brief::file`] is `brief.md`.
//!
//! What it cannot promise: that the library holds the answer, or that the search finds it; that a sentence, taken
//! alone, means what it meant among the others; that what a model says follows from the passages that it cites.

mod brief;
mod choose;
mod gather;
mod model;

use capstan_sdk::endpoint::Endpoint;
use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, Passage, Scope, Success};
use capstan_text::{Terms, guess};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use brief::{Brief, Cite, JSON, MARKDOWN, Method, Note, Origin, Source};
pub use choose::{choose, open};
pub use gather::{FORMAT, Gathered, LIMIT};

/// Bytes that a question may have.
pub const QUESTION: usize = 500;

/// The handler of kind `research`.
#[derive(Debug, Default)]
pub struct Research;

/// What a job carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// What is asked: at most 500 bytes.
    #[schemars(length(min = 1, max = 500))]
    pub question: String,
    /// Where to look; the whole library without.
    #[serde(default)]
    pub scope: Scope,
    /// How many findings the brief has at most, 1 to 50; what is configured when it is not given.
    #[schemars(range(min = 1, max = 50))]
    pub sentences: Option<usize>,
}

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many passages each search gives, and the brief is made of, at most: 1 to 50.
    #[schemars(range(min = 1, max = 50))]
    pub passages: u32,
    /// How many findings a brief has at most, 1 to 50.
    #[schemars(range(min = 1, max = 50))]
    pub sentences: usize,
    /// How often the library is searched at most, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub searches: usize,
    /// The model that writes the findings. Without it they are sentences of the passages.
    pub endpoint: Option<Endpoint>,
}

impl Default for Config {
    fn default() -> Self {
        Self { passages: 24, sentences: 12, searches: 6, endpoint: None }
    }
}

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// How the findings were made.
    pub method: Method,
    /// How many there are.
    pub findings: usize,
    /// How many documents are cited.
    pub sources: usize,
    /// How many questions are open.
    pub open: usize,
    /// How often the library was searched, in all attempts.
    pub searches: usize,
}

impl Handler for Research {
    const KIND: &'static str = "research";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "answers a question out of the library, each sentence with its source";

    type Payload = Payload;
    type Config = Config;
    type Result = Answer;

    fn asks() -> Asks {
        Asks::default().retrieve().optional_http("POST *://*:*").optional_secret("chat")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![
            Artifact::new(MARKDOWN, "text/markdown", "findings with citations, open questions and sources"),
            Artifact::new(JSON, "application/json", "the same, as docs/brief.schema.json has it"),
        ]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        let (Payload { question, sentences, .. }, config) = (job.payload(), job.config());
        let most = sentences.unwrap_or(config.sentences);
        // A schema counts letters.
        let bytes = question.len();
        if bytes > QUESTION {
            return Err(Failure::permanent(format!("question has {bytes} bytes; ask in at most {QUESTION}")));
        }
        let gathered = Gathered::gather(job)?;
        let passages = &gathered.passages;
        let terms = Terms::of(&language(passages));
        let endpoint = config.endpoint.as_ref().filter(|_| !passages.is_empty());
        let notes = endpoint.map(|endpoint| model::ask(endpoint, question, passages, most)).transpose()?;
        let (findings, said) = notes.unwrap_or_else(|| (choose(question, passages, &terms, most), Vec::new()));
        let open = open(question, passages, &findings, &terms).into_iter().chain(said).collect();
        let brief = Brief::new(gathered, endpoint.map(Endpoint::model), findings, open);
        job.output().write(MARKDOWN, brief.file())?;
        job.output().write(JSON, serde_json::to_vec(&brief)?)?;
        let Brief { method, findings, sources, open, searches, .. } = brief;
        let (findings, sources, open) = (findings.len(), sources.len(), open.len());
        Ok(Success::Done(Answer { method, findings, sources, open, searches: searches.len() }))
    }
}

/// The language of the passages, as far as it is clear; empty otherwise.
fn language(passages: &[Passage]) -> String {
    let text = passages.iter().map(|passage| &*passage.text).collect::<Vec<_>>().join("\n");
    guess(&text).filter(|guess| guess.is_reliable).map(|guess| guess.tag).unwrap_or_default()
}

capstan_sdk::export!(Research);
capstan_sdk::talc!();
