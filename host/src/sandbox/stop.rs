//! Telling a running guest to stop.
//!
//! There are two steps. First the guest may hear of it: [`Stopper::stop`] for a
//! cancelled job and [`Stopper::warn`] for a host that shuts down make the contract's
//! `cancelled` answer true. Then it is stopped wherever it is: a guest that can hear has a
//! grace time after a cancellation, every other is stopped at once, and so is each when
//! the host says [`Reason::Shutdown`]. A stop is seen at the guest's next epoch tick
//! (10 ms) when it computes, and at once when it waits in the host. A host call that is
//! working on the guest thread is finished first. An attempt that ends by itself in the
//! same moment keeps its own outcome.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
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
    /// When it was asked first.
    at: OnceLock<Instant>,
    /// There is no grace any more.
    at_once: AtomicBool,
    /// The host will stop soon.
    warned: AtomicBool,
    /// The guest knows.
    heard: AtomicBool,
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
    /// Ask the guest to stop. The first reason counts; asking again does nothing, but that
    /// a shutdown ends the grace of a cancellation.
    pub fn stop(&self, reason: Reason) {
        let code = match reason {
            Reason::Cancel => 1,
            Reason::Shutdown => 2,
        };
        self.0.at.get_or_init(Instant::now);
        let is_first = self.0.asked.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let is_last = reason == Reason::Shutdown && !self.0.at_once.swap(true, Ordering::AcqRel);
        if is_first || is_last {
            self.0.wake.notify_one();
        }
    }

    /// Whether it was asked to stop because its job is cancelled.
    pub fn has_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::Acquire) == 1
    }

    /// Let the guest know that the host will shut down, and let it go on.
    pub fn warn(&self) {
        self.0.warned.store(true, Ordering::Release);
    }
}

impl StopSignal {
    /// Why the guest was asked to stop, if it was.
    pub(super) fn asked(&self) -> Option<Reason> {
        match self.0.asked.load(Ordering::Acquire) {
            1 => Some(Reason::Cancel),
            2 => Some(Reason::Shutdown),
            _ => None,
        }
    }

    /// The guest asks whether it should stop; its answer is remembered.
    pub(super) fn tell(&self) -> bool {
        let wanted = self.wanted().is_some();
        if wanted {
            self.0.heard.store(true, Ordering::Release);
        }
        wanted
    }

    /// Why the guest should stop, if it was told so.
    pub(super) fn told(&self) -> Option<Reason> {
        self.0.heard.load(Ordering::Acquire).then(|| self.wanted()).flatten()
    }

    fn wanted(&self) -> Option<Reason> {
        self.asked().or_else(|| self.0.warned.load(Ordering::Acquire).then_some(Reason::Shutdown))
    }

    /// Why the guest is to be stopped now, if it is; `grace` is what it has after a cancellation.
    pub(super) fn due(&self, grace: Duration) -> Option<Reason> {
        self.asked().filter(|reason| self.left(*reason, grace).is_zero())
    }

    /// Wait until the guest is to be stopped.
    pub(super) async fn wait(&self, grace: Duration) -> Reason {
        loop {
            match self.asked().map(|reason| (reason, self.left(reason, grace))) {
                Some((reason, left)) if left.is_zero() => return reason,
                // Either end of this wait is looked at in the next round.
                Some((_, left)) => drop(tokio::time::timeout(left, self.0.wake.notified()).await),
                None => self.0.wake.notified().await,
            }
        }
    }

    fn left(&self, reason: Reason, grace: Duration) -> Duration {
        match (reason, self.0.at.get()) {
            (Reason::Cancel, Some(at)) if !self.0.at_once.load(Ordering::Acquire) => grace.saturating_sub(at.elapsed()),
            _ => Duration::ZERO,
        }
    }

    /// A second look at the same signal, for the engine's callback and the guest.
    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
