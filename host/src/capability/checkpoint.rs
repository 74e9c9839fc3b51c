//! Where a guest's checkpoint is kept.
//!
//! Who opens it decides for which job, and gives the two ways to the store; this layer
//! knows nothing of either. It cannot promise more than the store behind it: what
//! `save` answered for is on the disk.

use crate::rules::checkpoint::Checkpoint;
use std::pin::Pin;

/// An answer of the store; the error is in words.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// The checkpoint of one job, opened for one attempt.
pub struct Checkpoints {
    /// What was kept last, if an attempt on a handler of the same name kept it.
    pub load: Box<dyn Fn() -> Answer<Option<Checkpoint>> + Send + Sync>,
    /// Keep these bytes with this format tag; answered once they are on the disk.
    pub save: Box<dyn Fn(String, Vec<u8>) -> Answer<()> + Send + Sync>,
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints").finish_non_exhaustive()
    }
}
