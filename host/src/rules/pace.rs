//! How fast something goes, and when it ends at that pace.
//!
//! The pace is that of the last minute: a mean since the beginning would still promise
//! an hour when a slow site is done with, or a minute when it has just begun. What it
//! cannot promise: that it goes on like that.

use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How far back is looked: a minute.
pub const SPAN: Millis = Millis::seconds(60);
/// The least time between two samples: a second.
pub const STEP: Millis = Millis::seconds(1);

/// How fast something goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Items a second, in the last minute.
    pub per_second: f64,
    /// How long the rest takes at this pace (ms); none when it does not move.
    pub left: Option<Millis>,
}

/// How many were done when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples(VecDeque<(Timestamp, i64)>);

impl Samples {
    /// So many are done now. What comes within [`STEP`] of the last one is left out.
    pub fn note(&mut self, now: Timestamp, done: i64) {
        if self.0.back().is_some_and(|(at, _)| now.since(*at).0 < STEP.0) {
            return;
        }
        self.0.push_back((now, done));
        // The last one before the span stays: it is where the span begins.
        while self.0.get(1).is_some_and(|(at, _)| now.since(*at).0 >= SPAN.0) {
            self.0.pop_front();
        }
    }

    /// The pace when so many are done now, and so many are left; none before there is
    /// something to compare.
    pub fn pace(&self, now: Timestamp, done: i64, left: i64) -> Option<Pace> {
        let (since, before) = self.0.iter().find(|(at, _)| now.since(*at).0 <= SPAN.0).or(self.0.back())?;
        let span = now.since(*since).0;
        if span < STEP.0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let per_second = ((done - before).max(0) as f64 * 100_000.0 / span as f64).round() / 100.0;
        Some(Pace { per_second, left: left_at(per_second, left) })
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn left_at(per_second: f64, left: i64) -> Option<Millis> {
    (per_second > 0.0).then(|| Millis((left.max(0) as f64 / per_second * 1_000.0).round() as u64))
}
