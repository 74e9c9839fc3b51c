//! The model: a number of 4 bits for each token and dimension.
//!
//! `table.bin` begins with the number of tokens and that of dimensions, as little-endian 32-bit numbers. Then follow a
//! 32-bit float for each token, and for each token half a byte for each dimension, the lower half first: from 1 to 15,
//! which stand for -7 to 7. The vector of a token is these numbers times its float. How seldom a token is used is part
//! of its vector, so the vector of a text is their sum.

use capstan_vectors::normalise;

/// Tokens below this number are no words: padding, unused ones, marks of the transformer, what cannot be spelt.
const FIRST_WORD: u16 = 999;

/// What stands for 0.
const ZERO: i8 = 8;

/// A table of token vectors.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    dimension: usize,
    scales: &'a [[u8; 4]],
    rows: &'a [u8],
}

impl<'a> Table<'a> {
    /// Read a table; `None` when the bytes are none.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let [tokens, dimension] = [0, 1].map(|at| words.get(at).map(|word| u32::from_le_bytes(*word) as usize));
        let (tokens, dimension) = (tokens?, dimension?);
        let rows_at = tokens.checked_mul(4)?.checked_add(8)?;
        let (scales, rows) = (words.get(2..)?.get(..tokens)?, bytes.get(rows_at..)?);
        let fits = tokens.checked_mul(dimension / 2)? == rows.len();
        (fits && dimension > 0 && dimension.is_multiple_of(2)).then_some(Self { dimension, scales, rows })
    }

    /// How many numbers a vector has.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector of a text, given by its tokens, of length 1; `None` when no token of it is a word.
    #[must_use]
    pub fn embed(&self, tokens: &[u16]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0; self.dimension];
        for token in tokens.iter().filter(|token| **token >= FIRST_WORD) {
            self.add(usize::from(*token), &mut sum)?;
        }
        normalise(sum)
    }

    fn add(&self, token: usize, sum: &mut [f32]) -> Option<()> {
        let scale = f32::from_le_bytes(*self.scales.get(token)?);
        let width = self.dimension / 2;
        let row = self.rows.get(token * width..(token + 1) * width)?;
        let (pairs, _) = sum.as_chunks_mut::<2>();
        for ([low, high], byte) in pairs.iter_mut().zip(row) {
            *low += scale * number(byte & 15);
            *high += scale * number(byte >> 4);
        }
        Some(())
    }
}

fn number(half: u8) -> f32 {
    f32::from(half.cast_signed() - ZERO)
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn table() -> Vec<u8> {
        let tokens = 1001_u32;
        let head = [tokens.to_le_bytes(), 2_u32.to_le_bytes()].concat();
        let scales = 0.5_f32.to_le_bytes().repeat(1001);
        let mut rows = vec![0x88; 1001];
        (rows[999], rows[1000]) = (0x8f, 0x1b);
        [head, scales, rows].concat()
    }

    #[test]
    fn a_text_is_the_sum_of_its_words_and_marks_do_not_count() {
        let bytes = table();
        let table = Table::new(&bytes).map(|table| (table.dimension(), table));
        let Some((2, table)) = table else { panic!("{table:?}") };
        assert_eq!(table.embed(&[100, 999]), Some(vec![1.0, 0.0]));
        // (7 + 3, -7) times 0.5
        let length = (10.0_f32 * 10.0 + 49.0).sqrt();
        let sum = table.embed(&[999, 1000]).unwrap_or_default();
        assert!(sum.iter().zip([10.0 / length, -7.0 / length]).all(|(a, b)| (a - b).abs() < 1e-6), "{sum:?}");
        assert_eq!((table.embed(&[100, 101]), table.embed(&[])), (None, None));
        assert_eq!(table.embed(&[1001]), None, "there is no such token");
    }

    #[test]
    fn bytes_that_are_cut_or_too_many_are_no_table() {
        let bytes = table();
        assert!(Table::new(&bytes[..bytes.len() - 1]).is_none());
        assert!(Table::new(&[bytes.clone(), vec![0]].concat()).is_none());
        assert!((0..12).all(|length| Table::new(&bytes[..length]).is_none()));
    }
}
