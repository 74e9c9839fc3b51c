//! Imports: dispatching items chunk by chunk, and ending those that were cancelled.
//!
//! A chunk is read from the cursor and handed to the store, which moves the cursor and
//! queues the jobs in one commit. As many chunks as fit into the window are on their
//! way together, so that they share commits. Items whose key has enough jobs are left
//! in the list and come back by their range ([`crate::rules::deferred`]).
//!
//! What it cannot promise: the order of an import's items; those of a busy key come
//! later than those behind them.

mod ahead;
mod cancel;
mod dispatch;
pub mod folder;
pub mod list;
mod maker;
pub mod root;
pub mod take;

use super::{Runtime, ServiceError};
use crate::clock;
use crate::rules::pace::{Pace, STEP, Samples};
use crate::store::import::ImportRow;
pub use cancel::end;
use dispatch::{Hands, Went};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The kind of job that items become, unless another is named.
pub const KIND: &str = "ingest";

/// How fast the open imports go.
#[derive(Debug, Default)]
pub struct Paces(Mutex<BTreeMap<i64, Samples>>);

impl Paces {
    /// So many items of these imports are accounted for now; others are forgotten.
    fn note(&self, open: &[ImportRow]) {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.retain(|id, _| open.iter().any(|import| import.id == *id));
        for import in open {
            paces.entry(import.id).or_default().note(clock::now(), import.accounted());
        }
    }

    /// How fast an import goes; unknown until it was looked at twice.
    pub fn of(&self, import: &ImportRow) -> Option<Pace> {
        let paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.get(&import.id)?.pace(clock::now(), import.accounted(), import.remaining)
    }
}

/// Dispatch imports until `stop` says so.
///
/// # Errors
/// The store said no.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut pulse = runtime.store.pulse();
    let mut second = tokio::time::interval(STEP.duration());
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looked = std::time::Instant::now();
    // What has room may still wait, for keys that have none.
    let mut all_wait = false;
    let mut hands = Hands::default();
    while !*stop.borrow_and_update() {
        let seen = *pulse.borrow_and_update();
        if seen.ending > 0 {
            cancel::end_all(&runtime).await?;
        }
        let is_due = looked.elapsed() >= runtime.config.now().import.tick.duration();
        if seen.dispatching > 0 && (!all_wait || is_due || seen.ready < u64::from(runtime.slots)) {
            let went = hands.dispatch(&runtime).await?;
            if went != Went::Full {
                looked = std::time::Instant::now();
                all_wait = went == Went::Nowhere;
            }
            if went == Went::On {
                continue;
            }
        }
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { break },
            answered = hands.answered(), if hands.is_waiting() => answered?,
            _ = second.tick(), if seen.imports + seen.ending > 0 => {
                runtime.paces.note(&runtime.store.open_imports().await?);
            },
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// The canonical source of a file: its `file:` URL.
pub fn source(file: &Path) -> Option<String> {
    url::Url::from_file_path(file).ok().map(String::from)
}
