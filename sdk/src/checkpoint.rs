//! What an attempt keeps for the next one.
//!
//! One checkpoint per job, given back to later attempts of it on any handler of the same name, also after
//! the host died. The format tag says how the bytes are to be read: change it when their form changes,
//! and an updated handler starts anew in place of misreading what the old one left.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, desk};

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The tag that it was kept with.
    pub format: String,
    /// The digest of the component that kept it, 64 hex digits.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The checkpoint of a job: [`Job::checkpoint`](crate::Job::checkpoint).
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint(pub(crate) ());

impl Checkpoint {
    /// What was kept last, in this attempt or an earlier one.
    ///
    /// # Errors
    ///
    /// Transient, when the host cannot read it.
    pub fn load(&self) -> Result<Option<Saved>, Failure> {
        desk::load()
    }

    /// Keep these bytes in place of those before; returns when they are on the disk. `format` is 1 to 64 of
    /// `a-z`, `0-9` and `-._/`, for example `pages/1`.
    ///
    /// # Errors
    ///
    /// Permanent, when they are more than the operator allows (1 MiB by default) or the format is none;
    /// transient, when the host cannot write them.
    pub fn save(&self, format: &str, bytes: &[u8]) -> Result<(), Failure> {
        desk::save(format, bytes)
    }

    /// The value that was kept last with this format; `None` when there is none, or only one of another
    /// format.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::load`], and permanent when the bytes are no such value.
    pub fn load_json<T: DeserializeOwned>(&self, format: &str) -> Result<Option<T>, Failure> {
        match self.load()? {
            Some(saved) if saved.format == format => Ok(Some(serde_json::from_slice(&saved.bytes)?)),
            _ => Ok(None),
        }
    }

    /// Keep a value as JSON.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::save`], and permanent when the value has no JSON form.
    pub fn save_json<T: Serialize>(&self, format: &str, value: &T) -> Result<(), Failure> {
        self.save(format, &serde_json::to_vec(value)?)
    }
}
