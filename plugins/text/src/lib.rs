//! What the bundled handlers share: `document.md` as structure, sentences and passages.
//!
//! [`Document::parse`] reads the file that `normalise` makes: front matter and Markdown. [`Document::blocks`] are
//! its headings, paragraphs, list items, tables and pieces of code, each with its plain text and with the way back
//! from that text to the file. [`Document::sentences`] and [`Document::passages`] are cut from them. Every range is
//! in bytes of the whole file, so `&file[range]` is what a citation points at.
//!
//! What it cannot promise: sentences end where Unicode's rules (UAX #29) say, but for a short list of abbreviations
//! and initials; an abbreviation that is not on it cuts a sentence in two. Thai and Lao, which
//! have no full stop, are cut at spaces, which divide clauses as well. Words of scripts without spaces are
//! counted by their letters.

mod block;
mod document;
mod language;
mod passage;
mod sentence;
mod word;

pub use block::{Block, Shape};
pub use document::Document;
pub use language::{Guess, guess};
pub use passage::{Passage, Size};
pub use sentence::{Sentence, sentences};
pub use word::{count, word_indices, words};
