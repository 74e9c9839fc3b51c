//! A model behind an OpenAI-compatible API in place of the table.
//!
//! All passages of a document are one call of [`Endpoint::embeddings`], which sends them in batches. Vectors are brought
//! to the length 1 here, whatever the server does; one of zeros has no direction and is left out, as is a text of blanks,
//! which is not sent. The digest of the model is that of the address and the name, so vectors of another server or
//! another model are never compared with these.
//!
//! What it cannot promise: that a server keeps its model. New weights under the same name at the same address are the
//! same model to everybody here, unless their vectors have another dimension and the configuration says which.

use capstan_sdk::Failure;
use capstan_sdk::endpoint::Endpoint;
use capstan_vectors::{Embedder, Model, normalise};
use sha2::{Digest, Sha256};

/// Numbers that a vector may have: what the search of the host takes.
pub const DIMENSION: usize = 4096;

/// What the digest begins with, so that it is that of no file, and can be another when this code gives other vectors.
const TAG: &str = "capstan embed endpoint 1";

/// What is sent when there is no text and nobody knows yet how many numbers a vector has.
const PROBE: &str = "dimension";

/// A model behind an endpoint.
pub struct Remote<'a> {
    endpoint: &'a Endpoint,
    dimension: Option<usize>,
}

impl<'a> Remote<'a> {
    /// The model of an endpoint, with vectors of so many numbers if it is known.
    #[must_use]
    pub const fn new(endpoint: &'a Endpoint, dimension: Option<usize>) -> Self {
        Self { endpoint, dimension }
    }

    /// A vector for each text as the server gives it; every text has something to say.
    fn ask(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Failure> {
        if texts.is_empty() && self.dimension.is_none() {
            self.ask(&[PROBE])?;
        }
        let vectors = self.endpoint.embeddings(texts, self.dimension)?;
        if let Some(first) = vectors.first() {
            self.dimension = Some(bounded(self.endpoint, first.len())?);
        }
        Ok(vectors)
    }
}

impl Embedder for Remote<'_> {
    fn model(&self) -> Model {
        Model { name: self.endpoint.model().to_owned(), digest: digest(self.endpoint) }
    }

    fn dimension(&self) -> usize {
        self.dimension.unwrap_or_default()
    }

    fn embed(&mut self, text: &str) -> Result<Option<Vec<f32>>, Failure> {
        let vectors = self.embed_all(&[text.to_owned()])?;
        Ok(vectors.into_iter().next().flatten())
    }

    fn embed_all(&mut self, texts: &[String]) -> Result<Vec<Option<Vec<f32>>>, Failure> {
        let is_said = |text: &&str| !text.trim().is_empty();
        let asked: Vec<&str> = texts.iter().map(String::as_str).filter(is_said).collect();
        let mut vectors = self.ask(&asked)?.into_iter();
        let next = |text: &String| if is_said(&text.as_str()) { vectors.next().and_then(unit) } else { None };
        Ok(texts.iter().map(next).collect())
    }
}

/// SHA-256 of where the model is and what it is called there. A slash at the end of the address leads to the same place.
fn digest(endpoint: &Endpoint) -> String {
    let parts = [TAG, endpoint.url().trim_end_matches('/'), endpoint.model()];
    // No address has a zero byte in it, so no two pairs are written alike.
    format!("sha256:{:x}", Sha256::digest(parts.join("\0")))
}

fn bounded(endpoint: &Endpoint, dimension: usize) -> Result<usize, Failure> {
    if dimension > DIMENSION {
        let model = endpoint.model();
        return Err(Failure::permanent(format!(
            "the vectors of {model:?} have {dimension} numbers; the search takes up to {DIMENSION}, so choose another model"
        )));
    }
    Ok(dimension)
}

/// The vector of length 1 in the same direction. The largest number is brought to 1 first, so that no square is too
/// large or too small to be one.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let largest = vector.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
    if largest == 0.0 {
        return None;
    }
    vector.iter_mut().for_each(|number| *number /= largest);
    normalise(vector)
}

#[cfg(test)]
mod tests {
    use super::unit;
    use proptest::prelude::*;

    #[test]
    fn zeros_have_no_direction_and_the_ends_of_the_range_have_one() {
        assert_eq!((unit(vec![0.0, -0.0]), unit(Vec::new())), (None, None));
        for number in [f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), 1e-30] {
            assert_eq!(unit(vec![-number, 0.0]), Some(vec![-1.0, 0.0]), "{number}");
        }
    }

    proptest! {
        /// Whatever finite numbers a server sends, the vector has the length 1 and the signs that it had.
        #[test]
        fn any_direction_has_a_vector_of_length_one(
            vector in prop::collection::vec(any::<f32>().prop_filter("finite", |number| number.is_finite()), 1..64),
        ) {
            let made = unit(vector.clone());
            prop_assert_eq!(made.is_none(), vector.iter().all(|number| *number == 0.0));
            let made = made.unwrap_or_default();
            let length: f32 = made.iter().map(|number| number * number).sum();
            prop_assert!(made.is_empty() || (length - 1.0).abs() < 1e-5);
            prop_assert!(made.iter().zip(&vector).all(|(one, other)| one * other.signum() >= 0.0));
        }
    }
}
