//! Texts to vectors.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Endpoint;
use super::ask::{Service, Usage, ask};
use crate::Failure;

/// Texts that are sent at once at most. Hosted services take up to 2,048; fewer keep an answer small, and lose
/// less to a failure.
pub const BATCH: usize = 64;
/// Bytes of text that are sent at once at most: 256 KiB. No token is shorter than a byte, so the 300,000 tokens
/// that hosted services take are never passed. A text that is longer goes alone.
pub const BATCH_BYTES: usize = 256 << 10;

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Answered {
    data: Vec<Row>,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Row {
    index: usize,
    embedding: Vec<f32>,
}

/// Why rows are not the vectors of these texts.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum Unfit {
    #[error("it has {found} vectors for {texts} texts")]
    Count { found: usize, texts: usize },
    #[error("its indexes are not those of {texts} texts: {index} is there twice or is none of them")]
    Index { index: usize, texts: usize },
    #[error("vector {index} has {found} numbers where {wanted} are expected")]
    Dimension { index: usize, found: usize, wanted: usize },
    #[error("vector {index} is empty")]
    Empty { index: usize },
    #[error("vector {index} holds a number that is none or too large")]
    Number { index: usize },
}

impl Endpoint {
    /// A vector for each text, in their order, all of the same number of dimensions and with finite numbers; of
    /// `dimension` numbers when the caller knows it. That number is not asked for, it is what the model has to give.
    /// Sent in batches of at most [`BATCH`] texts and [`BATCH_BYTES`] bytes, one after the other. Lengths are not
    /// normalised, and a vector of zeros is possible.
    ///
    /// # Errors
    /// There is no answer that can be used; which failure it is, [the module](super) says. Many servers refuse a
    /// text that is empty or longer than the model's context.
    pub fn embeddings<S: AsRef<str>>(&self, texts: &[S], dimension: Option<usize>) -> Result<Vec<Vec<f32>>, Failure> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in batches(&lengths) {
            let question = Question { model: &self.model, input: texts[batch].to_vec() };
            let answer = ask(self, Service::Embeddings, &question)?;
            let (answered, _) = answer.parse(|answered: &Answered| answered.usage)?;
            let wanted = dimension.or(vectors.first().map(Vec::len));
            let fit = ordered(answered.data, question.input.len(), wanted);
            vectors.extend(fit.map_err(|unfit| answer.unusable(&unfit.to_string()))?);
        }
        Ok(vectors)
    }
}

/// Which texts, of these lengths in bytes, go together.
fn batches(lengths: &[usize]) -> Vec<Range<usize>> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0_usize);
    for (at, length) in lengths.iter().enumerate() {
        let is_full = at - start == BATCH || bytes.saturating_add(*length) > BATCH_BYTES;
        if is_full && at > start {
            batches.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(*length);
    }
    if start < lengths.len() {
        batches.push(start..lengths.len());
    }
    batches
}

/// The vectors in the order of their texts; all as long as is wanted, or as the first.
fn ordered(mut rows: Vec<Row>, texts: usize, wanted: Option<usize>) -> Result<Vec<Vec<f32>>, Unfit> {
    if rows.len() != texts {
        return Err(Unfit::Count { found: rows.len(), texts });
    }
    rows.sort_by_key(|row| row.index);
    let misplaced = rows.iter().enumerate().find(|(at, row)| *at != row.index);
    if let Some((_, row)) = misplaced {
        return Err(Unfit::Index { index: row.index, texts });
    }
    let wanted = wanted.or(rows.first().map(|row| row.embedding.len())).unwrap_or_default();
    rows.into_iter().map(|row| checked(row, wanted)).collect()
}

fn checked(row: Row, wanted: usize) -> Result<Vec<f32>, Unfit> {
    let Row { index, embedding } = row;
    let found = embedding.len();
    if found == 0 {
        return Err(Unfit::Empty { index });
    }
    if found != wanted {
        return Err(Unfit::Dimension { index, found, wanted });
    }
    if embedding.iter().any(|number| !number.is_finite()) {
        return Err(Unfit::Number { index });
    }
    Ok(embedding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(index: usize, embedding: &[f32]) -> Row {
        Row { index, embedding: embedding.to_vec() }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            (vec![row(0, &[1.0])], None, Unfit::Count { found: 1, texts: 2 }),
            (vec![row(0, &[1.0]), row(0, &[1.0])], None, Unfit::Index { index: 0, texts: 2 }),
            (vec![row(0, &[1.0]), row(2, &[1.0])], None, Unfit::Index { index: 2, texts: 2 }),
            (vec![row(1, &[1.0]), row(2, &[1.0])], None, Unfit::Index { index: 1, texts: 2 }),
            (vec![row(0, &[1.0]), row(1, &[1.0, 2.0])], None, Unfit::Dimension { index: 1, found: 2, wanted: 1 }),
            (vec![row(0, &[1.0]), row(1, &[1.0])], Some(2), Unfit::Dimension { index: 0, found: 1, wanted: 2 }),
            (vec![row(0, &[]), row(1, &[])], None, Unfit::Empty { index: 0 }),
            (vec![row(0, &[1.0]), row(1, &[f32::NAN])], None, Unfit::Number { index: 1 }),
            (vec![row(0, &[f32::INFINITY]), row(1, &[1.0])], None, Unfit::Number { index: 0 }),
        ];
        for (rows, wanted, unfit) in cases {
            assert_eq!(ordered(rows, 2, wanted), Err(unfit));
        }
    }

    #[test]
    fn a_batch_is_full_at_its_limits() {
        let sizes = |lengths: &[usize]| batches(lengths).into_iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&[1; BATCH]), [BATCH]);
        assert_eq!(sizes(&[1; BATCH + 1]), [BATCH, 1]);
        assert_eq!(sizes(&[BATCH_BYTES - 1, 1]), [2]);
        assert_eq!(sizes(&[BATCH_BYTES, 1]), [1, 1]);
        assert_eq!(sizes(&[1, BATCH_BYTES + 1, 1]), [1, 1, 1]);
    }

    proptest! {
        /// In whatever order the rows come, the vectors come in the order of the texts.
        #[test]
        fn the_order_of_the_texts_is_restored(order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let value = |index: usize| [index as f32, 1.0];
            let rows = order.iter().map(|index| row(*index, &value(*index))).collect();
            let vectors = ordered(rows, 40, Some(2));
            prop_assert_eq!(vectors, Ok((0..40).map(|index| value(index).to_vec()).collect()));
        }

        /// Every text is in one batch, in its order, and a batch of several is within both limits.
        #[test]
        fn batches_hold_each_text_once(lengths in proptest::collection::vec(0..BATCH_BYTES / 2, 0..300)) {
            let batches = batches(&lengths);
            let all: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                prop_assert!(!batch.is_empty() && batch.len() <= BATCH);
                prop_assert!(batch.len() == 1 || lengths[batch].iter().sum::<usize>() <= BATCH_BYTES);
            }
        }
    }
}
