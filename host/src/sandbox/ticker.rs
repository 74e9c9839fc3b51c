//! The one thread that makes guests look up from their work.
//!
//! Every 10 ms the epoch of both engines moves; a guest that computes then asks
//! its store's callback whether it may go on. Ticks are computed from the
//! monotonic clock and the start, so that late wake-ups do not add up; under load
//! a tick may come late, never twice as fast.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time between two ticks.
pub(super) const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    Yes,
}

/// The ticks so far. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// How many: for a guest that has met a tick, that tick is among them.
    pub(super) fn passed(&self) -> u64 {
        // The guest's own look at the epoch comes before.
        fence(Acquire);
        self.0.load(Relaxed)
    }

    /// One more, of which the engines hear from now on.
    pub(super) fn pass(&self) {
        self.0.fetch_add(1, Relaxed);
        // The engines move their epochs in relaxed order, behind this.
        fence(Release);
    }
}

/// Ticks until it is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    ticks: Ticks,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Tick these engines.
    pub(super) fn start(engines: [wasmtime::Engine; 2]) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let ticks = Ticks::default();
        let (seen, passing) = (Arc::clone(&stop), ticks.clone());
        let thread = std::thread::Builder::new().name("capstan-ticker".into()).spawn(move || {
            let start = Instant::now();
            let mut next = TICK;
            while wait(&seen, next.saturating_sub(start.elapsed())) == Asked::No {
                passing.pass();
                engines.iter().for_each(wasmtime::Engine::increment_epoch);
                let ticks = start.elapsed().as_nanos() / TICK.as_nanos() + 1;
                next = TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
            }
        })?;
        Ok(Self { ticks, stop, thread: Some(thread) })
    }

    /// What has passed.
    pub(super) fn ticks(&self) -> &Ticks {
        &self.ticks
    }
}

fn wait(stop: &Stop, time: Duration) -> Asked {
    let asked = stop.asked.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = stop.changed.wait_timeout_while(asked, time, |asked| *asked == Asked::No);
    let (asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if *asked == Asked::No { Asked::No } else { Asked::Yes }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = Asked::Yes;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A ticker that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}
