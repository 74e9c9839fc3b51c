//! The job, whatever the model.

use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success, log};
use capstan_text::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Embedder, Index, Model, vectors};

const VECTORS: &str = "vectors.f32";
const INDEX: &str = "vectors.json";

/// How many letters (Unicode scalar values) a query may have.
pub const QUERY_LETTERS: usize = 8192;

/// What a job may carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payload {
    /// Words to embed instead of the document. Nothing is written then; the vector is in the result. At most 8,192
    /// letters.
    #[schemars(length(max = QUERY_LETTERS))]
    pub query: Option<String>,
}

/// What the operator may set. A change counts for documents that are embedded after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many words a passage has at most, where the structure allows it; 180 by default.
    #[schemars(range(min = 1))]
    pub words: usize,
    /// How many words are repeated from the passage before, at most half a passage; 30 by default.
    pub overlap: usize,
}

impl Default for Config {
    fn default() -> Self {
        let Size { words, overlap } = Size::default();
        Self { words, overlap }
    }
}

impl From<&Config> for Size {
    fn from(config: &Config) -> Self {
        Self { words: config.words, overlap: config.overlap }
    }
}

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// The vectors of a document were written.
    Document {
        /// What made them.
        model: Model,
        /// How many numbers a vector has.
        dimension: usize,
        /// How many vectors there are.
        passages: usize,
    },
    /// The words of the payload were embedded.
    Query {
        /// What did it.
        model: Model,
        /// How many numbers a vector has.
        dimension: usize,
        /// The vector, of length 1; `null` when the model knows no word of the query.
        vector: Option<Vec<f32>>,
    },
}

/// What such a handler wants to touch.
#[must_use]
pub fn asks() -> Asks {
    Asks::default().artifacts("normalise")
}

/// The files that it makes.
#[must_use]
pub fn artifacts() -> Vec<Artifact> {
    vec![
        Artifact::new(VECTORS, "application/octet-stream", "one vector a passage, as little-endian 32-bit floats"),
        Artifact::new(INDEX, "application/json", "the model, and where the passages lie in `document.md`"),
    ]
}

/// Embed the document, or the query when there is one. Any configuration will do that says how long passages are.
///
/// # Errors
///
/// Permanent when there is no document, when the query is too long, and what the model cannot do.
pub fn run<H>(job: &Job<H>, model: &mut impl Embedder) -> Result<Success<Answer>, Failure>
where
    H: Handler<Payload = Payload, Result = Answer>,
    for<'a> Size: From<&'a H::Config>,
{
    if let Some(query) = &job.payload().query {
        let letters = query.chars().count();
        if letters > QUERY_LETTERS {
            return Err(Failure::permanent(format!(
                "the query has {letters} letters; at most {QUERY_LETTERS} are embedded at once, so shorten it"
            )));
        }
        let vector = model.embed(query)?;
        let (model, dimension) = (model.model(), model.dimension());
        return Ok(Success::Unchanged(Answer::Query { model, dimension, vector }));
    }
    let input =
        job.input("normalise").permanent("there is no `document.md` for this document; run `normalise` first")?;
    let file = input.read_to_string("document.md")?;
    let (index, bytes) = vectors::of_document(&file, job.config().into(), model)?;
    if index.passages.is_empty() {
        log::warn!("no passage has words that the model knows"; "bytes" => file.len());
    }
    job.output().write(VECTORS, bytes)?;
    job.output().write(INDEX, serde_json::to_vec(&index).permanent("`vectors.json`")?)?;
    let Index { model, dimension, passages, .. } = index;
    Ok(Success::Done(Answer::Document { model, dimension, passages: passages.len() }))
}
