//! Telling a running guest to stop.
//!
//! The signal is seen at the guest's next epoch tick (10 ms) when it computes,
//! and at once when it waits in the host. A host call that is working on the
//! guest thread is finished first. An attempt that ends by itself in the same
//! moment keeps its own outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Notify;

/// Why a guest is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Someone cancelled the job: the attempt ends as failed with class
    /// `cancelled`.
    Cancel,
    /// The host itself stops: the attempt ends as stopped, uncharged.
    Shutdown,
}

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicU8,
    wake: Notify,
}

/// The end that asks.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Shared>);

/// The end that an attempt listens to; for one attempt only.
#[derive(Debug)]
pub struct StopSignal(Arc<Shared>);

/// A fresh pair.
pub fn pair() -> (Stopper, StopSignal) {
    let shared = Arc::new(Shared::default());
    (Stopper(Arc::clone(&shared)), StopSignal(shared))
}

impl Stopper {
    /// Ask the guest to stop. The first reason counts; asking again does nothing.
    pub fn stop(&self, reason: Reason) {
        let code = match reason {
            Reason::Cancel => 1,
            Reason::Shutdown => 2,
        };
        if self.0.asked.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.0.wake.notify_one();
        }
    }
}

impl StopSignal {
    /// Why the guest should stop, if it should.
    pub(super) fn asked(&self) -> Option<Reason> {
        match self.0.asked.load(Ordering::Acquire) {
            1 => Some(Reason::Cancel),
            2 => Some(Reason::Shutdown),
            _ => None,
        }
    }

    /// Wait until the guest should stop.
    pub(super) async fn wait(&self) -> Reason {
        loop {
            if let Some(reason) = self.asked() {
                return reason;
            }
            self.0.wake.notified().await;
        }
    }

    /// A second look at the same signal, for the engine's callback.
    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
