//! What handlers say about a document for the search: `entry.json` of kind `index`, `vectors.json` and `vectors.f32`
//! of kind `embed`. `docs/search.md` describes both.
//!
//! They come from guests, so everything is bounded and checked here; what does not hold is left out of the index as a
//! whole, with a reason. What this cannot promise: that a handler's text is the text of the document.

use super::vector::{Coded, MAX_DIMENSION, code};
use serde::Deserialize;

/// Bytes of one file at most: 64 MiB.
pub const MAX_BYTES: u64 = 64 << 20;
/// Passages of one document at most.
pub const MAX_PASSAGES: usize = 20_000;
/// Bytes of the text of one passage at most: 64 KiB.
pub const MAX_TEXT: usize = 64 << 10;
/// Bytes of a title and of a heading that are indexed: 1 KiB. A title is indexed with each passage.
pub const MAX_TITLE: usize = 1 << 10;
/// Bytes of an address at most; a longer one is none.
pub const MAX_URL: usize = 4 << 10;
/// Tags at most, and bytes of each; the others are left out.
pub const MAX_TAGS: (usize, usize) = (100, 256);
/// The form that is read.
const FORMAT: u32 = 1;

/// The file that says what a document says.
pub const ENTRY: &str = "entry.json";
/// The file that says which vectors there are.
pub const VECTORS: &str = "vectors.json";
/// The vectors themselves: 32-bit floats, the least significant byte first, a row a passage.
pub const ROWS: &str = "vectors.f32";

/// Why a document cannot be found by what its handler made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is not what the form says.
    #[error("{file} is not as docs/search.md describes it: {wrong}")]
    Form {
        /// Which file.
        file: &'static str,
        /// What is wrong.
        wrong: String,
    },
    /// Another form.
    #[error("{file} has format {found}, this capstan reads {FORMAT}")]
    Format {
        /// Which file.
        file: &'static str,
        /// Its format.
        found: u32,
    },
    /// Too many passages.
    #[error("{file} has {found} passages: at most {MAX_PASSAGES} are indexed")]
    Many {
        /// Which file.
        file: &'static str,
        /// How many.
        found: usize,
    },
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    format: u32,
    /// Its title, or empty.
    #[serde(default)]
    pub title: String,
    /// Its address.
    #[serde(default)]
    pub url: String,
    /// Its language, or empty.
    #[serde(default)]
    pub language: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its pieces.
    pub passages: Vec<Piece>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Piece {
    /// Where it begins in the document, in bytes.
    pub start: i64,
    /// Where it ends.
    pub end: i64,
    /// The headings above it, or empty.
    #[serde(default)]
    pub heading: String,
    /// Its text.
    pub text: String,
}

/// The vectors of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The digest of the model that made them.
    pub model: String,
    /// How many numbers a vector has.
    pub dimension: usize,
    /// Where each passage begins, and its vector.
    pub rows: Vec<(i64, Coded)>,
}

#[derive(Deserialize)]
struct VectorsFile {
    format: u32,
    model: Model,
    dimension: usize,
    passages: Vec<Place>,
}

#[derive(Deserialize)]
struct Model {
    digest: String,
}

#[derive(Deserialize)]
struct Place {
    start: i64,
}

impl Entry {
    /// Read `entry.json`.
    ///
    /// # Errors
    /// It is not what it should be.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut entry: Self = read(ENTRY, bytes)?;
        sound(ENTRY, entry.format, entry.passages.len())?;
        if let Some(piece) = entry.passages.iter().find(|piece| piece.start < 0 || piece.end < piece.start) {
            let wrong = format!("a passage from {} to {}", piece.start, piece.end);
            return Err(EntryError::Form { file: ENTRY, wrong });
        }
        if let Some(piece) = entry.passages.iter().find(|piece| piece.text.len() > MAX_TEXT) {
            let wrong = format!("a passage of {} bytes, at most {MAX_TEXT} are indexed", piece.text.len());
            return Err(EntryError::Form { file: ENTRY, wrong });
        }
        cut(&mut entry.title);
        entry.passages.iter_mut().for_each(|piece| cut(&mut piece.heading));
        if entry.url.len() > MAX_URL {
            entry.url.clear();
        }
        entry.tags.retain(|tag| tag.len() <= MAX_TAGS.1);
        entry.tags.truncate(MAX_TAGS.0);
        Ok(entry)
    }
}

/// What is indexed of a title or a heading.
fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(MAX_TITLE));
}

impl Embedded {
    /// Read `vectors.json` and `vectors.f32`. Rows without a direction are left out.
    ///
    /// # Errors
    /// They are not what they should be, or do not fit one another.
    pub fn parse(index: &[u8], rows: &[u8]) -> Result<Self, EntryError> {
        let file: VectorsFile = read(VECTORS, index)?;
        sound(VECTORS, file.format, file.passages.len())?;
        if !(1..=MAX_DIMENSION).contains(&file.dimension) {
            let wrong = format!("dimension {}, which must be 1 to {MAX_DIMENSION}", file.dimension);
            return Err(EntryError::Form { file: VECTORS, wrong });
        }
        let (found, wanted) = (rows.len(), file.passages.len() * file.dimension * 4);
        if found != wanted {
            return Err(EntryError::Form { file: ROWS, wrong: format!("{found} bytes, {wanted} are announced") });
        }
        let rows = rows.chunks_exact(file.dimension * 4).zip(&file.passages).filter_map(|(row, place)| {
            let row: Vec<f32> = row.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
            Some((place.start, code(&row)?))
        });
        Ok(Self { model: file.model.digest, dimension: file.dimension, rows: rows.collect() })
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, EntryError> {
    serde_json::from_slice(bytes).map_err(|error| EntryError::Form { file, wrong: error.to_string() })
}

fn sound(file: &'static str, format: u32, passages: usize) -> Result<(), EntryError> {
    if format != FORMAT {
        return Err(EntryError::Format { file, found: format });
    }
    if passages > MAX_PASSAGES {
        return Err(EntryError::Many { file, found: passages });
    }
    Ok(())
}
