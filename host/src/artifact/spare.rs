//! Scratch folders that nobody touched, kept for the next attempt.
//!
//! Making and removing a folder costs the file system some hundred microseconds
//! of searching for a free inode, many times what a small sandbox costs. An
//! attempt that left its `/output` exactly as it found it gives it back instead:
//! empty, and with the time of its last change as it was. Anything else is thrown
//! away.

use super::scratch::{Scratch, ScratchError};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Folders kept at most; each holds a file descriptor.
const MOST: usize = 256;

/// Where scratch folders come from.
#[derive(Debug)]
pub struct Spares {
    root: PathBuf,
    kept: Mutex<Vec<Spare>>,
}

/// A folder, and what it looked like when it was new.
#[derive(Debug)]
pub struct Spare {
    scratch: Scratch,
    made: SystemTime,
}

impl Spare {
    /// The scratch folder itself.
    pub const fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The scratch folder, no longer to be given back.
    pub fn into_scratch(self) -> Scratch {
        self.scratch
    }

    fn is_untouched(&self) -> bool {
        let is_empty = || self.scratch.dir().entries().is_ok_and(|mut entries| entries.next().is_none());
        modified(&self.scratch).is_ok_and(|at| at == self.made) && is_empty()
    }
}

fn modified(scratch: &Scratch) -> io::Result<SystemTime> {
    Ok(scratch.dir().dir_metadata()?.modified()?.into_std())
}

impl Spares {
    /// None yet; folders are made below `root`.
    pub const fn new(root: PathBuf) -> Self {
        Self { root, kept: Mutex::new(Vec::new()) }
    }

    /// A folder that was kept, if there is one. Never waits for the disk.
    pub fn take(&self) -> Option<Spare> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A new folder, named by a lease.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(&self, lease: i64) -> Result<Spare, ScratchError> {
        let scratch = Scratch::create(&self.root, lease)?;
        match modified(&scratch) {
            Ok(made) => Ok(Spare { scratch, made }),
            Err(source) => Err(ScratchError::Create { path: scratch.path().to_owned(), source }),
        }
    }

    /// Give a folder back; it is removed unless it is untouched.
    pub fn put(&self, spare: Spare) {
        if spare.is_untouched() {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < MOST {
                kept.push(spare);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_untouched_folder_is_used_again_and_a_touched_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let spares = Spares::new(root.path().to_owned());
        assert!(spares.take().is_none());
        let first = spares.make(1).unwrap();
        let path = first.scratch().path().to_owned();
        spares.put(first);
        let again = spares.take().unwrap();
        assert_eq!(again.scratch().path(), path);
        again.scratch().dir().write("a", "b").unwrap();
        again.scratch().dir().remove_file("a").unwrap();
        spares.put(again);
        assert!(spares.take().is_none(), "it is empty, but was written to");
        assert!(!path.exists());
    }
}
