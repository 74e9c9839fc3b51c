//! Vectors of passages in memory, and which of them are nearest to one.
//!
//! Every row is one byte a dimension and a scale, so a million passages of 128 dimensions take some 140 MB; a search
//! looks at every row, which the processor does at some gigabytes a second. Rows are compared by cosine. What this
//! cannot promise: the last percent of a score, which the bytes round away.

use std::collections::BTreeMap;

/// Dimensions at most.
pub const MAX_DIMENSION: usize = 4_096;

/// The largest value of a byte with sign.
const FULL: f32 = 127.0;

/// A vector as bytes: `bytes[i] * scale` is about what it was, divided by its length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coded {
    /// A byte a dimension.
    pub bytes: Vec<i8>,
    /// What they are to be multiplied by.
    pub scale: f32,
}

/// Code a vector. One of no length, or with what is no number, has no direction.
#[allow(clippy::cast_possible_truncation)] // rounded and within bounds
pub fn code(vector: &[f32]) -> Option<Coded> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let largest = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    if !length.is_normal() || !largest.is_normal() {
        return None;
    }
    let bytes = vector.iter().map(|x| (x / largest * FULL).round() as i8).collect();
    Some(Coded { bytes, scale: largest / FULL / length })
}

/// The rows of one document: where their passages begin, their scales, and all their bytes.
#[derive(Debug, Clone, Default)]
struct Rows {
    starts: Vec<i64>,
    scales: Vec<f32>,
    bytes: Vec<i8>,
}

impl Rows {
    fn scored(&self, document: i64, query: &Coded) -> Vec<Near> {
        let each = self.bytes.chunks_exact(query.bytes.len().max(1));
        let rows = self.starts.iter().zip(&self.scales).zip(each);
        rows.map(|((start, scale), bytes)| {
            #[allow(clippy::cast_precision_loss)] // at most 4,096 · 127²
            let score = dot(&query.bytes, bytes) as f32 * query.scale * scale;
            Near { document, start: *start, score }
        })
        .collect()
    }
}

/// The vectors of a library.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    dimension: usize,
    documents: BTreeMap<i64, Rows>,
}

/// A passage that is near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Its document.
    pub document: i64,
    /// Where it begins.
    pub start: i64,
    /// The cosine.
    pub score: f32,
}

impl Vectors {
    /// None yet, of so many dimensions.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, documents: BTreeMap::new() }
    }

    /// Put the rows of a document in place of those that it had. Rows of another dimension are passed over.
    pub fn put(&mut self, document: i64, rows: impl IntoIterator<Item = (i64, Coded)>) {
        let mut kept = Rows::default();
        for (start, coded) in rows.into_iter().filter(|(_, coded)| coded.bytes.len() == self.dimension) {
            kept.starts.push(start);
            kept.scales.push(coded.scale);
            kept.bytes.extend(coded.bytes);
        }
        self.documents.insert(document, kept);
    }

    /// Forget a document.
    pub fn remove(&mut self, document: i64) {
        self.documents.remove(&document);
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.documents.values().map(|rows| rows.starts.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The passages that are nearest, the nearest first; only of documents that are wanted.
    pub fn nearest(&self, vector: &[f32], most: usize, is_wanted: impl Fn(i64) -> bool) -> Vec<Near> {
        self.best(vector, most, is_wanted, |rows| rows)
    }

    /// The nearest passage of each document, the nearest first; only of documents that are wanted.
    pub fn nearest_of_each(&self, vector: &[f32], most: usize, is_wanted: impl Fn(i64) -> bool) -> Vec<Near> {
        self.best(vector, most, is_wanted, |mut rows| {
            keep(&mut rows, 1);
            rows
        })
    }

    /// The nearest of what is taken of each document's rows.
    fn best(
        &self,
        vector: &[f32],
        most: usize,
        is_wanted: impl Fn(i64) -> bool,
        take: impl Fn(Vec<Near>) -> Vec<Near>,
    ) -> Vec<Near> {
        let Some(query) = code(vector).filter(|query| query.bytes.len() == self.dimension) else { return Vec::new() };
        let mut near = Vec::new();
        for (document, rows) in self.documents.iter().filter(|(document, _)| is_wanted(**document)) {
            near.extend(take(rows.scored(*document, &query)));
            if near.len() > most.saturating_mul(8).max(4_096) {
                keep(&mut near, most);
            }
        }
        keep(&mut near, most);
        near
    }
}

/// The best of them, in their order.
fn keep(near: &mut Vec<Near>, most: usize) {
    let order = |one: &Near, other: &Near| {
        other.score.total_cmp(&one.score).then((one.document, one.start).cmp(&(other.document, other.start)))
    };
    near.sort_unstable_by(order);
    near.truncate(most);
}

fn dot(one: &[i8], other: &[i8]) -> i32 {
    one.iter().zip(other).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
