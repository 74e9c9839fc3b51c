//! The encoder of BERT (Devlin et al., 2019) as all-MiniLM-L6-v2 uses it: the mean of the last layer's vectors.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use capstan_vectors::WordPiece;

use crate::matrix::{Matrix, Part, Right, multiply};
use crate::weights::Weights;

/// How many numbers the vector of a token has.
pub(crate) const WIDTH: usize = 384;
const LAYERS: usize = 6;
const HEADS: usize = 12;
const INNER: usize = 4 * WIDTH;
const EPSILON: f32 = 1e-12;
const WORDS: &str = "embeddings.word_embeddings.weight";

/// A matrix and what is added to its product.
struct Linear {
    weight: Matrix,
    bias: Vec<f32>,
}

struct Norm {
    scale: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    attention: [Linear; 3],
    mixed: Linear,
    mixed_norm: Norm,
    inner: Linear,
    outer: Linear,
    outer_norm: Norm,
}

/// The model, ready to run.
pub(crate) struct Bert {
    weights: Weights,
    digest: String,
    /// Rows of the table of words that were read, so that a token costs calls into the host once a job.
    words: HashMap<u16, Vec<f32>>,
    places: Matrix,
    segment: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Bert {
    /// Read all layers.
    pub(crate) fn read(mut weights: Weights) -> io::Result<Self> {
        let from = &mut weights;
        let places = from.matrix("embeddings.position_embeddings.weight", WIDTH)?;
        let mut segment = from.matrix("embeddings.token_type_embeddings.weight", WIDTH)?.numbers;
        segment.truncate(WIDTH);
        let norm = Norm::read(from, "embeddings.LayerNorm")?;
        let layers = (0..LAYERS).map(|at| Layer::read(from, at)).collect::<io::Result<_>>()?;
        let digest = from.digest(WordPiece::DIGEST, WORDS)?;
        Ok(Self { weights, digest, words: HashMap::new(), places, segment, norm, layers })
    }

    /// What tells these weights from others, as [`Weights::digest`] says.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The mean of the tokens' vectors.
    pub(crate) fn run(&mut self, tokens: &[u16]) -> io::Result<Vec<f32>> {
        let mut x = Matrix::zero(tokens.len(), WIDTH);
        let rows = x.numbers.chunks_exact_mut(WIDTH).zip(self.places.numbers.chunks_exact(WIDTH));
        for ((row, place), token) in rows.zip(tokens) {
            let word = match self.words.entry(*token) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(new) => new.insert(self.weights.row(WORDS, WIDTH, usize::from(*token))?),
            };
            let parts = word.iter().zip(place).zip(&self.segment);
            row.iter_mut().zip(parts).for_each(|(sum, ((word, place), segment))| *sum = word + place + segment);
        }
        self.norm.apply(&mut x);
        for layer in &self.layers {
            x = layer.run(&x);
        }
        let mut mean = vec![0.0; WIDTH];
        for row in x.numbers.chunks_exact(WIDTH) {
            mean.iter_mut().zip(row).for_each(|(sum, number)| *sum += number / tokens.len() as f32);
        }
        Ok(mean)
    }
}

impl Linear {
    fn read(from: &mut Weights, name: &str, columns: usize) -> io::Result<Self> {
        let weight = from.matrix(&format!("{name}.weight"), columns)?;
        let bias = from.vector(&format!("{name}.bias"), weight.rows())?;
        Ok(Self { weight, bias })
    }

    fn run(&self, x: &Part<'_>, rows: usize) -> Matrix {
        let mut product = Matrix::zero(rows, self.weight.rows());
        multiply(x, &self.weight.whole(), Right::Turned, &mut product, 0);
        for row in product.numbers.chunks_exact_mut(self.bias.len().max(1)) {
            row.iter_mut().zip(&self.bias).for_each(|(sum, bias)| *sum += bias);
        }
        product
    }
}

impl Norm {
    fn read(from: &mut Weights, name: &str) -> io::Result<Self> {
        let mut vector = |part: &str| from.vector(&format!("{name}.{part}"), WIDTH);
        Ok(Self { scale: vector("weight")?, bias: vector("bias")? })
    }

    fn apply(&self, x: &mut Matrix) {
        for row in x.numbers.chunks_exact_mut(WIDTH) {
            let mean = row.iter().sum::<f32>() / WIDTH as f32;
            let variance = row.iter().map(|number| (number - mean) * (number - mean)).sum::<f32>() / WIDTH as f32;
            let by = 1.0 / (variance + EPSILON).sqrt();
            let parts = self.scale.iter().zip(&self.bias);
            row.iter_mut()
                .zip(parts)
                .for_each(|(number, (scale, bias))| *number = (*number - mean) * by * scale + bias);
        }
    }
}

impl Layer {
    fn read(from: &mut Weights, at: usize) -> io::Result<Self> {
        let name = |part: &str| format!("encoder.layer.{at}.{part}");
        let mut attention = |part: &str| Linear::read(from, &name(&format!("attention.self.{part}")), WIDTH);
        let attention = [attention("query")?, attention("key")?, attention("value")?];
        Ok(Self {
            attention,
            mixed: Linear::read(from, &name("attention.output.dense"), WIDTH)?,
            mixed_norm: Norm::read(from, &name("attention.output.LayerNorm"))?,
            inner: Linear::read(from, &name("intermediate.dense"), WIDTH)?,
            outer: Linear::read(from, &name("output.dense"), INNER)?,
            outer_norm: Norm::read(from, &name("output.LayerNorm"))?,
        })
    }

    fn run(&self, x: &Matrix) -> Matrix {
        let rows = x.rows();
        let mut mixed = self.mixed.run(&self.attend(x).whole(), rows);
        mixed.add(x);
        self.mixed_norm.apply(&mut mixed);
        let mut inner = self.inner.run(&mixed.whole(), rows);
        inner.numbers.iter_mut().for_each(|number| *number = gelu(*number));
        let mut outer = self.outer.run(&inner.whole(), rows);
        outer.add(&mixed);
        self.outer_norm.apply(&mut outer);
        outer
    }

    /// Every token mixed from all, by how well its question fits their keys.
    fn attend(&self, x: &Matrix) -> Matrix {
        let rows = x.rows();
        let [query, key, value] = self.attention.each_ref().map(|part| part.run(&x.whole(), rows));
        let width = WIDTH / HEADS;
        let mut mixed = Matrix::zero(rows, WIDTH);
        let mut shares = Matrix::zero(rows, rows);
        for head in 0..HEADS {
            let part = head * width..(head + 1) * width;
            multiply(&query.part(part.clone()), &key.part(part.clone()), Right::Turned, &mut shares, 0);
            shares.numbers.chunks_exact_mut(rows).for_each(|row| softmax(row, (width as f32).sqrt()));
            multiply(&shares.whole(), &value.part(part), Right::AsIs, &mut mixed, head * width);
        }
        mixed
    }
}

fn softmax(row: &mut [f32], divisor: f32) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|number| *number = ((*number - most) / divisor).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|number| *number /= sum);
}

/// The share of a number that passes: by the normal distribution (Hendrycks and Gimpel, 2016).
fn gelu(number: f32) -> f32 {
    0.5 * number * (1.0 + libm::erff(number * std::f32::consts::FRAC_1_SQRT_2))
}
