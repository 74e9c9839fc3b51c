//! What the bundled handlers share: `document.md` as structure, sentences and passages.
//!
//! [`Document::parse`] reads the file that `normalise` makes: front matter and Markdown. [`Document::blocks`] are
//! its headings, paragraphs, list items, tables and pieces of code, each with its plain text and with the way back
//! from that text to the file. [`Document::sentences`] and [`Document::passages`] are cut from them. Every range is
//! in bytes of the whole file, so `&file[range]` is what a citation points at.
//!
//! [`Terms`] are what texts are compared by, [`vectors`] weigh them, and [`central`] and [`varied`] choose among
//! sentences. For questions there are their [`clauses`], the sentences [`answering`] them, and [`feedback`].
//! [`Lexicon`] knows the stop words of 58 languages and the stems of 18. [`guess`] says which language a text seems to be in, and [`escaped`] puts it into Markdown.
//!
//! What it cannot promise: sentences end where Unicode's rules (UAX #29) say, but for a short list of abbreviations
//! and initials; an abbreviation that is not on it cuts a sentence in two. Thai and Lao, which
//! have no full stop, are cut at spaces, which divide clauses as well. Words of scripts without spaces are
//! counted by their letters.

mod answer;
mod block;
mod clause;
mod document;
mod feedback;
mod language;
mod lexicon;
mod markdown;
mod passage;
mod rank;
mod sentence;
mod terms;
mod vector;
mod word;

pub use answer::{Candidate, answering};
pub use block::{Block, Shape};
pub use clause::{clauses, missing};
pub use document::Document;
pub use feedback::feedback;
pub use language::{Guess, guess};
pub use lexicon::{Lexicon, is_unspaced};
pub use markdown::escaped;
pub use passage::{Passage, Size};
pub use rank::{CANDIDATES, candidates, central, varied};
pub use sentence::{Sentence, is_prose, is_question, sentence_ranges, sentences};
pub use terms::Terms;
pub use vector::{Vector, vectors};
pub use word::{count, word_indices, words};
