//! Waiting for something that another process does.

use std::time::{Duration, Instant};

/// How long anything may take on a machine that has much else to do.
pub(crate) const LONGEST: Duration = Duration::from_secs(120);

/// Look until there is something to see.
#[track_caller]
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    every(Duration::from_millis(5), what, look)
}

/// Look until there is something to see, so often that little happens in between.
#[track_caller]
pub(crate) fn closely<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    every(Duration::from_micros(500), what, look)
}

#[track_caller]
fn every<T>(pause: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < LONGEST, "it did not come to this in {LONGEST:?}: {what}");
        std::thread::sleep(pause);
    }
}
