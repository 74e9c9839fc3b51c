//! What counting tells about a text; shared by handlers and of use to the host.
//!
//! [`Text`] is a document as a row of numbered words,
//! [`keyphrases`] are the rows that stand out in it, and [`fingerprint`] has digest and simhash, by which documents of the
//! same content are found.
//!
//! What it cannot promise: it counts and understands nothing. Words of languages that
//! [`capstan_text::Lexicon`] does not know are counted as they are written.

mod count;
pub mod fingerprint;
mod keyphrase;
mod text;

pub use count::Counts;
pub use fingerprint::hamming;
pub use keyphrase::{Keyphrase, keyphrases};
pub use text::{Text, Token};
