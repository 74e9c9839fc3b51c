//! What counting tells about a text; shared by handlers and of use to the host.
//!
//! [`Lexicon`] knows the stop words and the stems of a language, [`Text`] is a document as a row of numbered words,
//! [`keyphrases`] are the rows that stand out in it, and [`fingerprint`] has digest and simhash, by which documents of the
//! same content are found.
//!
//! What it cannot promise: it counts and understands nothing. Stop words are known for 58 languages
//! (stopwords-iso) and stems for 18 (Snowball); words of others are counted as they are written.

pub mod fingerprint;
mod keyphrase;
mod lexicon;
mod text;

pub use fingerprint::hamming;
pub use keyphrase::{Keyphrase, keyphrases};
pub use lexicon::{Lexicon, is_unspaced};
pub use text::{Text, Token};
