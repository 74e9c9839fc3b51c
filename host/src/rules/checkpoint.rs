//! What a guest may keep for its next attempt.
//!
//! A checkpoint belongs to a job and to a *family* of handlers: those of one name,
//! whatever their digest. Whether the bytes of an older digest can still be read is for
//! the handler to say; that is what the format tag is for.

use super::time::Millis;

/// Bytes of a format tag at most.
pub const MAX_FORMAT: usize = 64;

/// The least time from one checkpoint of an attempt to the next, and from one look at it
/// to the next: 100 ms.
pub const PACE: Millis = Millis(100);

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the handler that kept it.
    pub handler: String,
    /// Its digest.
    pub digest: String,
    /// The handler's own tag for the form of the bytes.
    pub format: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a checkpoint is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too large.
    #[error(
        "the checkpoint has {bytes} bytes, more than limits.checkpoint = {limit} allows: keep less, or raise the limit"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The tag is none.
    #[error("format {0:?} is no tag: 1 to {MAX_FORMAT} of a-z, 0-9 and -._/")]
    Format(String),
    /// It could not be written or read.
    #[error("the host cannot do it: {0}; it may work later")]
    Other(String),
}

/// Whether these bytes may be kept.
///
/// # Errors
/// They are too many, or the tag is none.
pub fn may_keep(format: &str, bytes: u64, limit: u64) -> Result<(), Refusal> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._/".contains(&b);
    if !(1..=MAX_FORMAT).contains(&format.len()) || !format.bytes().all(fits) {
        return Err(Refusal::Format(format.chars().take(MAX_FORMAT).collect()));
    }
    if bytes > limit {
        return Err(Refusal::TooLarge { bytes, limit });
    }
    Ok(())
}

impl Checkpoint {
    /// Whether it is given to an attempt on a handler of this name.
    pub fn is_for(&self, handler: &str) -> bool {
        self.handler == handler
    }
}
