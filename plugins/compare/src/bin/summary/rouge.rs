//! ROUGE-1, ROUGE-2 and ROUGE-L as F1 (Lin 2004): common words, common pairs of words, and the longest common
//! sequence of words. In lower case, without stemming; a word is a run of letters and digits.

use std::collections::HashMap;
use std::ops::{AddAssign, Div};

/// The three measures, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Words.
    pub one: f64,
    /// Pairs of words.
    pub two: f64,
    /// The longest common sequence, over the whole summary.
    pub longest: f64,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        *self = Self { one: self.one + other.one, two: self.two + other.two, longest: self.longest + other.longest };
    }
}

impl Div<f64> for Score {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self { one: self.one / by, two: self.two / by, longest: self.longest / by }
    }
}

/// Compares a summary with the one that a person wrote.
#[must_use]
pub fn score(human: &str, ours: &str) -> Score {
    let (human, ours) = (words(human), words(ours));
    Score { one: grams(&human, &ours, 1), two: grams(&human, &ours, 2), longest: sequence(&human, &ours) }
}

/// The words that are compared.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// F1 of the runs of `length` words, as multisets.
#[must_use]
pub fn grams(human: &[String], ours: &[String], length: usize) -> f64 {
    let mut open: HashMap<&[String], usize> = HashMap::new();
    human.windows(length).for_each(|gram| *open.entry(gram).or_default() += 1);
    let mut common = 0;
    for gram in ours.windows(length) {
        if let Some(left) = open.get_mut(gram).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    f1(common, human.windows(length).count(), ours.windows(length).count())
}

fn sequence(human: &[String], ours: &[String]) -> f64 {
    let mut row = vec![0usize; ours.len() + 1];
    for word in human {
        let mut corner = 0;
        for (at, other) in ours.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    f1(row[ours.len()], human.len(), ours.len())
}

fn f1(common: usize, human: usize, ours: usize) -> f64 {
    if common == 0 { 0.0 } else { 2.0 * common as f64 / (human + ours) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_those_of_the_paper() {
        // Lin 2004, section 3.1: "police killed the gunman" against two others.
        let human = "police killed the gunman";
        let near = score(human, "police kill the gunman");
        let far = score(human, "the gunman kill police");
        assert_eq!((near.one, near.two, near.longest), (0.75, 1.0 / 3.0, 0.75));
        assert_eq!((far.one, far.two, far.longest), (0.75, 1.0 / 3.0, 0.5));
        assert_eq!(score(human, ""), Score::default());
    }
}
