//! How good rankings are.

use crate::rank::Ranking;

/// Means over questions, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// How often the first page is right.
    pub first: f64,
    /// How often one of the first ten is.
    pub ten: f64,
    /// The mean of one over the rank of the first right page; 0 where it is not among those ranked.
    pub reciprocal: f64,
}

/// The score of rankings, each with the pages that are right.
#[must_use]
pub fn of<'a>(answers: impl Iterator<Item = (&'a Ranking, &'a [usize])>) -> Score {
    let (mut sum, mut count) = (Score::default(), 0.0);
    for (ranking, right) in answers {
        count += 1.0;
        let Some(at) = ranking.iter().position(|(page, _)| right.contains(page)) else { continue };
        sum.first += f64::from(u8::from(at == 0));
        sum.ten += f64::from(u8::from(at < 10));
        sum.reciprocal += 1.0 / (at as f64 + 1.0);
    }
    let mean = |sum: f64| if count > 0.0 { sum / count } else { 0.0 };
    Score { first: mean(sum.first), ten: mean(sum.ten), reciprocal: mean(sum.reciprocal) }
}

impl std::fmt::Display for Score {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.3} {:.3} {:.3}", self.first, self.ten, self.reciprocal)
    }
}

#[cfg(test)]
mod tests {
    use super::{Score, of};

    #[test]
    fn a_rank_counts_where_it_is() {
        let rankings = [vec![(7, 1.0), (3, 0.5)], vec![(1, 1.0)], vec![]];
        let right: [&[usize]; 3] = [&[3, 9], &[1], &[4]];
        let score = of(rankings.iter().zip(right));
        let third = 1.0 / 3.0;
        assert_eq!(score, Score { first: third, ten: 2.0 * third, reciprocal: 0.5 });
    }
}
