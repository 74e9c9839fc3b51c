//! What a guest holds in `/output`: counted before each write, refused beyond
//! the limits.
//!
//! The running counts are an upper bound: truncating on open, renaming over a
//! file and removing a file do not give bytes back at once, because the bytes of a
//! removed file stay as long as the guest holds it open. When a limit would be
//! passed the folder is walked and what really lies there (and what is removed
//! but open) becomes the count; only then is anything refused. So the limits are
//! exact, and the usage that an attempt reports may count a removed byte.
//! It cannot see what a file system adds (blocks, directories).

use crate::capability::fs::Mount;
use crate::rules::attempt::Class;
use cap_std::fs::Dir;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Weak};

/// Folders deeper than this are not walked when counting; published they are not
/// either.
const MAX_DEPTH: u32 = 32;

/// What was refused: a limit that was passed, or a disk that did not do its part. The first one decides the
/// attempt's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exceeded {
    /// Bytes spent.
    #[error("/output would have held {wanted} bytes, more than limits.scratch_bytes = {limit} allows")]
    Bytes {
        /// Bytes with the refused write.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// Files spent.
    #[error("/output would have held {wanted} files and folders, more than limits.scratch_files = {limit} allows")]
    Files {
        /// Files and folders with the refused one.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// The disk did not do what the limits allow: the host's fault. The number is the operating system's.
    #[error("/output cannot be written: {}; is the disk full or read-only?", io::Error::from_raw_os_error(*.0))]
    Disk(i32),
}

impl Exceeded {
    /// Whose fault it is.
    pub(super) const fn class(self) -> Class {
        match self {
            Self::Bytes { .. } | Self::Files { .. } => Class::Quota,
            Self::Disk(_) => Class::HostFault,
        }
    }
}

/// The accounts of one `/output`.
#[derive(Debug)]
pub(super) struct Quota {
    output: Option<Mount>,
    max_bytes: u64,
    max_files: u64,
    bytes: u64,
    files: u64,
    peak: u64,
    made: u64,
    open: Vec<Weak<File>>,
    exceeded: Option<Exceeded>,
}

impl Quota {
    pub(super) const fn new(output: Option<Mount>, max_bytes: u64, max_files: u64) -> Self {
        Self { output, max_bytes, max_files, bytes: 0, files: 0, peak: 0, made: 0, open: Vec::new(), exceeded: None }
    }

    /// Before a file grows by so many bytes.
    pub(super) fn grow(&mut self, by: u64) -> Result<(), Exceeded> {
        if self.bytes.saturating_add(by) > self.max_bytes {
            self.recount();
        }
        let wanted = self.bytes.saturating_add(by);
        if wanted > self.max_bytes {
            return Err(self.refuse(Exceeded::Bytes { wanted, limit: self.max_bytes }));
        }
        self.bytes = wanted;
        self.peak = self.peak.max(wanted);
        Ok(())
    }

    /// After a file that stays open became shorter, or did not grow after all.
    pub(super) fn shrink(&mut self, by: u64) {
        self.bytes = self.bytes.saturating_sub(by);
    }

    /// Before a file or folder is made.
    pub(super) fn add(&mut self) -> Result<(), Exceeded> {
        if self.files >= self.max_files {
            self.recount();
        }
        let wanted = self.files.saturating_add(1);
        if wanted > self.max_files {
            return Err(self.refuse(Exceeded::Files { wanted, limit: self.max_files }));
        }
        self.files = wanted;
        self.made += 1;
        Ok(())
    }

    /// After one was not made after all.
    pub(super) fn undo_add(&mut self) {
        self.remove();
        self.made = self.made.saturating_sub(1);
    }

    /// After a file or folder was removed.
    pub(super) fn remove(&mut self) {
        self.files = self.files.saturating_sub(1);
    }

    /// Remember a file that the guest opened for writing.
    pub(super) fn opened(&mut self, file: &Arc<File>) {
        if self.open.len() == self.open.capacity() {
            self.open.retain(|file| file.strong_count() > 0);
        }
        self.open.push(Arc::downgrade(file));
    }

    /// Bytes that lay there at most, as far as counted.
    pub(super) const fn peak(&self) -> u64 {
        self.peak
    }

    /// Files and folders made.
    pub(super) const fn made(&self) -> u64 {
        self.made
    }

    /// After the disk refused what the limits allow. Other errors are the guest's own doing.
    pub(super) fn disk_refused(&mut self, error: &io::Error) {
        let disks = [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ROFS].map(Errno::raw_os_error);
        if let Some(code) = error.raw_os_error().filter(|code| disks.contains(code)) {
            self.refuse(Exceeded::Disk(code));
        }
    }

    /// The first refusal.
    pub(super) const fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded
    }

    fn refuse(&mut self, exceeded: Exceeded) -> Exceeded {
        *self.exceeded.get_or_insert(exceeded)
    }

    /// A walk that fails leaves the upper bound: it errs on the side of refusing.
    fn recount(&mut self) {
        let Some(output) = &self.output else { return };
        let mut sum = (0, 0);
        if walk(output.dir(), 0, &mut sum).is_err() {
            return;
        }
        for file in self.open.iter().filter_map(Weak::upgrade) {
            if let Some(data) = file.metadata().ok().filter(|data| data.nlink() == 0) {
                sum.0 += data.len();
            }
        }
        self.bytes = self.bytes.min(sum.0);
        self.files = self.files.min(sum.1);
    }
}

fn walk(dir: &Dir, depth: u32, sum: &mut (u64, u64)) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("too deep"));
    }
    for entry in dir.entries()? {
        let entry = entry?;
        sum.1 += 1;
        if entry.file_type()?.is_dir() {
            walk(&entry.open_dir()?, depth + 1, sum)?;
        } else {
            sum.0 += entry.metadata()?.len();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write as _;

    fn quota(bytes: u64, files: u64) -> (tempfile::TempDir, Quota) {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        (folder, Quota::new(Some(Mount::output(Arc::new(dir))), bytes, files))
    }

    #[test]
    fn the_last_byte_fits_and_the_next_does_not() {
        let (folder, mut quota) = quota(10, 10);
        quota.grow(10).unwrap();
        std::fs::write(folder.path().join("a"), [0; 10]).unwrap();
        let refused = Exceeded::Bytes { wanted: 11, limit: 10 };
        assert_eq!(quota.grow(1), Err(refused));
        assert_eq!(quota.exceeded(), Some(refused));
        assert_eq!(quota.peak(), 10);
        quota.grow(0).unwrap();
    }

    #[test]
    fn what_was_removed_counts_again_as_free_only_when_it_is() {
        let (folder, mut quota) = quota(10, 10);
        quota.add().unwrap();
        let path = folder.path().join("a");
        let mut file = File::create(&path).unwrap();
        file.write_all(&[0; 8]).unwrap();
        let file = Arc::new(file);
        quota.opened(&file);
        quota.grow(8).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(quota.grow(8).is_err(), "removed, but still open");
        drop(file);
        quota.grow(8).unwrap();
    }

    #[test]
    fn folders_count_as_files() {
        let (folder, mut quota) = quota(10, 2);
        quota.add().unwrap();
        quota.add().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        assert_eq!(quota.add(), Err(Exceeded::Files { wanted: 3, limit: 2 }));
        assert_eq!(quota.made(), 2);
        std::fs::remove_dir(folder.path().join("a/b")).unwrap();
        quota.add().unwrap();
    }

    #[test]
    fn folders_nested_too_deep_give_nothing_back() {
        let (folder, mut quota) = quota(10, 1);
        quota.add().unwrap();
        let deep: std::path::PathBuf = (0..40).map(|_| "d").collect();
        std::fs::create_dir_all(folder.path().join(deep)).unwrap();
        assert!(quota.add().is_err());
    }
}
