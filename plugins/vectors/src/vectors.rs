//! From a document to vectors.

use capstan_sdk::Failure;
use capstan_text::{Document, Passage, Size};

use crate::{Index, Model, Place};

/// A model that turns text into vectors.
pub trait Embedder {
    /// Which it is.
    fn model(&self) -> Model;

    /// How many numbers a vector has. Asked for after something was embedded: some models tell it with their
    /// vectors only.
    fn dimension(&self) -> usize;

    /// The vector of a text, of length 1; `None` when it knows no word of it.
    ///
    /// # Errors
    ///
    /// What the model cannot do.
    fn embed(&mut self, text: &str) -> Result<Option<Vec<f32>>, Failure>;

    /// The vector of each of these texts, in their order; one after the other, unless the model takes many at once.
    ///
    /// # Errors
    ///
    /// What the model cannot do with one of them; then there are none.
    fn embed_all(&mut self, texts: &[String]) -> Result<Vec<Option<Vec<f32>>>, Failure> {
        texts.iter().map(|text| self.embed(text)).collect()
    }
}

/// What is embedded for a passage: title, headings and text, a line each. A title that is the first heading too is
/// taken once.
#[must_use]
pub fn text_of(title: &str, passage: &Passage) -> String {
    let is_new = |title: &&str| !title.is_empty() && passage.headings.first().is_none_or(|first| first != title);
    let title = Some(title).filter(is_new);
    let headings = passage.headings.iter().map(String::as_str);
    title.into_iter().chain(headings).chain([&*passage.text]).collect::<Vec<_>>().join("\n")
}

/// What is written for a document: the index, and the vectors as little-endian floats.
///
/// # Errors
///
/// What the model cannot do.
pub fn of_document(file: &str, size: Size, model: &mut impl Embedder) -> Result<(Index, Vec<u8>), Failure> {
    let document = Document::parse(file);
    let (mut bytes, mut passages) = (Vec::new(), Vec::new());
    let cut = document.passages(size);
    let texts: Vec<String> = cut.iter().map(|passage| text_of(&document.title, passage)).collect();
    for (passage, vector) in cut.iter().zip(model.embed_all(&texts)?) {
        if let Some(vector) = vector {
            bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
            passages.push(Place { start: passage.range.start, end: passage.range.end });
        }
    }
    let dimension = model.dimension();
    Ok((Index { format: 1, model: model.model(), dimension, normalised: true, passages }, bytes))
}

/// The vector of length 1 in the same direction; `None` when it has none.
#[must_use]
pub fn normalise(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if !(length.is_finite() && length > f32::EPSILON) {
        return None;
    }
    vector.iter_mut().for_each(|number| *number /= length);
    Some(vector)
}
