//! `analyse`: tells what a document is about, without asking anybody; or, for categories and tags, a model.
//!
//! [`analyse()`] reads `document.md` of `normalise` and gives an [`Analysis`], which is written as `analysis.json`
//! (`docs/analysis.schema.json`): the language and how it is known ([`language`]), keyphrases (`capstan_terms`),
//! categories and tags of the operator's taxonomy ([`taxonomy`]), addresses and dates ([`entity`]), how long it is, and a
//! digest and a simhash by which documents of the same content can be found (`capstan_terms::fingerprint`).
//!
//! What it cannot promise: everything is counted, nothing is understood. `docs/analysis.md` says how often that is
//! right and where it is not.

pub mod analysis;
pub mod entity;
pub mod language;
mod model;
pub mod taxonomy;

use capstan_sdk::endpoint::Endpoint;
use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use analysis::{Analysis, analyse};
pub use capstan_terms::hamming;
use taxonomy::Node;

const ANALYSIS: &str = "analysis.json";

/// The handler of kind `analyse`.
#[derive(Debug, Default)]
pub struct Analyse;

/// What the operator may set.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many keyphrases are given at most, 0 to 100; 10 by default.
    #[schemars(range(max = 100))]
    pub keyphrases: u8,
    /// Words that are read in a minute, 50 to 2000; 238 by default, the mean of silent reading of English non-fiction
    /// (Brysbaert 2019, doi:10.1016/j.jml.2019.104047).
    #[schemars(range(min = 50, max = 2000))]
    pub reading_speed: u16,
    /// Letters of scripts without spaces that are read in a minute, 50 to 5000; 260 by default, a rough
    /// figure for Chinese. Japanese, with its kana, is read faster.
    #[schemars(range(min = 50, max = 5000))]
    pub reading_speed_letters: u16,
    /// The categories and tags that a document may get, 1000 at most; none by default.
    #[schemars(length(max = 1000))]
    pub taxonomy: Vec<Node>,
    /// The model that chooses categories and tags from the taxonomy. Without it their words do.
    pub endpoint: Option<Endpoint>,
}

impl Default for Config {
    fn default() -> Self {
        Self { keyphrases: 10, reading_speed: 238, reading_speed_letters: 260, taxonomy: Vec::new(), endpoint: None }
    }
}

/// What the job answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// The language as a BCP 47 tag; `und` when it is not known.
    pub language: String,
    /// How many words the text has; letters of scripts without spaces count as one word each.
    pub words: usize,
    /// The names of its categories, the likeliest first.
    pub categories: Vec<String>,
    /// The names of its tags, the likeliest first.
    pub tags: Vec<String>,
    /// SHA-256 of the folded text: equal for equal texts.
    pub digest: String,
    /// The simhash of the text: 3 bits apart or less for long texts that hardly differ.
    pub simhash: String,
}

impl Handler for Analyse {
    const KIND: &'static str = "analyse";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "tells language, keyphrases, categories, tags, entities and fingerprints of a document";

    type Payload = Empty;
    type Config = Config;
    type Result = Summary;

    fn asks() -> Asks {
        Asks::default().artifacts("normalise").optional_http("POST *://*:*").optional_secret("chat")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new(ANALYSIS, "application/json", "what the document is about, format 1")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Summary>, Failure> {
        taxonomy::check(&job.config().taxonomy).map_err(Failure::permanent)?;
        let input = job.input("normalise").permanent("there is no document to analyse; run `normalise` first")?;
        let document = input.read_to_string("document.md")?;
        let mut analysis = analyse(&document, job.config());
        model::choose(job.config(), &document, &mut analysis)?;
        if analysis.words == 0 {
            log::warn!("the document has no words");
        }
        let mut file = serde_json::to_string_pretty(&analysis).permanent("`analysis.json`")?;
        file.push('\n');
        job.output().write(ANALYSIS, file)?;
        let names = |matches: &[taxonomy::Match]| matches.iter().map(|found| found.name.clone()).collect();
        Ok(Success::Done(Summary {
            categories: names(&analysis.categories),
            tags: names(&analysis.tags),
            language: analysis.language.tag,
            words: analysis.words,
            digest: analysis.digest,
            simhash: analysis.simhash,
        }))
    }
}

capstan_sdk::export!(Analyse);
capstan_sdk::talc!();
