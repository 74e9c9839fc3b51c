//! How far an attempt is, in its own words.
//!
//! Whatever a guest says becomes something that fits on a screen: a note is one line
//! of bounded length. It cannot tell whether the figures are true.

use serde::{Deserialize, Serialize};

/// Bytes of a note that are kept.
pub const MAX_NOTE: usize = 256;

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all; 0 when nobody knows.
    pub total: u64,
    /// What it is doing: one line, maybe empty.
    pub note: String,
}

impl Progress {
    /// What a guest said, on one line of at most [`MAX_NOTE`] bytes.
    pub fn new(done: u64, total: u64, note: &str) -> Self {
        let mut end = note.len().min(MAX_NOTE);
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        let note = note[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        Self { done, total, note: note.trim().to_owned() }
    }
}

impl std::fmt::Display for Progress {
    /// `3 of 10, reading b.html`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.done)?;
        if self.total > 0 {
            write!(f, " of {}", self.total)?;
        }
        if self.note.is_empty() { Ok(()) } else { write!(f, ", {}", self.note) }
    }
}
