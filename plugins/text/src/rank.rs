//! How central each sentence is, and which of the central ones do not repeat each other.
//!
//! [`central`] is continuous LexRank (Erkan and Radev 2004): sentences recommend those they resemble, and a walk
//! that follows the recommendations ends at the central ones. The walk starts anew at sentences by their prior
//! weight and not at all of them alike (Otterbacher and others 2005). [`varied`] is maximal marginal relevance
//! (Carbonell and Goldstein 1998).

use std::cmp::Reverse;

use crate::vector::Vector;

/// How many sentences are compared with each other at most. A document with more keeps those that resemble the
/// whole most; 1,500 are up to 2.2 million pairs.
pub const CANDIDATES: usize = 1500;

/// Two sentences that resemble each other more than this say the same, and one of them is enough.
const SAME: f32 = 0.9;

/// Steps of the walk at most, and the change at which it ends.
const STEPS: usize = 60;
const STILL: f32 = 1e-6;

/// The candidates: all, or the [`CANDIDATES`] whose cosine with the sum of all vectors, times their prior, is
/// highest; ascending.
#[must_use]
pub fn candidates(vectors: &[Vector], prior: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..vectors.len()).collect();
    if order.len() > CANDIDATES {
        let terms = vectors.iter().flat_map(|vector| &vector.0).map(|(term, _)| *term as usize + 1).max();
        let mut sum = vec![0.0f32; terms.unwrap_or(0)];
        vectors.iter().flat_map(|vector| &vector.0).for_each(|(term, weight)| sum[*term as usize] += weight);
        let near = |at: usize| vectors[at].0.iter().map(|(term, weight)| weight * sum[*term as usize]).sum::<f32>();
        let scores: Vec<f32> = order.iter().map(|at| near(*at) * prior[*at]).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        order.truncate(CANDIDATES);
        order.sort_unstable();
    }
    order
}

/// How central the vectors are, the most central 1. With `follow` the walk follows a resemblance, else it starts
/// anew.
#[must_use]
pub fn central(vectors: &[&Vector], prior: &[f32], follow: f32) -> Vec<f32> {
    let edges = edges(vectors);
    let weights: Vec<f32> = edges.iter().map(|row| row.iter().map(|(_, cosine)| cosine).sum()).collect();
    let all: f32 = prior.iter().sum();
    let start: Vec<f32> = prior.iter().map(|weight| weight / all).collect();
    let mut rank = start.clone();
    for _ in 0..STEPS {
        let mut next: Vec<f32> = start.iter().map(|weight| weight * (1.0 - follow)).collect();
        for (at, row) in edges.iter().enumerate().filter(|(at, _)| weights[*at] > 0.0) {
            let share = follow * rank[at] / weights[at];
            row.iter().for_each(|(to, cosine)| next[*to as usize] += share * cosine);
        }
        let moved: f32 = rank.iter().zip(&next).map(|(was, is)| (was - is).abs()).sum();
        rank = next;
        if moved < STILL {
            break;
        }
    }
    let most = rank.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    rank.into_iter().map(|rank| rank / most).collect()
}

/// For each vector those that share a term, with the cosine; by an inverted index, so that pairs without a common
/// term cost nothing.
fn edges(vectors: &[&Vector]) -> Vec<Vec<(u32, f32)>> {
    let terms = vectors.iter().flat_map(|vector| &vector.0).map(|(term, _)| *term as usize + 1).max().unwrap_or(0);
    let mut holders: Vec<Vec<(u32, f32)>> = vec![Vec::new(); terms];
    for (at, vector) in vectors.iter().enumerate() {
        vector.0.iter().for_each(|(term, weight)| holders[*term as usize].push((at as u32, *weight)));
    }
    let mut row = vec![0.0f32; vectors.len()];
    let edges = vectors.iter().enumerate().map(|(at, vector)| {
        row.fill(0.0);
        for (term, weight) in &vector.0 {
            holders[*term as usize].iter().for_each(|(other, theirs)| row[*other as usize] += weight * theirs);
        }
        let others = row.iter().enumerate().filter(|(other, cosine)| *other != at && **cosine > 0.0);
        others.map(|(other, cosine)| (other as u32, *cosine)).collect()
    });
    edges.collect()
}

/// The best `most` by score, each time minus `diversity` times the resemblance to what was taken before; in the
/// order in which they were taken. The same is never taken twice.
#[must_use]
pub fn varied(vectors: &[&Vector], scores: &[f32], most: usize, diversity: f32) -> Vec<usize> {
    let mut taken = Vec::new();
    let mut repeats = vec![0.0f32; vectors.len()];
    while taken.len() < most {
        let open = (0..vectors.len()).filter(|at| repeats[*at] <= SAME && !taken.contains(at));
        let worth = |at: usize| (1.0 - diversity) * scores[at] - diversity * repeats[at];
        let Some(best) = open.max_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(Reverse(a).cmp(&Reverse(b)))) else {
            break;
        };
        taken.push(best);
        vectors.iter().zip(&mut repeats).for_each(|(vector, repeat)| *repeat = repeat.max(vector.dot(vectors[best])));
    }
    taken
}
