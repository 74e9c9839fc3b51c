//! The reports of a guest thread that nobody was told of yet.
//!
//! Telling one waiter wakes a thread that sleeps, which costs a fifth of the smallest attempt. So a
//! thread that has more to run keeps the reports of short attempts, and hands them over together:
//! when it has [`MOST`], when one comes of an attempt that was not [`SHORT`], before it goes to sleep, when a guest computes at
//! the engine's tick, and when it ends. A thread whose attempt is its only one sleeps right behind it,
//! so nobody waits for a report where nothing else runs.
//!
//! What it cannot promise: behind a short attempt a guest may compute until the next tick (10 ms), or make
//! one call into the host that lasts longer (a slow disk); for so long the report lies here.

use super::attempt::Report;
use std::cell::RefCell;
use std::time::Duration;
use tokio::sync::oneshot::Sender;

/// Reports that are handed over together at most: 16, some 0.3 ms of the smallest attempts.
const MOST: usize = 16;
/// An attempt that took longer does not save what is worth a wait: 0.2 ms.
const SHORT: Duration = Duration::from_micros(200);

thread_local! {
    static HELD: RefCell<Vec<(Sender<Report>, Report)>> = const { RefCell::new(Vec::new()) };
}

/// Hand a report over, now or with the next ones.
pub(super) fn put(to: Sender<Report>, report: Report) {
    let is_short = u128::from(report.usage.wall_us) < SHORT.as_micros();
    let held = HELD.with_borrow_mut(|held| {
        held.push((to, report));
        held.len()
    });
    if held >= MOST || !is_short {
        flush();
    }
}

/// Hand over what this thread keeps.
pub(super) fn flush() {
    // Whoever is told may do anything, also here.
    for (to, report) in HELD.take() {
        // Who has gone does not want it.
        let _ = to.send(report);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rules::attempt::{Class, Fault};
    use tokio::sync::oneshot::{self, Receiver};

    fn report(took: Duration) -> Report {
        let mut report = Report::failed(Fault::new(Class::Permanent, "no".to_owned()));
        report.usage.wall_us = u64::try_from(took.as_micros()).unwrap();
        report
    }

    fn sent(took: Duration) -> Receiver<Report> {
        let (to, from) = oneshot::channel();
        put(to, report(took));
        from
    }

    fn came(from: &mut Receiver<Report>) -> bool {
        from.try_recv().is_ok()
    }

    #[test]
    fn short_ones_wait_until_there_are_enough() {
        let mut all: Vec<_> = (1..MOST).map(|_| sent(Duration::ZERO)).collect();
        assert!(!all.iter_mut().any(came));
        all.push(sent(SHORT - Duration::from_micros(1)));
        assert!(all.iter_mut().all(came));
    }

    #[test]
    fn one_that_took_long_takes_the_others_along() {
        let mut short = sent(Duration::ZERO);
        let mut long = sent(SHORT);
        assert!(came(&mut short) && came(&mut long));
    }

    #[test]
    fn flush_hands_over_what_is_kept_once() {
        let mut one = sent(Duration::ZERO);
        flush();
        assert!(came(&mut one));
        flush();
        assert!(one.try_recv().is_err());
    }
}
