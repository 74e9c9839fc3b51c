//! Generations that lie on the disk: open, verify, remove, list.
//!
//! A generation is only ever read or removed whole. Listing shows what is there, not
//! what is current or wanted: that is for whoever can ask the database, and a
//! generation is an orphan only when the lease in its name is finished or unknown
//! and no row names it.

use super::collect::{self, Allowance, CollectError, Durable};
use super::name::{FOLDER, Name, is_kind, lease_of};
use super::publish::PublishedFile;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a generation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The disk said no.
    #[error("generation {}: {source}", .path.display())]
    Io {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How a generation differs from what was published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The folder is not there or cannot be opened.
    #[error("{0} is missing")]
    Gone(String),
    /// A file is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A file has other bytes.
    #[error("{path} has sha256 {found}, published was {published}")]
    Changed {
        /// The file.
        path: String,
        /// What it has.
        found: String,
        /// What it had.
        published: String,
    },
    /// A file that was not published.
    #[error("{0} was not published")]
    Extra(String),
    /// Something lies there that no generation holds.
    #[error("{0}")]
    Odd(String),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> GenerationError + use<'_> {
    move |source| GenerationError::Io { path: path.to_owned(), source }
}

/// Open a generation for reading.
pub fn open(project: &Path, name: &Name) -> Result<Dir, GenerationError> {
    let path = project.join(name.location());
    Dir::open_ambient_dir(&path, ambient_authority()).map_err(at(&path))
}

/// Compare a generation with what was published; an empty answer means that it is
/// whole. Reads every byte.
pub fn verify(project: &Path, name: &Name, published: &[PublishedFile]) -> Result<Vec<Damage>, GenerationError> {
    let Ok(dir) = open(project, name) else {
        return Ok(vec![Damage::Gone(name.location())]);
    };
    let everything = Allowance { bytes: u64::MAX, files: u64::MAX };
    let found = match collect::collect(&dir, &everything, Durable::Look) {
        Ok(contents) => contents.files,
        Err(CollectError::Io { path, source }) => {
            return Err(GenerationError::Io { path: project.join(name.location()).join(path), source });
        }
        Err(odd) => return Ok(vec![Damage::Odd(odd.to_string())]),
    };
    let mut damage = Vec::new();
    for file in published {
        match found.iter().find(|entry| entry.path == file.path) {
            None => damage.push(Damage::Missing(file.path.clone())),
            Some(entry) if entry.sha256 != file.sha256 => damage.push(Damage::Changed {
                path: file.path.clone(),
                found: entry.sha256.clone(),
                published: file.sha256.clone(),
            }),
            Some(_) => {}
        }
    }
    let extra = found.into_iter().filter(|entry| !published.iter().any(|file| file.path == entry.path));
    damage.extend(extra.map(|entry| Damage::Extra(entry.path)));
    Ok(damage)
}

/// Remove a generation, and the folders of its kind and its subject when
/// it leaves them empty. One that is
/// not there is no error. Only after the pointer has moved and nobody reads it.
pub fn remove(project: &Path, name: &Name) -> Result<(), GenerationError> {
    let [_, _, subject, kind, generation] = name.steps().map(|step| project.join(step));
    match std::fs::remove_dir_all(&generation) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(at(&generation)(error));
        }
        _ => {}
    }
    // The folder may just have become the parent of another generation.
    if let Ok(folder) = File::open(&kind) {
        folder.sync_all().map_err(at(&kind))?;
    }
    // Shards stay: publishing takes it for granted that their names are on the disk.
    for folder in [kind, subject] {
        if std::fs::remove_dir(&folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Every generation below `artifacts/`, sorted; folders with other names are passed
/// over. Holds all names: some 150 bytes for each generation.
pub fn list(project: &Path) -> Result<Vec<Name>, GenerationError> {
    let mut found = Vec::new();
    for shard in folders(&project.join(FOLDER))? {
        for subject in folders(&shard.0)? {
            for kind in folders(&subject.0)?.into_iter().filter(|(_, name)| is_kind(name)) {
                let leases = folders(&kind.0)?.into_iter().filter_map(|(_, name)| lease_of(&name));
                found.extend(leases.filter_map(|lease| Name::new(&subject.1, &kind.1, lease).ok()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Folders with UTF-8 names in a folder; none where there is no folder.
fn folders(path: &Path) -> Result<Vec<(PathBuf, String)>, GenerationError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(path)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(path))?;
        if let (true, Ok(name)) = (entry.file_type().map_err(at(path))?.is_dir(), entry.file_name().into_string()) {
            found.push((entry.path(), name));
        }
    }
    Ok(found)
}
