//! A project: one folder that holds everything.
//!
//! Knows where things lie, makes the folder, and takes its lock. The lock is an
//! advisory lock of the kernel on `state/lock`: it goes with the process that
//! holds it, however that ends. It cannot protect a folder on a network file
//! system, so those are refused.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

/// The name of the configuration, by which a folder is known as a project.
pub const CONFIG: &str = "capstan.toml";

/// What can be wrong with a project folder.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no configuration in it or above it.
    #[error(
        "{0} is no capstan project (there is no capstan.toml in it or above it): make one with `capstan init {0}`, or name one with --project"
    )]
    None(PathBuf),
    /// `init` where a project is.
    #[error("{0} is a capstan project already: nothing was changed")]
    Exists(PathBuf),
    /// Another process is the host.
    #[error("another capstan (process {pid}) is the host of {folder}: it answers commands over state/capstan.sock")]
    Held {
        /// The project.
        folder: PathBuf,
        /// The process, or `?`.
        pid: String,
    },
    /// A file system that cannot lock and map as SQLite needs it.
    #[error(
        "{folder} lies on a network file system ({kind}), where SQLite's locks do not hold: put the project on a local disk"
    )]
    Network {
        /// The project.
        folder: PathBuf,
        /// The file system.
        kind: &'static str,
    },
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

impl ProjectError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { doing, path, error }
    }
}

/// A project folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    root: PathBuf,
}

/// The right to be the host of a project; given back when dropped.
///
/// The file holds the process id of a holder who [signed](Self::sign) it, and nothing after one who
/// [ended](Self::clear) by a decision of its own. Emptying a file needs no room on the disk, so this tells even
/// where nothing can be written any more.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    before: Predecessor,
}

/// How the holder of the lock before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predecessor {
    /// By its own decision, or there was none.
    Ended,
    /// It did not come to say.
    Vanished,
}

impl Lock {
    /// How the holder before this one ended.
    pub const fn before(&self) -> Predecessor {
        self.before
    }

    /// Write down who holds the lock; until then it says what the holder before left.
    ///
    /// # Errors
    /// The file system said no.
    pub fn sign(&self) -> Result<(), ProjectError> {
        let note = format!("{}\n", std::process::id());
        let written = self.file.set_len(0).and_then(|()| self.file.write_all_at(note.as_bytes(), 0));
        written.map_err(ProjectError::io("write", &self.path))
    }

    /// Write down that the holder ends by its own decision.
    pub fn clear(&self) {
        // Should it fail, its jobs are run again one at a time: slower, not wrong.
        let _ = self.file.set_len(0);
    }
}

impl Project {
    /// The project that `start` lies in: itself, or the nearest folder above.
    ///
    /// # Errors
    /// None of them holds a `capstan.toml`.
    pub fn find(start: &Path) -> Result<Self, ProjectError> {
        let start = std::path::absolute(start).map_err(ProjectError::io("find", start))?;
        let root = start.ancestors().find(|folder| folder.join(CONFIG).is_file());
        root.map(|root| Self { root: root.to_owned() }).ok_or(ProjectError::None(start))
    }

    /// Make the folders of a project. It is one once it is [configured](Self::configure); until then making it
    /// can be begun again.
    ///
    /// # Errors
    /// It is one already, or the file system said no.
    pub fn prepare(folder: &Path) -> Result<Self, ProjectError> {
        let root = std::path::absolute(folder).map_err(ProjectError::io("find", folder))?;
        let project = Self { root };
        if project.config().exists() {
            return Err(ProjectError::Exists(project.root));
        }
        make(&project.root, 0o755)?;
        project.refuse_network()?;
        for folder in [project.imports(), project.artifacts(), project.handlers(), project.models()] {
            make(&folder, 0o755)?;
        }
        project.make_dropped()?;
        project.make_state()?;
        Ok(project)
    }

    /// Write the configuration, whole or not at all, which makes the folder a project. It and the names of the
    /// folders are on the disk when this returns; those of folders that had to be made above the project need
    /// not be. A configuration that is there already keeps its permissions, and its place when it is a link.
    ///
    /// # Errors
    /// The file system said no.
    pub fn configure(&self, config: &str) -> Result<(), ProjectError> {
        let path = self.config().canonicalize().unwrap_or_else(|_| self.config());
        written(&path, config).map_err(ProjectError::io("write", &path))?;
        let sync = |folder: File| folder.sync_all().map_err(ProjectError::io("sync", &self.root));
        sync(File::open(&self.root).map_err(ProjectError::io("open", &self.root))?)?;
        // Who may make a folder in another may not always open that one.
        self.root.parent().and_then(|above| File::open(above).ok()).map_or(Ok(()), sync)
    }

    /// Make the folder where components are put that are to be taken, and the one for
    /// those that were.
    ///
    /// # Errors
    /// The file system said no.
    pub fn make_dropped(&self) -> Result<(), ProjectError> {
        make(&self.dropped().join("done"), 0o755)
    }

    fn make_state(&self) -> Result<(), ProjectError> {
        for folder in [self.state(), self.compiled(), self.scratch(), self.coredumps()] {
            make(&folder, 0o700)?;
        }
        Ok(())
    }

    /// Become the host.
    ///
    /// # Errors
    /// Another process is, the folder lies on a network file system, or the file
    /// system said no.
    pub fn lock(&self) -> Result<Lock, ProjectError> {
        self.refuse_network()?;
        self.make_state()?;
        let path = self.state().join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(ProjectError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = std::fs::read_to_string(&path).unwrap_or_default();
                let pid = if pid.trim().is_empty() { "?".to_owned() } else { pid.trim().to_owned() };
                return Err(ProjectError::Held { folder: self.root.clone(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(ProjectError::io("lock", &path)(error)),
        }
        let mut note = String::new();
        file.read_to_string(&mut note).map_err(ProjectError::io("read", &path))?;
        let before = if note.is_empty() { Predecessor::Ended } else { Predecessor::Vanished };
        Ok(Lock { file, path, before })
    }

    fn refuse_network(&self) -> Result<(), ProjectError> {
        let stat = rustix::fs::statfs(&self.root).map_err(|e| ProjectError::io("look at", &self.root)(e.into()))?;
        // From linux/magic.h.
        let kind = match stat.f_type {
            0x6969 => "NFS",
            0x517b => "SMB",
            0xff53_4d42 => "CIFS",
            0xfe53_4d42 => "SMB2",
            0x0102_1997 => "9P",
            0x5346_414f => "AFS",
            _ => return Ok(()),
        };
        Err(ProjectError::Network { folder: self.root.clone(), kind })
    }

    /// How much of its disk is free for it, and how large the disk is, in bytes.
    ///
    /// # Errors
    /// The file system said no.
    pub fn disk(&self) -> std::io::Result<(u64, u64)> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `capstan.toml`.
    pub fn config(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    /// The lists of imports.
    pub fn imports(&self) -> PathBuf {
        self.root.join("imports")
    }

    /// What handlers made.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// Components by digest.
    pub fn handlers(&self) -> PathBuf {
        self.root.join("handlers")
    }

    /// Model files that handlers may read with a grant.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Where components are put that are to be taken.
    pub fn dropped(&self) -> PathBuf {
        self.handlers().join("drop")
    }

    /// What only the host touches.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.state().join("capstan.db")
    }

    /// Where the host listens.
    pub fn search(&self) -> PathBuf {
        self.state().join("search.db")
    }

    /// Where the host listens.
    pub fn socket(&self) -> PathBuf {
        self.state().join("capstan.sock")
    }

    /// Compiled components.
    pub fn compiled(&self) -> PathBuf {
        self.state().join("compiled")
    }

    /// What guests left that crashed.
    pub fn coredumps(&self) -> PathBuf {
        self.state().join("coredumps")
    }

    /// The core dump of the attempt with this lease.
    pub fn coredump(&self, lease: i64) -> PathBuf {
        self.coredumps().join(format!("{lease}.core"))
    }

    /// What attempts write before it is published.
    pub fn scratch(&self) -> PathBuf {
        self.state().join("scratch")
    }
}

fn written(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    if let Ok(before) = std::fs::metadata(path) {
        file.set_permissions(before.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

fn make(folder: &Path, mode: u32) -> Result<(), ProjectError> {
    DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(ProjectError::io("make", folder))
}
