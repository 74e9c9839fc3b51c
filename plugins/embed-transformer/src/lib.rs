//! `embed` with all-MiniLM-L6-v2 itself, for those who have its file: same job, same files, better vectors.
//!
//! The weights lie in the project's `models/all-MiniLM-L6-v2.safetensors` and are read for every attempt. Of each
//! passage the first 254 tokens count, as with the reference; the vector is the mean over the tokens.
//!
//! It takes the name of the bundled handler, so that one command swaps it in and one goes back.
//!
//! What it cannot promise: speed. Reading the weights comes on top of every job and every search, and a passage takes
//! tenths of a second; `docs/embedding.md` has the figures. Its matrices use SIMD only when all of it is built with
//! `-C target-feature=+simd128`.

mod bert;
mod matrix;
mod weights;

use std::fs::File;
use std::path::Path;

use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success};
use capstan_vectors::{Answer, Config, Embedder, Model, Payload, WordPiece, normalise};

use crate::bert::{Bert, WIDTH};
use crate::weights::Weights;

const FILE: &str = "all-MiniLM-L6-v2.safetensors";

/// How many tokens of a text count, with both marks; what the reference takes.
const TOKENS: usize = 256;

/// The handler of kind `embed` that runs the transformer.
#[derive(Debug, Default)]
pub struct EmbedTransformer;

/// The transformer with its weights.
pub struct Transformer {
    bert: Bert,
    words: WordPiece,
}

impl Transformer {
    /// Read the weights.
    ///
    /// # Errors
    ///
    /// Permanent when there is no file, or it is of another model.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let file = File::open(path).permanent(format!("`{name}`; put the model's `model.safetensors` there"))?;
        let wrong = || format!("`{name}` is not the file of all-MiniLM-L6-v2");
        let bert = Weights::open(file).and_then(Bert::read).permanent(wrong())?;
        Ok(Self { bert, words: WordPiece::default() })
    }
}

impl Embedder for Transformer {
    fn model(&self) -> Model {
        Model { name: "all-MiniLM-L6-v2".to_owned(), digest: self.bert.digest().to_owned() }
    }

    fn dimension(&self) -> usize {
        WIDTH
    }

    fn embed(&mut self, text: &str) -> Result<Option<Vec<f32>>, Failure> {
        let mut tokens = self.words.tokens(text);
        if tokens.iter().all(|token| *token == WordPiece::UNKNOWN) {
            return Ok(None);
        }
        tokens.truncate(TOKENS - 2);
        tokens.insert(0, WordPiece::START);
        tokens.push(WordPiece::END);
        Ok(normalise(self.bert.run(&tokens).transient("the weights cannot be read any more")?))
    }
}

impl Handler for EmbedTransformer {
    const KIND: &'static str = "embed";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "turns the passages of a document into vectors, with all-MiniLM-L6-v2 from `models/`";

    type Payload = Payload;
    type Config = Config;
    type Result = Answer;

    fn asks() -> Asks {
        capstan_vectors::asks().models()
    }

    fn artifacts() -> Vec<Artifact> {
        capstan_vectors::artifacts()
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        let mut model = Transformer::read(&job.models()?.path(FILE))?;
        capstan_vectors::run(job, &mut model)
    }
}

capstan_sdk::export!(EmbedTransformer);
