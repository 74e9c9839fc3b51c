//! `embed`: one vector for each passage of a document, and one for the words of a search.
//!
//! The model is a table with a vector for each token of BERT's English vocabulary, distilled from all-MiniLM-L6-v2
//! (`model/NOTICE` says how); the vector of a text is the sum of its tokens' vectors. It lies in the component, so
//! nothing is loaded: a search is embedded in well under a millisecond.
//!
//! What it cannot promise: a sum knows no order and no context, so *dog bites man* is *man bites dog*. The vocabulary
//! is English; `docs/embedding.md` says what becomes of other languages, and how well the vectors find what is meant.

mod table;

use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success};
use capstan_vectors::{Answer, Config, Embedder, Model, Payload, WordPiece};

pub use table::Table;

/// The bundled table as it is stored.
pub static TABLE: &[u8] = include_bytes!("../model/table.bin");

/// The handler of kind `embed`.
#[derive(Debug, Default)]
pub struct Embed;

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
        capstan_vectors::asks()
    }

    fn artifacts() -> Vec<Artifact> {
        capstan_vectors::artifacts()
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        capstan_vectors::run(job, &mut Static::new()?)
    }
}

capstan_sdk::export!(Embed);
