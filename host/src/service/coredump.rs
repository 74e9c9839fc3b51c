//! Core dumps of guests: written when an attempt leaves one, and removed when there are
//! too many or their time is over.
//!
//! They are evidence, not data: not fsynced, and one that cannot be written is a warning
//! and nothing else. A dump holds what the guest had in memory, documents and answers
//! included, so the folder is the host's alone (0700) and each file too (0600).

use super::{Runtime, ServiceError};
use crate::clock;
use crate::project::Project;
use crate::rules::coredump::{Keeping, Kept, surplus};
use crate::rules::time::Timestamp;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The time between two looks at what is too old.
const PACE: Duration = Duration::from_secs(600);

/// Remove what is too old until `stop` says so.
///
/// # Errors
/// None: what cannot be removed now is looked at again.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    loop {
        // A host that only works off what there is looks once, too.
        blocking(&runtime, prune).await;
        tokio::select! {
            () = tokio::time::sleep(PACE) => {},
            _ = stop.changed() => {},
        }
        if *stop.borrow_and_update() {
            return Ok(());
        }
    }
}

/// Keep the dump of an attempt, if it left one.
pub(super) async fn keep(runtime: &Arc<Runtime>, lease: i64, dump: Option<Vec<u8>>) {
    let Some(dump) = dump else { return };
    blocking(runtime, move |project, keeping| {
        let path = project.coredump(lease);
        if let Err(error) = write(&path, &dump) {
            tracing::warn!(path = %path.display(), %error, "a core dump could not be written");
            // Half of one is of no use.
            let _ = std::fs::remove_file(&path);
        }
        prune(project, keeping);
    })
    .await;
}

async fn blocking(runtime: &Arc<Runtime>, work: impl FnOnce(&Project, &Keeping) + Send + 'static) {
    let runtime = Arc::clone(runtime);
    let done =
        tokio::task::spawn_blocking(move || work(&runtime.project, &runtime.config.now().coredump.keeping())).await;
    if let Err(error) = done {
        tracing::warn!(%error, "the core dumps could not be looked after");
    }
}

fn write(path: &Path, dump: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(dump)
}

fn prune(project: &Project, keeping: &Keeping) {
    let gone = surplus(listed(&project.coredumps()), keeping, clock::now());
    for lease in gone {
        let path = project.coredump(lease);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a core dump could not be removed");
        }
    }
}

/// The dumps that lie there; what has another name is not ours.
fn listed(folder: &Path) -> Vec<Kept> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let kept = |entry: std::fs::DirEntry| {
        let lease = entry.file_name().to_str()?.strip_suffix(".core")?.parse().ok()?;
        let data = entry.metadata().ok()?;
        let at = data.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Kept { lease, at: Timestamp(i64::try_from(at.as_millis()).ok()?), bytes: data.len() })
    };
    entries.flatten().filter_map(kept).collect()
}
