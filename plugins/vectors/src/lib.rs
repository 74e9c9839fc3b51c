//! What handlers of kind `embed` share: how a text becomes tokens, how a document becomes vectors, and the files
//! they write, so that one model can take the place of another.
//!
//! [`run`] does the job with any [`Embedder`]. The document is cut into passages ([`capstan_text`]); each becomes
//! one vector together with its title and the headings above it. `vectors.f32` holds the vectors and `vectors.json`
//! ([`Index`]) where their passages lie. With a `query` in the payload no document is read and nothing is written:
//! the vector of the words is the answer.
//!
//! What it cannot promise: vectors of different models say nothing about each other, so whoever compares two must
//! compare [`Model::digest`] first.

mod index;
mod job;
mod vectors;
mod word_piece;

pub use index::{Index, Model, Place};
pub use job::{Answer, Config, Payload, QUERY_LETTERS, artifacts, asks, run};
pub use vectors::{Embedder, normalise, of_document, text_of};
pub use word_piece::WordPiece;
