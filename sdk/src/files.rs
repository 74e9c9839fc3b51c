//! Reading inputs and writing outputs.
//!
//! Thin over `std::fs`: paths are relative to the folder, errors name the path, and a path that would
//! leave the folder is refused before the sandbox would refuse it. It does not look through links; the
//! sandbox does.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// A folder to read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    root: PathBuf,
}

impl Input {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    ///
    /// Those of `std::fs::read`, or `InvalidInput` for a path that leaves the folder.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        at(&self.root, path.as_ref(), |path| fs::read(path))
    }

    /// A file as text.
    ///
    /// # Errors
    ///
    /// As [`Input::read`], and `InvalidData` when it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        at(&self.root, path.as_ref(), |path| fs::read_to_string(path))
    }

    /// A file to read piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Input::read`].
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        at(&self.root, path.as_ref(), |path| File::open(path))
    }

    /// Whether there is a file or folder.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        at(&self.root, path.as_ref(), |path| fs::metadata(path)).is_ok()
    }

    /// The full path, for libraries that open files themselves. It is not checked.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }
}

/// A folder to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    root: PathBuf,
}

impl Output {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Write a whole file, in place of one that is there; makes the folders that it needs.
    ///
    /// # Errors
    ///
    /// Those of `std::fs::write`, or `InvalidInput` for a path that leaves the folder.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.make_parents(path.as_ref())?;
        at(&self.root, path.as_ref(), |path| fs::write(path, bytes))
    }

    /// A file to write piece by piece, emptied first; makes the folders that it needs.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.make_parents(path.as_ref())?;
        at(&self.root, path.as_ref(), |path| File::create(path))
    }

    fn make_parents(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                at(&self.root, parent, |parent| fs::create_dir_all(parent))
            }
            _ => Ok(()),
        }
    }
}

fn at<T>(root: &Path, path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let full = root.join(path);
    if !inside {
        let problem = "leaves its folder; give a relative path without `..`";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {problem}", path.display())));
    }
    act(&full).map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", full.display())))
}
