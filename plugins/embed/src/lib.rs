//! `embed`: one vector for each passage of a document, and one for the words of a search.
//!
//! The model is a table with a vector for each token of BERT's English vocabulary, distilled from all-MiniLM-L6-v2
//! (`model/NOTICE` says how); the vector of a text is the sum of its tokens' vectors. It lies in the component, so
//! nothing is loaded: a search is embedded in well under a millisecond. With an endpoint, [`Remote`] asks a model of the
//! operator's choice instead, for documents and searches alike.
//!
//! What it cannot promise: a sum knows no order and no context, so *dog bites man* is *man bites dog*. The vocabulary
//! is English; `docs/embedding.md` says what becomes of other languages, and how well the vectors find what is meant.

mod remote;
mod table;

use capstan_sdk::endpoint::Endpoint;
use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success};
use capstan_text::Size;
use capstan_vectors::{Answer, Embedder, Model, Payload, WordPiece};
use schemars::JsonSchema;
use serde::Deserialize;

pub use remote::{DIMENSION, Remote};
pub use table::Table;

/// The bundled table as it is stored.
pub static TABLE: &[u8] = include_bytes!("../model/table.bin");

/// The handler of kind `embed`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embed;

/// What the operator may set. A change counts for documents that are embedded after it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many words a passage has at most, where the structure allows it; 180 by default.
    #[schemars(range(min = 1))]
    pub words: usize,
    /// How many words are repeated from the passage before, at most half a passage; 30 by default.
    pub overlap: usize,
    /// The model that makes the vectors. Without it they are made by the bundled one, of 256 numbers each.
    pub endpoint: Option<Endpoint>,
    /// How many numbers the model's vectors must have, 1 to 4,096; what it gives when it is not set.
    #[schemars(range(min = 1, max = 4096))]
    pub dimension: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        let Size { words, overlap } = Size::default();
        Self { words, overlap, endpoint: None, dimension: None }
    }
}

impl From<&Config> for Size {
    fn from(config: &Config) -> Self {
        Self { words: config.words, overlap: config.overlap }
    }
}

/// The bundled model.
pub struct Static {
    table: Table<'static>,
    words: WordPiece,
}

impl Static {
    /// The model as it lies in the component.
    ///
    /// # Errors
    ///
    /// When the component was built from a file that is no table.
    pub fn new() -> Result<Self, Failure> {
        let table = Table::new(TABLE).permanent("`table.bin` is no table; build the component again")?;
        Ok(Self { table, words: WordPiece::default() })
    }
}

impl Embedder for Static {
    fn model(&self) -> Model {
        Model { name: "capstan-static-minilm".to_owned(), digest: env!("MODEL_DIGEST").to_owned() }
    }

    fn dimension(&self) -> usize {
        self.table.dimension()
    }

    fn embed(&mut self, text: &str) -> Result<Option<Vec<f32>>, Failure> {
        Ok(self.table.embed(&self.words.tokens(text)))
    }
}

impl Handler for Embed {
    const KIND: &'static str = "embed";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "turns the passages of a document into vectors, with a small model of its own";

    type Payload = Payload;
    type Config = Config;
    type Result = Answer;

    fn asks() -> Asks {
        capstan_vectors::asks().optional_http("POST *://*:*").optional_secret("embeddings")
    }

    fn artifacts() -> Vec<Artifact> {
        capstan_vectors::artifacts()
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        let Config { endpoint, dimension, .. } = job.config();
        // The host refuses what the schema refuses; this is for whoever runs the handler without it.
        if let Some(wanted) = dimension.filter(|wanted| !(1..=DIMENSION).contains(wanted)) {
            return Err(Failure::permanent(format!("`dimension` is {wanted}; give 1 to {DIMENSION}")));
        }
        if let Some(endpoint) = endpoint {
            return capstan_vectors::run(job, &mut Remote::new(endpoint, *dimension));
        }
        let mut model = Static::new()?;
        let found = model.dimension();
        if let Some(wanted) = dimension.filter(|wanted| *wanted != found) {
            return Err(Failure::permanent(format!(
                "`dimension` is {wanted}, and the bundled model has {found}; set `endpoint`, or leave `dimension` out"
            )));
        }
        capstan_vectors::run(job, &mut model)
    }
}

capstan_sdk::export!(Embed);
capstan_sdk::talc!();
