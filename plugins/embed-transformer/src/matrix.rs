//! Matrices of 32-bit floats, row by row.

use std::ops::Range;

/// A matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Matrix {
    pub(crate) columns: usize,
    pub(crate) numbers: Vec<f32>,
}

/// Whether the right factor is taken as it lies or turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    AsIs,
    Turned,
}

impl Matrix {
    pub(crate) fn zero(rows: usize, columns: usize) -> Self {
        Self { columns, numbers: vec![0.0; rows * columns] }
    }

    pub(crate) fn rows(&self) -> usize {
        self.numbers.len().checked_div(self.columns).unwrap_or(0)
    }

    /// All rows, as far as these columns.
    pub(crate) fn part(&self, columns: Range<usize>) -> Part<'_> {
        let columns = columns.start.min(self.columns)..columns.end.min(self.columns);
        Part { of: self, columns }
    }

    pub(crate) fn whole(&self) -> Part<'_> {
        self.part(0..self.columns)
    }

    /// Add `other`, which has the same form.
    pub(crate) fn add(&mut self, other: &Self) {
        self.numbers.iter_mut().zip(&other.numbers).for_each(|(sum, number)| *sum += number);
    }
}

/// Some columns of a matrix.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    of: &'a Matrix,
    columns: Range<usize>,
}

/// The product of two parts, written to the columns of `into` from `at` on. What does not fit together is left alone:
/// then nothing is written.
pub(crate) fn multiply(left: &Part<'_>, right: &Part<'_>, turn: Right, into: &mut Matrix, at: usize) {
    let (rows, inner) = (left.of.rows(), left.columns.len());
    let (right_inner, columns) = match turn {
        Right::AsIs => (right.of.rows(), right.columns.len()),
        Right::Turned => (right.columns.len(), right.of.rows()),
    };
    let fits = inner == right_inner && at + columns <= into.columns && into.rows() == rows;
    if !fits || rows == 0 || columns == 0 || inner == 0 {
        return;
    }
    let step = |columns: usize| isize::try_from(columns).unwrap_or(isize::MAX);
    let (right_row, right_column) = match turn {
        Right::AsIs => (step(right.of.columns), 1),
        Right::Turned => (1, step(right.of.columns)),
    };
    // SAFETY: `left` has `rows` rows with `inner` numbers from `left.columns.start` on, `right` `inner` by `columns`
    // in the direction that the steps give, and `into` `rows` rows with `columns` numbers from `at` on: the ends of
    // the parts were held to their matrices in `Matrix::part`, the rest is checked above. `into` is borrowed alone.
    unsafe {
        matrixmultiply::sgemm(
            rows,
            inner,
            columns,
            1.0,
            left.of.numbers.as_ptr().add(left.columns.start),
            step(left.of.columns),
            1,
            right.of.numbers.as_ptr().add(right.columns.start),
            right_row,
            right_column,
            0.0,
            into.numbers.as_mut_ptr().add(at),
            step(into.columns),
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, Right, multiply};

    fn matrix(columns: usize, numbers: &[f32]) -> Matrix {
        Matrix { columns, numbers: numbers.to_vec() }
    }

    #[test]
    fn parts_are_multiplied_where_they_lie() {
        let left = matrix(3, &[9.0, 1.0, 2.0, 9.0, 3.0, 4.0]);
        let right = matrix(2, &[5.0, 6.0, 7.0, 8.0]);
        let mut into = Matrix::zero(2, 3);
        multiply(&left.part(1..3), &right.whole(), Right::AsIs, &mut into, 1);
        assert_eq!(into.numbers, [0.0, 19.0, 22.0, 0.0, 43.0, 50.0]);
        multiply(&left.part(1..3), &right.whole(), Right::Turned, &mut into, 0);
        assert_eq!(into.numbers, [17.0, 23.0, 22.0, 39.0, 53.0, 50.0]);
    }

    #[test]
    fn what_does_not_fit_is_left_alone() {
        let (left, right, mut into) = (Matrix::zero(2, 3), Matrix::zero(2, 2), Matrix::zero(2, 2));
        into.numbers.fill(7.0);
        multiply(&left.whole(), &right.whole(), Right::AsIs, &mut into, 0);
        multiply(&right.whole(), &right.whole(), Right::AsIs, &mut into, 1);
        assert_eq!(into.numbers, [7.0; 4]);
    }
}
