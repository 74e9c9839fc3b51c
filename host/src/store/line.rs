//! Chunks that stand in line until there is room for their jobs.
//!
//! Whoever dispatches an import sends its next chunks before those ahead of them are on
//! the disk, and the writer takes as many with each batch as the window has room for: so
//! room is filled in the very commit behind the claim that made it. The order of one
//! import's chunks is kept; those of another do not wait for it. What this cannot promise:
//! that a chunk in line is still where it was read; like any other it is looked at then.

use super::import::Dispatch;
use super::op::Op;
use super::view::View;
use super::writer::Answer;
use crate::rules::time::Timestamp;
use std::collections::BTreeSet;

/// The line, oldest first.
#[derive(Default)]
pub(super) struct Line {
    chunks: Vec<(Dispatch, Answer)>,
    /// The latest time that a claim named.
    now: Timestamp,
}

impl Line {
    /// Stand in line.
    pub(super) fn join(&mut self, chunk: Dispatch, answer: Answer) {
        self.chunks.push((chunk, answer));
    }

    /// Notice what time it is: a chunk is as old as the moment at which it leaves the line.
    pub(super) fn note(&mut self, op: &Op) {
        if let Op::Claim(request) = op {
            self.now = self.now.max(request.now);
        }
    }

    /// Whether one of the chunks may go on.
    pub(super) fn has_room(&self, view: &View) -> bool {
        !self.chunks.is_empty() && self.places(view).contains(&true)
    }

    /// Take the chunks that may go on.
    pub(super) fn take(&mut self, view: &View) -> Vec<(Dispatch, Answer)> {
        if self.chunks.is_empty() {
            return Vec::new();
        }
        let mut places = self.places(view).into_iter();
        let mut taken: Vec<_> = self.chunks.extract_if(.., |_| places.next().unwrap_or(false)).collect();
        for (chunk, _) in &mut taken {
            chunk.not_before(self.now);
        }
        taken
    }

    /// Whether each chunk may go on: it has room, or its import has nothing to dispatch any
    /// more and it learns that.
    fn places(&self, view: &View) -> Vec<bool> {
        let mut open = view.dispatching();
        let mut held = BTreeSet::new();
        let goes = |(dispatch, _): &(Dispatch, Answer)| {
            let (id, jobs) = (dispatch.chunk().import, dispatch.chunk().jobs.len() as u64);
            let Some(import) = open.get_mut(&id) else { return true };
            if held.contains(&id) || dispatch.window.is_some_and(|window| import.ready + jobs > window) {
                held.insert(id);
                return false;
            }
            import.ready += jobs;
            true
        };
        self.chunks.iter().map(goes).collect()
    }
}
