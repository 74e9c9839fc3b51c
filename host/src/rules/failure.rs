//! Failures: what they have in common, and how one ends.
//!
//! A message is *normalised*: what differs from job to job (numbers, digests, quoted
//! texts, addresses, paths, times) becomes a placeholder, so that a thousand failures with
//! one cause have one text. The *fingerprint* of a failure is a hash of its kind, class,
//! normalised message, the guest function that it ended in, and the handler's digest.
//! What this cannot promise: that one cause has one fingerprint. A handler that words the
//! same trouble in two ways makes two groups, and one that puts everything between
//! quotation marks makes one.

mod message;

use super::attempt::Class;
pub use message::{LONGEST, normalise};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Unresolved failures that keep full detail, unless the configuration says otherwise;
/// from the design.
pub const KEEP: u64 = 50;
/// Hex digits of a fingerprint: 48 bits, so that among 100,000 groups two meet with a
/// probability of about 2 in 100,000.
pub const FINGERPRINT: usize = 12;
/// Hex digits by which a group may be named at least.
pub const PREFIX: usize = 4;
/// Characters of a function's name that are kept.
pub const FRAME: usize = 200;

/// How a failure was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// Its job was given a new round.
    Resubmitted,
    /// Somebody acknowledged it; the job stays failed.
    Deleted,
    /// A later job of the same subject and kind completed.
    Superseded,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 3] = [Self::Resubmitted, Self::Deleted, Self::Superseded];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resubmitted => "resubmitted",
            Self::Deleted => "deleted",
            Self::Superseded => "superseded",
        }
    }

    /// The resolution of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.name() == name)
    }
}

impl std::fmt::Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a fingerprint is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits<'a> {
    /// The job's kind.
    pub kind: &'a str,
    /// The class of the failure.
    pub class: Class,
    /// Its message as it is.
    pub message: &'a str,
    /// The guest function that it ended in: [`top_frame`].
    pub frame: Option<&'a str>,
    /// The handler's digest.
    pub digest: Option<&'a str>,
}

/// The fingerprint: the first [`FINGERPRINT`] hex digits of the SHA-256 of kind, class,
/// normalised message, frame and digest, each behind its length in bytes (eight bytes, the
/// lowest first; what is not there counts as empty), so that no two of them can be shifted
/// into each other.
pub fn fingerprint(traits: &Traits<'_>) -> String {
    let message = normalise(traits.message);
    let mut hash = Sha256::new();
    let (frame, digest) = (traits.frame.unwrap_or_default(), traits.digest.unwrap_or_default());
    for part in [traits.kind, traits.class.name(), &message, frame, digest] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut hex = format!("{:x}", hash.finalize());
    hex.truncate(FINGERPRINT);
    hex
}

/// Whether a text may name a group: [`PREFIX`] to [`FINGERPRINT`] hex digits.
pub fn is_prefix(text: &str) -> bool {
    (PREFIX..=FINGERPRINT).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Functions in which every Rust guest ends that panics or aborts, and (with `::` at the end) how the names of such
/// functions and of others begin that say nothing about where it happened.
const MACHINERY: [&str; 6] = ["abort", "alloc::", "core::", "rust_begin_unwind", "rust_panic", "std::"];

/// The function that a guest ended in, from a backtrace with one function a line, innermost
/// first: the first that is not part of the machinery of panics, without the hash and the
/// address that a name may carry. None of an empty backtrace.
pub fn top_frame(backtrace: &str) -> Option<String> {
    let names = || backtrace.lines().map(function).filter(|name| !name.is_empty());
    let top = names().find(|name| !is_machinery(name)).or_else(|| names().next())?;
    Some(top.chars().take(FRAME).collect())
}

fn is_machinery(name: &str) -> bool {
    let is_of = |known: &str| if known.ends_with("::") { name.starts_with(known) } else { name == known };
    name.starts_with("__rust") || MACHINERY.into_iter().any(is_of)
}

/// A frame's function without `::h0123456789abcdef`, `+0x1f`, `@ 0x1f` and `(0x1f)`.
fn function(frame: &str) -> &str {
    let mut name = frame.trim();
    for mark in [" @ 0x", "+0x", " (0x", "(0x"] {
        name = name.find(mark).map_or(name, |at| &name[..at]).trim_end();
    }
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => path,
        _ => name,
    }
}
