//! Bulk operations: step by step through the frozen set, until each target is accounted for.
//!
//! A [`Driver`] takes the steps of open operations, one of each in turn. The loop of a host that works has one;
//! where no loop runs, whoever wants an operation done has one for that time. Who drives holds [`Driving`], so
//! there is one at a time; the store would refuse a second one's steps anyway. A step is one commit, and between
//! two everything may end: the next driver goes on from the cursor. Jobs that run are asked to end by a step,
//! stopped here, and counted by a later step when their attempts have ended; nobody waits for them
//! meanwhile. What this cannot promise: when a guest ends that has a grace.

use super::{RunningAttempts, Runtime, ServiceError};
use crate::clock;
use crate::config::live::Live;
use crate::rules::time::Millis;
use crate::sandbox;
use crate::store::Store;
use crate::store::bulk::{BulkRow, BulkStep};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};

/// Held by whoever drives.
pub type Driving = Arc<Mutex<()>>;

/// How often it is looked whether guests that were told to stop have.
pub const LOOK: Duration = Duration::from_millis(20);

/// Whether a turn of a driver moved anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It did.
    Yes,
    /// All that is left waits for attempts to end.
    No,
}

/// Whoever takes the steps.
pub struct Driver<'a> {
    store: &'a Store,
    config: &'a Live,
    running: Option<&'a RunningAttempts>,
    /// Operations of which every target had its turn.
    through: BTreeSet<i64>,
    last: Duration,
}

impl<'a> Driver<'a> {
    /// One that has done nothing yet; without attempts there is nothing to stop.
    pub fn new(store: &'a Store, config: &'a Live, running: Option<&'a RunningAttempts>) -> Self {
        Self { store, config, running, through: BTreeSet::new(), last: Duration::ZERO }
    }

    /// Do the next of an operation.
    ///
    /// # Errors
    /// The store said no.
    pub async fn turn(&mut self, row: &BulkRow) -> Result<Moved, ServiceError> {
        if self.through.contains(&row.id) {
            let (running, ended) = self.store.asked(row.id).await?;
            self.stop(&running);
            if ended == 0 && !running.is_empty() {
                return Ok(Moved::No);
            }
        }
        let began = Instant::now();
        let chunk = self.config.now().bulk.chunk;
        let worked = Millis(u64::try_from(std::mem::take(&mut self.last).as_millis()).unwrap_or(u64::MAX));
        let step = BulkStep { id: row.id, cursor: row.cursor, chunk, worked, now: clock::now() };
        if let Some(stepped) = self.store.step(step).await? {
            self.stop(&stepped.asked);
            if stepped.targets < u64::from(chunk) {
                self.through.insert(row.id);
            }
        }
        self.last = began.elapsed();
        Ok(Moved::Yes)
    }

    /// Tell the guests of these jobs to stop; who was told already is told nothing new.
    fn stop(&self, jobs: &[i64]) {
        let stoppers = jobs.iter().filter_map(|job| self.running?.stopper(*job));
        stoppers.for_each(|stopper| stopper.stop(sandbox::Reason::Cancel));
    }
}

/// Drive open operations until `stop` says so.
///
/// # Errors
/// The store said no.
pub async fn run(runtime: Arc<Runtime>, driving: Driving, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let _alone = tokio::select! {
        alone = driving.lock() => alone,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let mut driver = Driver::new(&runtime.store, &runtime.config, Some(&runtime.running));
    let mut pulse = runtime.store.pulse();
    while !*stop.borrow_and_update() {
        let is_open = pulse.borrow_and_update().bulks > 0;
        if is_open && round(&mut driver, &runtime.store, &stop).await? == Moved::Yes {
            continue;
        }
        tokio::select! {
            // With an operation that waits for guests every commit would be one to look at.
            changed = pulse.changed(), if !is_open => if changed.is_err() { break },
            () = tokio::time::sleep(LOOK), if is_open => {},
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// A turn for each operation that is not over.
async fn round(driver: &mut Driver<'_>, store: &Store, stop: &watch::Receiver<bool>) -> Result<Moved, ServiceError> {
    let mut moved = Moved::No;
    for row in store.open_bulks().await? {
        if *stop.borrow() {
            break;
        }
        if driver.turn(&row).await? == Moved::Yes {
            moved = Moved::Yes;
        }
    }
    Ok(moved)
}
