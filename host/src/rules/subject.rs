//! What a job is about.
//!
//! A subject's id is the first 128 bits of the SHA-256 of its canonical source,
//! as 32 lower-case hex digits. It is the only form in which anything about a
//! document becomes part of a path. A job without a source gets a subject of its
//! own from its kind and payload.

use sha2::{Digest, Sha256};

/// The id of the subject with this canonical source.
pub fn id_of_source(source: &str) -> String {
    short(Sha256::digest(source.as_bytes()).as_slice())
}

/// The id of the subject of a job without a source.
pub fn id_of_payload(kind: &str, payload: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"payload\0");
    hash.update(kind.as_bytes());
    hash.update(b"\0");
    hash.update(payload.as_bytes());
    short(hash.finalize().as_slice())
}

/// Whether a text has the form of a subject id.
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The folder below `artifacts/` that a subject's shard is.
pub fn shard(id: &str) -> &str {
    id.get(..2).unwrap_or(id)
}

fn short(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
