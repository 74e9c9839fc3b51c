//! The folder `handlers/drop/`: what is put there is taken.
//!
//! While the host works it looks at the folder every [`LOOK`]. A `.wasm` that looks
//! the same twice in a row (with the `.json` beside it, which is a program's manifest) is
//! whole as far as can be told: it is added, or takes over
//! from the handler of its name, and is then moved to `drop/done/`. What may not come
//! stays, with a `.refused.txt` beside it that says why and what to do; it is tried
//! again when it changes. Everything is decided anew after a restart, and a component
//! that is in place already is only moved, so a host that dies in between loses
//! nothing. What this cannot promise: that a copy which pauses for longer than a look
//! is not tried too early; it is refused then, and tried again when it goes on.

use super::agree::Consent;
use super::change::{ChangeError, Registry};
use crate::handler::loaded::digest;
use crate::handler::manifest;
use crate::rules::handler::{PlaceError, Placing};
use crate::service::ServiceError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often the folder is looked at.
pub const LOOK: Duration = Duration::from_millis(500);

/// What tells one state of a file from another: length and time of change.
type FileStamp = (u64, Option<SystemTime>);
/// The same of a component, and of the manifest beside it if there is one.
type Stamp = (FileStamp, Option<FileStamp>);

/// What is known of a file in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// It was there at the last look.
    Once(Stamp),
    /// It was refused as it was then, with this digest.
    Refused(Stamp, String),
}

/// Take what is put into the folder until `stop` says so. Also gets ready, once, what
/// a rollback would return to.
///
/// # Errors
/// The store said no.
pub async fn run(registry: Registry, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    registry.warm().await;
    if let Err(error) = registry.project.make_dropped() {
        tracing::warn!(%error, "nothing can be dropped into the project");
    }
    let mut seen = BTreeMap::new();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = looks.tick() => look(&registry, &mut seen).await?,
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// Look once, and take what has not changed since the last look.
async fn look(registry: &Registry, seen: &mut BTreeMap<PathBuf, Seen>) -> Result<(), ServiceError> {
    let found = components(&registry.project.dropped());
    seen.retain(|path, _| found.contains_key(path));
    for (path, stamp) in found {
        match seen.get(&path) {
            // Somebody may have agreed to it since.
            Some(Seen::Refused(before, digest)) if *before == stamp => {
                if registry.handlers.table().routes().values().any(|route| route.digest == *digest) {
                    done(registry, &path);
                }
            }
            Some(Seen::Once(before)) if *before == stamp => match take(registry, &path).await? {
                // Something else may have been put there meanwhile: that is looked at anew.
                Taken::Yes if stamp_of(&path) == Some(stamp) => done(registry, &path),
                Taken::Yes => drop(seen.remove(&path)),
                Taken::No { digest, why } => {
                    refuse(&path, &why);
                    seen.insert(path, Seen::Refused(stamp, digest));
                }
            },
            _ => {
                seen.insert(path, Seen::Once(stamp));
            }
        }
    }
    Ok(())
}

/// The components in a folder; none when it cannot be read.
fn components(folder: &Path) -> BTreeMap<PathBuf, Stamp> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_component = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "wasm");
    let paths = entries.map(|entry| entry.path()).filter(is_component);
    paths.filter_map(|path| stamp_of(&path).map(|stamp| (path, stamp))).collect()
}

/// What a component and the manifest beside it look like now.
fn stamp_of(path: &Path) -> Option<Stamp> {
    file_stamp(path).map(|stamp| (stamp, file_stamp(&manifest::beside(path))))
}

/// What a plain file looks like now; links are not followed.
fn file_stamp(path: &Path) -> Option<FileStamp> {
    let meta = fs::symlink_metadata(path).ok()?;
    meta.is_file().then(|| (meta.len(), meta.modified().ok()))
}

enum Taken {
    Yes,
    No { digest: String, why: String },
}

async fn take(registry: &Registry, path: &Path) -> Result<Taken, ServiceError> {
    let wasm = match manifest::read(path, None) {
        Ok(wasm) => wasm,
        Err(error) => return Ok(Taken::No { digest: String::new(), why: error.to_string() }),
    };
    let digest = digest(&wasm);
    let swapped = registry.place(wasm.clone(), Placing::Swap, Consent::Withheld).await;
    let (verb, result) = match swapped {
        Err(ChangeError::Place(PlaceError::Nothing(_))) => {
            ("add", registry.place(wasm, Placing::Add, Consent::Withheld).await)
        }
        other => ("swap", other),
    };
    match result {
        Ok(changed) => {
            tracing::info!(path = %path.display(), digest = %changed.digest, "handler taken from the drop folder");
            Ok(Taken::Yes)
        }
        // A host that cannot write stops.
        Err(ChangeError::Service(ServiceError::Store(error))) => Err(error.into()),
        Err(error) => {
            let command = format!("capstan handler {verb} {}", path.display());
            let hint = error.hint(&command).map(|hint| format!("\n\n{hint}")).unwrap_or_default();
            Ok(Taken::No { digest, why: format!("{error}{hint}") })
        }
    }
}

/// The text beside a component that was refused.
fn note(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".refused.txt");
    PathBuf::from(name)
}

fn refuse(path: &Path, why: &str) {
    tracing::warn!(path = %path.display(), "component in the drop folder refused: {why}");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Whole or not at all, for whoever waits for it.
    let draft = note(path).with_extension("draft");
    let text = format!("{name} was not taken: {why}\n");
    if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, note(path))) {
        tracing::warn!(path = %note(path).display(), %error, "cannot be written");
    }
}

/// Put a component aside that is in place.
fn done(registry: &Registry, path: &Path) {
    // There may be none, and one that stays is harmless.
    let _ = fs::remove_file(note(path));
    let aside = registry.project.dropped().join("done");
    let manifest = manifest::beside(path);
    // The component first: with its manifest gone it would be refused at the next look.
    for path in [path, &manifest].into_iter().filter(|path| path.is_file()) {
        if let Err(error) = fs::rename(path, aside.join(path.file_name().unwrap_or_default())) {
            tracing::warn!(path = %path.display(), %error, "cannot be moved to done/: it is looked at again");
        }
    }
}
