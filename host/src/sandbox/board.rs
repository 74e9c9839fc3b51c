//! Where a guest writes how far it is and what it logs, and others read it while it runs.
//!
//! One board per attempt. Of what it says about its progress only the last word counts;
//! whoever writes it down learns from [`Board::take`] whether there is a new one, and
//! from the bell that some board has one. The log is the attempt's own, which becomes its
//! report: there is no second copy while it runs, and a guest that nobody listens to pays
//! one relaxed load for each write. What this cannot promise: a listener that comes late
//! or reads slowly misses what was dropped meanwhile, and is told how much that is.

use super::log::{Heard, Tail};
use crate::rules::progress::Progress;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

#[derive(Debug)]
struct Shared {
    said: Mutex<Option<Progress>>,
    fresh: AtomicBool,
    bell: Arc<Notify>,
    log: Mutex<Tail>,
    /// Somebody reads the log while it is written.
    is_heard: AtomicBool,
    written: Notify,
}

/// How far one attempt is, and what it logged. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Board(Arc<Shared>);

impl Default for Board {
    fn default() -> Self {
        Self::new(&Arc::default())
    }
}

impl Board {
    /// An empty board that rings this bell when it is told how far the attempt is.
    pub fn new(bell: &Arc<Notify>) -> Self {
        Self(Arc::new(Shared {
            said: Mutex::default(),
            fresh: AtomicBool::new(false),
            bell: Arc::clone(bell),
            log: Mutex::new(Tail::new(Instant::now(), 0)),
            is_heard: AtomicBool::new(false),
            written: Notify::new(),
        }))
    }

    /// What was said last.
    pub fn read(&self) -> Option<Progress> {
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was said since this was called last, if anything was.
    pub fn take(&self) -> Option<Progress> {
        if self.0.fresh.swap(false, Ordering::AcqRel) { self.read() } else { None }
    }

    pub(super) fn write(&self, progress: Progress) {
        *self.0.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
        if !self.0.fresh.swap(true, Ordering::AcqRel) {
            self.0.bell.notify_one();
        }
    }

    /// What was logged from this position on, `most` bytes at most. From the first call
    /// on the guest rings [`Self::written`], and the log outlives the attempt with the
    /// last board that shares it.
    pub fn hear(&self, from: u64, most: usize) -> Heard {
        // Before the lock: whoever writes after it was released sees that somebody listens.
        self.0.is_heard.store(true, Ordering::Relaxed);
        self.log().since(from, most)
    }

    /// Whether somebody has listened.
    pub fn is_heard(&self) -> bool {
        self.0.is_heard.load(Ordering::Relaxed)
    }

    /// Ready when something is logged after this was called.
    pub fn written(&self) -> Notified<'_> {
        self.0.written.notified()
    }

    /// The log begins: the last `keep` bytes are kept.
    pub(super) fn begin(&self, started: Instant, keep: u64) {
        *self.log() = Tail::new(started, keep);
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Tail> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Write to the log, and ring if somebody listens.
    pub(super) fn record(&self, write: impl FnOnce(&mut Tail)) {
        write(&mut self.log());
        if self.is_heard() {
            self.0.written.notify_waiters();
        }
    }

    /// The whole log, for the report; whoever listens can still read it here.
    pub(super) fn close(&self) -> Tail {
        let mut log = self.log();
        log.close();
        if self.is_heard() { log.clone() } else { std::mem::take(&mut *log) }
    }
}
