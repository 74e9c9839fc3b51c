//! Sentences as sparse vectors of unit length: how often a term stands in them, times how rare it is in the document.

use rustc_hash::FxHashMap;

use crate::terms::Terms;

/// Term numbers and weights, ascending by number.
#[derive(Debug, Clone, Default)]
pub struct Vector(pub(crate) Vec<(u32, f32)>);

impl Vector {
    /// The cosine of two vectors of unit length.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f32 {
        let (mut a, mut b, mut sum) = (self.0.iter().peekable(), other.0.iter().peekable(), 0.0);
        while let (Some((left, x)), Some((right, y))) = (a.peek(), b.peek()) {
            match left.cmp(right) {
                std::cmp::Ordering::Less => _ = a.next(),
                std::cmp::Ordering::Greater => _ = b.next(),
                std::cmp::Ordering::Equal => {
                    sum += x * y;
                    (_, _) = (a.next(), b.next());
                }
            }
        }
        sum
    }

    fn scaled(mut self) -> Self {
        let length = self.0.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        if length > 0.0 {
            self.0.iter_mut().for_each(|(_, weight)| *weight /= length);
        }
        self
    }
}

/// The vectors of `texts`, and that of a title or a question, which does not count for how rare a term is.
pub fn vectors<'a>(terms: &Terms, texts: impl Iterator<Item = &'a str>, title: &str) -> (Vec<Vector>, Vector) {
    let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
    let mut counts: Vec<Vector> = texts.map(|text| counted(terms, text, &mut numbers)).collect();
    let mut frequency = vec![0u32; numbers.len()];
    counts.iter().flat_map(|vector| &vector.0).for_each(|(term, _)| frequency[*term as usize] += 1);
    counts.push(counted(terms, title, &mut numbers));
    let all = counts.len() as f32;
    for (term, weight) in counts.iter_mut().flat_map(|vector| &mut vector.0) {
        let known = frequency.get(*term as usize).copied().unwrap_or(0);
        *weight *= (all / (known as f32 + 0.5)).ln();
    }
    let title = counts.pop().unwrap_or_default().scaled();
    (counts.into_iter().map(Vector::scaled).collect(), title)
}

fn counted(terms: &Terms, text: &str, numbers: &mut FxHashMap<String, u32>) -> Vector {
    let mut found: Vec<u32> = Vec::new();
    terms.each(text, |term| {
        let next = numbers.len() as u32;
        match numbers.get(term) {
            Some(number) => found.push(*number),
            None => {
                numbers.insert(term.to_owned(), next);
                found.push(next);
            }
        }
    });
    found.sort_unstable();
    Vector(found.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f32)).collect())
}
