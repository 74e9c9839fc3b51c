//! Ending the open jobs of imports that were cancelled.
//!
//! The import is cancelled first, in one commit: nothing of it is dispatched or claimed
//! from then on. Its jobs are ended after that, queued ones a page at a time, running
//! ones by stopping their guests; a host that dies in between goes on with it at its
//! next start, because such an import still has open jobs.

use crate::clock;
use crate::rules::job::{Cancel, State, Transition, cancel};
use crate::sandbox::Reason;
use crate::service::{RunningAttempts, Runtime};
use crate::store::{Store, StoreError};

/// Jobs that are cancelled in one commit.
const PAGE: u32 = 1_000;
/// In whose name jobs are cancelled.
const BY: &str = "the import";

/// End what is open of every import that was cancelled.
pub(super) async fn end_all(runtime: &Runtime) -> Result<(), StoreError> {
    for id in runtime.store.ending_imports().await? {
        end(&runtime.store, Some(&runtime.running), id).await?;
    }
    Ok(())
}

/// Cancel the queued jobs of an import, and have those stopped that run. Where nobody
/// works none runs.
///
/// # Errors
/// The database said no.
pub async fn end(store: &Store, running: Option<&RunningAttempts>, id: i64) -> Result<(), StoreError> {
    let mut after = -1;
    loop {
        let jobs = store.queued_of_import(id, after, PAGE).await?;
        let Some((_, last)) = jobs.last() else { break };
        // The last item of a page may have more of them.
        after = last - 1;
        let turns = jobs.iter().filter_map(|(job, _)| cancelled(*job)).collect();
        store.turn(turns, clock::now()).await?;
    }
    let jobs = store.running_of_import(id).await?;
    if let Some(running) = running.filter(|_| !jobs.is_empty()) {
        store.ask_cancel(jobs.clone(), BY.to_owned()).await?;
        for stopper in jobs.iter().filter_map(|job| running.stopper(*job)) {
            stopper.stop(Reason::Cancel);
        }
    }
    Ok(())
}

fn cancelled(job: i64) -> Option<Transition> {
    match cancel(job, State::Queued, BY) {
        Cancel::Now(transition) => Some(transition),
        Cancel::StopFirst | Cancel::TooLate(_) => None,
    }
}
