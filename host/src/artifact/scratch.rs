//! The folder that an attempt writes into.
//!
//! One per attempt, named by its lease, below `state/scratch`; removed when it is
//! dropped, and everything below `state/scratch` is removed at start, because what
//! lies there then belongs to attempts that no longer exist. Removal is best
//! effort: what could not be removed is tried again at the next start.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no scratch.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The folder could not be made or opened.
    #[error("scratch {} cannot be made: {source}; is the disk full or read-only?", .path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What lay there at start could not be removed.
    #[error("left-over scratch {} cannot be removed: {source}; remove it by hand", .path.display())]
    Clean {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A scratch folder; dropping it removes it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    dir: Arc<Dir>,
}

impl Scratch {
    /// Make the scratch of a lease below `root`. A folder that is already there is
    /// an error: a lease is given once.
    pub fn create(root: &Path, lease: i64) -> Result<Self, ScratchError> {
        let path = root.join(format!("g{lease}"));
        let made = std::fs::create_dir(&path).and_then(|()| Dir::open_ambient_dir(&path, ambient_authority()));
        match made {
            Ok(dir) => Ok(Self { path, dir: Arc::new(dir) }),
            Err(source) => Err(ScratchError::Create { path, source }),
        }
    }

    /// The open folder, to mount and to collect from.
    pub fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone when it was published; otherwise the next start tries again.
        let _ = remove(&self.path);
    }
}

/// Make `root` exist and empty.
pub fn clean(root: &Path) -> Result<(), ScratchError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ScratchError::Clean { path, source }
    };
    std::fs::create_dir_all(root).map_err(|source| ScratchError::Create { path: root.to_owned(), source })?;
    for entry in std::fs::read_dir(root).map_err(failed(root))? {
        let entry = entry.map_err(failed(root))?;
        let path = entry.path();
        let folder = entry.file_type().map_err(failed(&path))?.is_dir();
        let removed = if folder { remove(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(failed(&path))?;
    }
    Ok(())
}

/// Remove a folder, however a guest built it.
fn remove(path: &Path) -> io::Result<()> {
    // Most are empty, or were published: one call instead of five.
    match std::fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => return Ok(()),
    }
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => flatten(path),
        _ => Ok(()),
    }
}

/// Remove a folder that is nested deeper than there are file handles, or than a path
/// can be long: every folder within is moved up to the top before it is opened.
fn flatten(path: &Path) -> io::Result<()> {
    let mut number: u64 = 0;
    loop {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        if folders.is_empty() {
            return std::fs::remove_dir(path);
        }
        for folder in folders {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    number += 1;
                    std::fs::rename(entry.path(), unused(path, &mut number))?;
                } else {
                    std::fs::remove_file(entry.path())?;
                }
            }
            std::fs::remove_dir(&folder)?;
        }
    }
}

/// A name that nothing has yet in this folder.
fn unused(folder: &Path, number: &mut u64) -> PathBuf {
    loop {
        let path = folder.join(format!("moved-{number}"));
        if path.symlink_metadata().is_err() {
            return path;
        }
        *number += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_dropped_scratch_is_gone_with_what_was_in_it() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), 5).unwrap();
        scratch.dir().create_dir("a").unwrap();
        scratch.dir().write("a/b", "c").unwrap();
        assert!(matches!(Scratch::create(root.path(), 5), Err(ScratchError::Create { .. })));
        drop(scratch);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn folders_nested_deeper_than_any_path_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let scratch = root.path().join("g1");
        std::fs::create_dir(&scratch).unwrap();
        let (inner, outer) = (scratch.join("inner"), scratch.join("outer"));
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("file"), "x").unwrap();
        for _ in 0..2_500 {
            std::fs::create_dir(&outer).unwrap();
            std::fs::rename(&inner, outer.join("moved-1")).unwrap();
            std::fs::rename(&outer, &inner).unwrap();
        }
        flatten(&scratch).unwrap();
        assert!(!scratch.exists());
    }

    #[test]
    fn the_start_finds_nothing_left_over() {
        let root = tempfile::tempdir().unwrap();
        let scratches = root.path().join("state/scratch");
        clean(&scratches).unwrap();
        std::fs::create_dir_all(scratches.join("g1/deep")).unwrap();
        std::fs::write(scratches.join("g1/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", scratches.join("link")).unwrap();
        clean(&scratches).unwrap();
        assert_eq!(std::fs::read_dir(&scratches).unwrap().count(), 0);
        assert!(Path::new("/tmp").exists());
    }
}
