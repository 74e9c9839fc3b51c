//! Folders that a guest sees.
//!
//! A mount is an opened directory and the path under which the guest finds it.
//! Everything below goes through the handle, never through a path of the host, so
//! that nothing a guest does with names or links leaves it. It cannot hide what
//! others change in the folder while the guest runs.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the folder of an import appears.
pub const IMPORTS: &str = "/imports";
/// Below it the input generations appear, one folder per kind.
pub const ARTIFACTS: &str = "/artifacts";
/// Where model files appear.
pub const MODELS: &str = "/models";
/// Where the scratch of an attempt appears.
pub const OUTPUT: &str = "/output";

/// What a guest may do in a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// List and read.
    Read,
    /// Also create, write, rename and remove; counted against the quota.
    Write,
}

/// A folder that a guest sees. Cloning shares the open directory.
#[derive(Debug, Clone)]
pub struct Mount {
    path: Arc<str>,
    dir: Arc<Dir>,
    access: Access,
}

/// Why a folder could not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The folder cannot be opened.
    #[error("folder {} for {guest} cannot be opened: {source}", .folder.display())]
    Open {
        /// The folder on the host.
        folder: PathBuf,
        /// The guest's path.
        guest: String,
        /// Why.
        source: io::Error,
    },
}

impl Mount {
    /// The folder of an import, read-only.
    pub fn imports(folder: &Path) -> Result<Self, MountError> {
        Self::open(folder, IMPORTS.into())
    }

    /// The generation of an input kind, read-only.
    pub fn artifacts(kind: &str, generation: &Path) -> Result<Self, MountError> {
        Self::open(generation, format!("{ARTIFACTS}/{kind}").into())
    }

    /// The folder of model files, read-only.
    pub fn models(folder: &Path) -> Result<Self, MountError> {
        Self::open(folder, MODELS.into())
    }

    /// The scratch of an attempt, read-write.
    pub fn output(dir: Arc<Dir>) -> Self {
        Self { path: OUTPUT.into(), dir, access: Access::Write }
    }

    fn open(folder: &Path, path: Arc<str>) -> Result<Self, MountError> {
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(|source| MountError::Open {
            folder: folder.to_owned(),
            guest: path.to_string(),
            source,
        })?;
        Ok(Self { path, dir: Arc::new(dir), access: Access::Read })
    }

    /// The guest's path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The open directory.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// What the guest may do in it.
    pub const fn access(&self) -> Access {
        self.access
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_folder_is_named() {
        let error = Mount::imports(Path::new("/no/such/folder")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("folder /no/such/folder for /imports cannot be opened:"), "{text}");
    }

    #[test]
    fn inputs_are_read_only_and_named_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let mount = Mount::artifacts("ingest", folder.path()).unwrap();
        assert_eq!((mount.path(), mount.access()), ("/artifacts/ingest", Access::Read));
    }
}
