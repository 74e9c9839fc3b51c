//! Fingerprints, by which documents of the same content can be found.
//!
//! The digest is equal for texts that are equal but for case and white space. The simhash is near for texts that are
//! nearly equal: Charikar, Similarity Estimation Techniques from Rounding Algorithms (2002), over runs of three words, each
//! weighted by how often it comes; 3 bits of 64 as the distance of near duplicates is from Manku, Jain and Das Sarma,
//! Detecting Near-Duplicates for Web Crawling (2007).
//!
//! What it cannot promise: a changed word changes three runs, so in a short text it moves more than 3 bits
//! (`docs/analysis.md` has the figures). Letters that look the same and are written otherwise (NFC, NFD) differ.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// How many words a run has.
const RUN: usize = 3;

/// In how many bits two simhashes differ, 0 to 64. Up to 3 is what is taken for a near duplicate.
#[must_use]
pub const fn hamming(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

/// SHA-256 of texts in lower case, with one space between words, as hex digits.
#[must_use]
pub fn digest<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for (at, word) in texts.flat_map(str::split_whitespace).enumerate() {
        hasher.update(if at == 0 { "" } else { " " });
        hasher.update(word.to_lowercase());
    }
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The simhash of the words of texts; 0 for none. Of fewer than three words all are one run.
#[must_use]
pub fn simhash<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    let mut votes = [0_i64; 64];
    let mut run: Vec<String> = Vec::with_capacity(RUN);
    let mut runs = 0_usize;
    for word in texts.flat_map(capstan_text::words) {
        if run.len() == RUN {
            run.remove(0);
        }
        run.push(word.to_lowercase());
        if run.len() == RUN {
            vote(&run, &mut votes);
            runs += 1;
        }
    }
    if runs == 0 && !run.is_empty() {
        vote(&run, &mut votes);
    }
    (0..64).filter(|bit| votes[*bit] > 0).fold(0, |hash, bit| hash | 1 << bit)
}

/// A simhash as it is written.
#[must_use]
pub fn hex(simhash: u64) -> String {
    format!("{simhash:016x}")
}

fn vote(run: &[String], votes: &mut [i64; 64]) {
    let hash = Sha256::digest(run.join(" "));
    let bits = hash.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    for (bit, votes) in votes.iter_mut().enumerate() {
        *votes += if bits >> bit & 1 == 1 { 1 } else { -1 };
    }
}
