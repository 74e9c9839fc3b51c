//! Look at what an attempt left in its scratch, and refuse what cannot be
//! published.
//!
//! Plain files and folders with plain names only: links, devices, pipes and sockets
//! are refused, and so are names that are not UTF-8 or hold control characters,
//! paths that are too deep or too long, files with a second name elsewhere, and
//! more bytes or files than the limits allow (counted here again, whatever was
//! counted while the guest wrote). Everything is reached through the scratch's
//! handle and never follows a link.

use cap_std::fs::{Dir, File, FileTypeExt as _, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};

/// Folders below each other, at most.
pub const MAX_DEPTH: usize = 32;
/// Bytes of a path below `/output`, at most.
pub const MAX_PATH: usize = 1_024;

/// How much may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and folders.
    pub files: u64,
}

/// One file of a scratch or a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, 64 lower-case hex digits.
    pub sha256: String,
}

/// What a scratch holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The files, sorted by path, each hashed and synced.
    pub files: Vec<Entry>,
    /// The folders below the scratch, parents before children.
    pub folders: Vec<String>,
    bytes: u64,
}

/// Why a scratch cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Something that is neither file nor folder.
    #[error("/output/{path} is a {what}; only plain files and folders can be published")]
    Odd {
        /// Relative path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A name that cannot be kept.
    #[error("a name in /output/{folder} {why}: {name}")]
    Name {
        /// The folder.
        folder: String,
        /// The name, as far as it can be shown.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too deep or too long.
    #[error("/output/{path} is {what}; {limit} are allowed")]
    TooFar {
        /// Relative path, cut.
        path: String,
        /// How far.
        what: String,
        /// How far is allowed.
        limit: usize,
    },
    /// More than the limits allow.
    #[error("/output holds {found} {what}, more than {limit} = {allowed} allows")]
    Quota {
        /// How much.
        found: u64,
        /// Of what.
        what: &'static str,
        /// The limit's name.
        limit: &'static str,
        /// The limit.
        allowed: u64,
    },
    /// The disk said no.
    #[error("/output/{path} cannot be read: {source}")]
    Io {
        /// Relative path.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Whether the files that are read are also made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    /// They are to be published.
    Sync,
    /// They are only looked at.
    Look,
}

/// Everything in a folder, in a fixed order.
pub(super) fn collect(dir: &Dir, allowance: &Allowance, durable: Durable) -> Result<Contents, CollectError> {
    let mut contents = Contents::default();
    walk(dir, "", 0, &mut contents, allowance, durable)?;
    contents.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(contents)
}

fn walk(
    dir: &Dir,
    folder: &str,
    depth: usize,
    contents: &mut Contents,
    allowance: &Allowance,
    durable: Durable,
) -> Result<(), CollectError> {
    let io = |source| CollectError::Io { path: folder.to_owned(), source };
    for entry in dir.entries().map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = plain(&entry.file_name(), folder)?;
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if path.len() > MAX_PATH {
            return Err(too_far(&path, format!("{} bytes long", path.len()), MAX_PATH));
        }
        let io = |source| CollectError::Io { path: path.clone(), source };
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            if depth + 1 > MAX_DEPTH {
                return Err(too_far(&path, format!("{} folders deep", depth + 1), MAX_DEPTH));
            }
            contents.folders.push(path.clone());
            count(contents, allowance)?;
            let below = dir.open_dir(&name).map_err(io)?;
            walk(&below, &path, depth + 1, contents, allowance, durable)?;
        } else if kind.is_file() {
            let file = file(dir, &name, &path, contents, allowance, durable)?;
            contents.files.push(file);
            count(contents, allowance)?;
        } else {
            return Err(CollectError::Odd { path, what: what(kind) });
        }
    }
    Ok(())
}

fn file(
    dir: &Dir,
    name: &str,
    path: &str,
    contents: &mut Contents,
    allowance: &Allowance,
    durable: Durable,
) -> Result<Entry, CollectError> {
    let io = |source| CollectError::Io { path: path.to_owned(), source };
    // Should the name become a link or a pipe after it was listed: an error, not a wait.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = dir.open_with(name, &options).map_err(io)?;
    let data = file.metadata().map_err(io)?;
    if !data.is_file() {
        return Err(CollectError::Odd { path: path.to_owned(), what: "thing that changed while it was read" });
    }
    if data.nlink() > 1 {
        return Err(CollectError::Odd { path: path.to_owned(), what: "file with several names (a hard link)" });
    }
    contents.bytes = contents.bytes.saturating_add(data.len());
    if contents.bytes > allowance.bytes {
        return Err(CollectError::Quota {
            found: contents.bytes,
            what: "bytes",
            limit: "limits.scratch_bytes",
            allowed: allowance.bytes,
        });
    }
    let (bytes, sha256) = hash(&file, data.len()).map_err(io)?;
    if durable == Durable::Sync {
        file.into_std().sync_all().map_err(io)?;
    }
    Ok(Entry { path: path.to_owned(), bytes, sha256 })
}

/// Read to the end, but not beyond the length that was counted.
fn hash(file: &File, length: u64) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut reader = file.take(length);
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(usize::MAX).clamp(1, 128 << 10)];
    let mut bytes = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, format!("{:x}", hash.finalize())));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

fn count(contents: &Contents, allowance: &Allowance) -> Result<(), CollectError> {
    let found = (contents.files.len() + contents.folders.len()) as u64;
    if found > allowance.files {
        return Err(CollectError::Quota {
            found,
            what: "files and folders",
            limit: "limits.scratch_files",
            allowed: allowance.files,
        });
    }
    Ok(())
}

fn plain(name: &std::ffi::OsStr, folder: &str) -> Result<String, CollectError> {
    let refuse = |why| {
        let name = name.to_string_lossy().escape_debug().to_string();
        Err(CollectError::Name { folder: folder.to_owned(), name, why })
    };
    let Some(text) = name.to_str() else {
        return refuse("is not UTF-8");
    };
    if text.chars().any(char::is_control) {
        return refuse("has a control character");
    }
    if text.contains(['/', '\\']) || matches!(text, "" | "." | "..") {
        return refuse("is not a plain name");
    }
    Ok(text.to_owned())
}

fn too_far(path: &str, what: String, limit: usize) -> CollectError {
    let path = path.chars().take(200).collect();
    CollectError::TooFar { path, what, limit }
}

fn what(kind: cap_std::fs::FileType) -> &'static str {
    if kind.is_symlink() {
        "symbolic link"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}
