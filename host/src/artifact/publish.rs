//! Scratch → checked → synced → renamed → parents synced.
//!
//! After this returns, the generation survives a power cut, whole; before, there is
//! at most a folder that nothing points to. The order is what carries that: every
//! file, then every folder of the scratch from the leaves up, then the rename to a
//! name that never existed, then every folder above up to `artifacts/`. Committing the pointer is the caller's next step.

use super::collect::{self, Allowance, CollectError, Contents, Durable, Entry};
use super::name::{FOLDER, Name};
use super::scratch::Scratch;
use crate::crash;
use cap_std::fs::Dir;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How often an attempt to publish makes folders again that vanished meanwhile.
const MAX_TRIES: u32 = 8;

/// A generation that lies in its place, not yet current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its folder, relative to the project.
    pub location: String,
    /// Its files, sorted by path.
    pub files: Vec<PublishedFile>,
}

/// One file of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Relative to the generation, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, 64 lower-case hex digits.
    pub sha256: String,
    /// As the handler announced it for this path, or `application/octet-stream`.
    pub media_type: String,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The handler left what cannot be published: the attempt's fault.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// There is a generation of this lease: a bug, or a folder put there by hand.
    #[error("generation {} exists already; a lease is used once", .0.display())]
    Exists(PathBuf),
    /// The disk said no: the host's fault.
    #[error("generation cannot be published at {}: {source}; is the disk full or read-only?", .path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the generation is called, what may be in it, and what its files are.
#[derive(Debug)]
pub struct Order<'a> {
    /// Subject, kind and lease.
    pub name: &'a Name,
    /// The attempt's limits.
    pub allowance: Allowance,
    /// Announced path → media type.
    pub media_types: &'a [(String, String)],
}

/// Publishes into one project; shared by all workers.
#[derive(Debug)]
pub struct Publisher {
    project: PathBuf,
    /// Shards whose own names are known to be on the disk.
    shards: Mutex<BTreeSet<PathBuf>>,
}

impl Publisher {
    /// Make `artifacts/` exist in the project folder.
    pub fn open(project: &Path) -> Result<Self, PublishError> {
        make(&project.join(FOLDER))?;
        sync(project)?;
        Ok(Self { project: project.to_owned(), shards: Mutex::default() })
    }

    /// Publish a scratch; `None` when it holds no file. The scratch is gone
    /// afterwards, whatever the answer.
    pub fn publish(&self, scratch: Scratch, order: &Order<'_>) -> Result<Option<Published>, PublishError> {
        crash::point("publish.before_sync");
        let contents = collect::collect(scratch.dir(), &order.allowance, Durable::Sync)?;
        if contents.files.is_empty() {
            return Ok(None);
        }
        sync_folders(scratch.dir(), &contents).map_err(at(scratch.path()))?;
        crash::point("publish.after_sync");
        self.place(&scratch, order.name)?;
        crash::point("publish.after_rename");
        self.sync_parents(order.name)?;
        crash::point("publish.after_parents");
        drop(scratch);
        let files = contents.files.into_iter().map(|entry| described(entry, order.media_types)).collect();
        Ok(Some(Published { location: order.name.location(), files }))
    }

    fn place(&self, scratch: &Scratch, name: &Name) -> Result<(), PublishError> {
        let [_, shard, subject, kind, target] = self.steps(name);
        let mut tries = 0;
        loop {
            for folder in [&shard, &subject, &kind] {
                make(folder)?;
            }
            if target.symlink_metadata().is_ok() {
                return Err(PublishError::Exists(target));
            }
            // A rename replaces nothing but an empty folder, and the lease is ours alone.
            match std::fs::rename(scratch.path(), &target) {
                // Whoever removed an old generation may have removed the empty folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < MAX_TRIES => {
                    tries += 1;
                }
                done => return done.map_err(at(&target)),
            }
        }
    }

    /// A folder that was there already may have been made a moment ago by another
    /// worker, who has not synced its name yet, or by a host that was killed then: so
    /// who made a folder does not matter, every name on the way is synced.
    fn sync_parents(&self, name: &Name) -> Result<(), PublishError> {
        let [root, shard, subject, kind, _] = self.steps(name);
        for folder in [&kind, &subject, &shard] {
            sync(folder)?;
        }
        let known = self.shards.lock().unwrap_or_else(PoisonError::into_inner).contains(&shard);
        if !known {
            sync(&root)?;
            self.shards.lock().unwrap_or_else(PoisonError::into_inner).insert(shard);
        }
        Ok(())
    }

    fn steps(&self, name: &Name) -> [PathBuf; 5] {
        name.steps().map(|step| self.project.join(step))
    }
}

/// Children before parents, and the scratch itself last.
fn sync_folders(scratch: &Dir, contents: &Contents) -> io::Result<()> {
    for folder in contents.folders.iter().rev() {
        // Opened for reading: a handle that only names a folder cannot be synced.
        scratch.open(folder)?.into_std().sync_all()?;
    }
    scratch.open(".")?.into_std().sync_all()
}

fn make(folder: &Path) -> Result<(), PublishError> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(folder)(error)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), PublishError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> PublishError + use<'_> {
    move |source| PublishError::Io { path: path.to_owned(), source }
}

fn described(entry: Entry, media_types: &[(String, String)]) -> PublishedFile {
    let announced = media_types.iter().find(|(path, _)| *path == entry.path);
    let media_type = announced.map_or("application/octet-stream", |(_, media_type)| media_type).to_owned();
    PublishedFile { path: entry.path, bytes: entry.bytes, sha256: entry.sha256, media_type }
}
