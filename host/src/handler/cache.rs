//! Compiled components on the disk.
//!
//! A file per (digest, engine compatibility), in a folder that only the host may
//! enter (0700). Each begins with the SHA-256 of the rest; a file that does not
//! match is thrown away and compiled again. What this cannot promise: protection
//! against someone who can write as the host's own user.

use crate::sandbox::{CompileError, Engine, LoadError, Prepared};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The length of the checksum in front.
const CHECKSUM: usize = 32;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The component cannot be compiled or linked.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It was compiled but cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Others may write into the cache.
    #[error("{0} can be entered by others (mode {1:o}): make it 0700, for it holds code that the host runs")]
    Open(PathBuf, u32),
    /// The file system said no.
    #[error("cannot {doing} {path}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
}

/// The compiled form of a component: from the cache, or compiled now and kept.
///
/// # Errors
/// It cannot be compiled, or the cache is not the host's alone.
pub fn prepare(engine: &Engine, folder: &Path, digest: &str, wasm: &[u8]) -> Result<Prepared, CacheError> {
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |error| CacheError::Io { doing, path, error }
    };
    let mode = fs::metadata(folder).map_err(io("look at", folder))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(CacheError::Open(folder.to_owned(), mode));
    }
    let path = folder.join(format!("{digest}-{}.cwasm", engine.compatibility()));
    if let Some(kept) = Kept::read(&path) {
        // SAFETY: the bytes are what `compile` made for this very engine: the
        // file name carries the engine's compatibility, the checksum was
        // verified, and only the host's own user can write to the folder.
        match unsafe { engine.load(kept.compiled()) } {
            Ok(prepared) => return Ok(prepared),
            Err(error) => tracing::warn!(%error, path = %path.display(), "compiled component is not usable: compiling"),
        }
    }
    let compiled = engine.compile(wasm)?;
    write(&path, &compiled).map_err(io("write", &path))?;
    // SAFETY: the bytes come straight from `compile` of this engine.
    Ok(unsafe { engine.load(&compiled) }?)
}

/// The size of a component's compiled form for this engine, if it is kept.
pub fn size(engine: &Engine, folder: &Path, digest: &str) -> Option<u64> {
    let path = folder.join(format!("{digest}-{}.cwasm", engine.compatibility()));
    fs::metadata(path).ok().map(|meta| meta.len().saturating_sub(CHECKSUM as u64))
}

/// Throw away every compiled form of a component.
///
/// # Errors
/// The file system said no.
pub fn remove(folder: &Path, digest: &str) -> Result<(), CacheError> {
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |error| CacheError::Io { doing, path, error }
    };
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let path = entry.map_err(io("read", folder))?.path();
        let is_of_digest = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(digest));
        if is_of_digest {
            fs::remove_file(&path).map_err(io("remove", &path))?;
        }
    }
    Ok(())
}

/// A file of the cache that is what it was when it was written. Held as it was read: these are megabytes for
/// each handler, and a start waits for all of them.
struct Kept(Vec<u8>);

impl Kept {
    fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (checksum, compiled) = bytes.split_at_checked(CHECKSUM)?;
        (Sha256::digest(compiled).as_slice() == checksum).then_some(())?;
        Some(Self(bytes))
    }

    fn compiled(&self) -> &[u8] {
        &self.0[CHECKSUM..]
    }
}

fn write(path: &Path, compiled: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(&Sha256::digest(compiled))?;
    file.write_all(compiled)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
