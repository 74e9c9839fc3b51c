//! Where a guest writes how far it is, and others read it while it runs.
//!
//! One board per attempt. Only the last word counts; whoever writes it down learns from
//! [`Board::take`] whether there is a new one, and from the bell that some board has one.

use crate::rules::progress::Progress;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<Option<Progress>>,
    fresh: AtomicBool,
    bell: Arc<Notify>,
}

/// How far one attempt is. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Shared>);

impl Board {
    /// An empty board that rings this bell when something is written on it.
    pub fn new(bell: &Arc<Notify>) -> Self {
        Self(Arc::new(Shared { bell: Arc::clone(bell), ..Shared::default() }))
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
}
