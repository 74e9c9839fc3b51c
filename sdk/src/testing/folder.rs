//! The folders of a bench on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use tempfile::TempDir;

/// Relative paths and what is in the files.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Why a bench could not run an attempt.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The test gives more than the handler asks for, so the real host would not.
    #[error("`{0}` is given but not asked for; name it in `Handler::asks`")]
    NotAsked(String),
    /// The temporary folders could not be made or read.
    #[error("`{path}`: {error}; the bench needs a writable temporary folder")]
    Io {
        /// The path in question.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The handler answered with something that is no JSON.
    #[error("result is no JSON: {0}; look at its `Serialize`")]
    Result(#[from] serde_json::Error),
}

pub(super) fn temporary() -> Result<TempDir, BenchError> {
    tempfile::tempdir().map_err(failed(&env::temp_dir()))
}

pub(super) fn fill(root: &Path, files: &Files) -> Result<(), BenchError> {
    fs::create_dir_all(root).map_err(failed(root))?;
    for (path, bytes) in files {
        let path = root.join(path);
        let parent = path.parent().unwrap_or(root);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    Ok(())
}

pub(super) fn collect(folder: &Path, prefix: &str, files: &mut Files) -> Result<(), BenchError> {
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(&path).map_err(failed(&path))?);
        }
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BenchError + '_ {
    move |error| BenchError::Io { path: path.to_owned(), error }
}
