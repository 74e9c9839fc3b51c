//! `vectors.json`, as `docs/embed.schema.json` publishes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which vectors `vectors.f32` holds.
///
/// Its rows are little-endian 32-bit floats, `dimension` of them for each entry of `passages`, in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "The vectors of a document")]
pub struct Index {
    /// The version of this format: 1.
    pub format: u32,
    /// What made the vectors.
    pub model: Model,
    /// How many numbers a vector has.
    #[schemars(range(min = 1))]
    pub dimension: usize,
    /// Whether every vector has the length 1, so that the product of two is the cosine between them.
    pub normalised: bool,
    /// Where the passages lie, in the order of the document. Passages without any word that the model knows have
    /// no direction and are left out.
    pub passages: Vec<Place>,
}

/// What makes vectors. Those of one digest can be compared, those of two can not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// What people call it.
    pub name: String,
    /// SHA-256 of its vocabulary and its weights, or of what stands for weights that are too large to be read for
    /// every job, as `sha256:` and 64 hex digits; of its address and its name when it is behind an endpoint.
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: String,
}

/// Where a passage lies in `document.md`, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last one.
    pub end: usize,
}
