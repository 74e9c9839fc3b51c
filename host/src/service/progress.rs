//! Writing down how far the running attempts are: what is new, once a second at most.
//!
//! Whoever asks this host sees more, for the boards are in memory; this is for those
//! who look when the host has died. The last word of an attempt is written with its end.

use super::{Runtime, ServiceError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The least time between two writes.
const PACE: Duration = Duration::from_secs(1);

/// Write until `stop` says so.
///
/// # Errors
/// The store said no.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    while !*stop.borrow_and_update() {
        tokio::select! {
            () = runtime.running.spoken() => {},
            _ = stop.changed() => continue,
        }
        let said = runtime.running.said();
        if !said.is_empty() {
            runtime.store.progress(said).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(PACE) => {},
            _ = stop.changed() => {},
        }
    }
    Ok(())
}
