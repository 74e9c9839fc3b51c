//! Who used the CPU: the guest, or the host on the guest's behalf.
//!
//! The engine calls back at every edge between guest and host, some fifty times in
//! the smallest attempt. What counts is CPU time of the *thread*, so that time in
//! which it was not scheduled, or waited for a disk, is charged to nobody. Reading that
//! clock is a system call (0.3 µs and more; fifty of them would cost as much as the
//! attempt), so edges read the monotonic clock, and the thread's clock is read once
//! 100 µs have passed since it was read last. What the thread did not run is taken
//! from the span that crossed that mark: all earlier spans together were shorter.
//! When an attempt is suspended its thread serves others: the meter is paused and
//! resumed around every poll, by the thread's clock.
//!
//! What it cannot measure: a pause of the thread that is shorter than 100 µs is
//! charged; CPU that the kernel or another thread spends for the guest (page
//! reclaim) is not.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use wasmtime::CallHook;

/// Nothing that is charged runs: the engine itself works.
const OUTSIDE: u8 = 0;
const GUEST: u8 = 1;
const HOST: u8 = 2;

/// Nanoseconds after which the thread's clock is read again.
const TRUSTED: u64 = 100_000;

/// Two clocks, read by the running thread.
#[derive(Debug, Clone, Copy)]
struct Now {
    monotonic: u64,
    /// CPU time of the thread; read only when it is needed.
    cpu: fn() -> u64,
}

impl Now {
    fn read() -> Self {
        Self { monotonic: nanos(ClockId::Monotonic), cpu: || nanos(ClockId::ThreadCPUTime) }
    }
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The accounts of one attempt, in nanoseconds. Only the thread that polls the
/// attempt writes; the atomics are there because the engine's callback and the poll
/// share it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    side: AtomicU8,
    /// Host calls that are open: the guest may be called back from within one.
    open: AtomicU32,
    /// The last edge, monotonic.
    mark: AtomicU64,
    /// When the thread's clock was read last, and what it said; zero before the
    /// first edge of a poll.
    anchor: AtomicU64,
    anchor_cpu: AtomicU64,
    /// The thread's clock at the beginning of this poll.
    resumed: AtomicU64,
    guest: AtomicU64,
    host: AtomicU64,
    calls: AtomicU64,
}

impl Meter {
    /// An edge between guest and host.
    pub(super) fn edge(&self, hook: CallHook) {
        self.advance(Now::read(), TRUSTED);
        let side = match hook {
            CallHook::CallingWasm | CallHook::ReturningFromHost => GUEST,
            CallHook::CallingHost => HOST,
            CallHook::ReturningFromWasm if self.open.load(Relaxed) > 0 => HOST,
            CallHook::ReturningFromWasm => OUTSIDE,
        };
        match hook {
            CallHook::CallingHost => {
                add(&self.calls, 1);
                self.open.store(self.open.load(Relaxed) + 1, Relaxed);
            }
            CallHook::ReturningFromHost => {
                self.open.store(self.open.load(Relaxed).saturating_sub(1), Relaxed);
            }
            CallHook::CallingWasm | CallHook::ReturningFromWasm => {}
        }
        self.side.store(side, Relaxed);
    }

    /// Bring the accounts exactly up to this moment.
    pub(super) fn settle(&self) {
        self.advance(Now::read(), 0);
    }

    /// A poll of the attempt begins.
    pub(super) fn resume(&self) {
        self.anchor.store(0, Relaxed);
        if self.side.load(Relaxed) != OUTSIDE {
            self.settle();
        }
    }

    /// A poll of the attempt ends.
    pub(super) fn pause(&self) {
        if self.side.load(Relaxed) != OUTSIDE {
            self.settle();
        }
    }

    fn advance(&self, now: Now, trusted: u64) {
        let (anchor, mark) = (self.anchor.load(Relaxed), self.mark.load(Relaxed));
        self.mark.store(now.monotonic, Relaxed);
        if anchor == 0 {
            let cpu = (now.cpu)();
            self.resumed.store(cpu, Relaxed);
            self.fix(now.monotonic, cpu);
            return;
        }
        let mut span = now.monotonic.saturating_sub(mark);
        let passed = now.monotonic.saturating_sub(anchor);
        if passed >= trusted {
            let cpu = (now.cpu)();
            let ran = cpu.saturating_sub(self.anchor_cpu.load(Relaxed));
            span = span.saturating_sub(passed.saturating_sub(ran));
            self.fix(now.monotonic, cpu);
        }
        match self.side.load(Relaxed) {
            GUEST => add(&self.guest, span),
            HOST => add(&self.host, span),
            _ => {}
        }
    }

    fn fix(&self, monotonic: u64, cpu: u64) {
        self.anchor.store(monotonic, Relaxed);
        self.anchor_cpu.store(cpu, Relaxed);
    }

    /// CPU since this poll began, when it was settled last.
    pub(super) fn since_resumed(&self) -> u64 {
        self.anchor_cpu.load(Relaxed).saturating_sub(self.resumed.load(Relaxed))
    }

    /// CPU that the guest used.
    pub(super) fn guest(&self) -> u64 {
        self.guest.load(Relaxed)
    }

    /// CPU that the host used in calls of the guest.
    pub(super) fn host(&self) -> u64 {
        self.host.load(Relaxed)
    }

    /// Calls of the guest into the host.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }
}

/// There is one writer: an atomic addition would only cost more.
fn add(account: &AtomicU64, by: u64) {
    account.store(account.load(Relaxed).saturating_add(by), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(monotonic: u64, cpu: fn() -> u64) -> Now {
        Now { monotonic, cpu }
    }

    /// A meter whose guest began to run at 1,000,000 with 500 on the thread's clock.
    fn running() -> Meter {
        let meter = Meter::default();
        meter.advance(at(1_000_000, || 500), TRUSTED);
        meter.side.store(GUEST, Relaxed);
        meter
    }

    fn never() -> u64 {
        panic!("the thread's clock was read");
    }

    #[test]
    fn short_spans_do_without_the_thread_s_clock() {
        let meter = running();
        meter.advance(at(1_040_000, never), TRUSTED);
        meter.side.store(HOST, Relaxed);
        meter.advance(at(1_090_000, never), TRUSTED);
        assert_eq!((meter.guest(), meter.host()), (40_000, 50_000));
    }

    #[test]
    fn what_the_thread_did_not_run_is_taken_from_the_span_in_which_it_stood_still() {
        let meter = running();
        meter.advance(at(1_040_000, never), TRUSTED);
        meter.side.store(HOST, Relaxed);
        // 5 ms pass, of which 60 µs were CPU, 40 of them the guest's before.
        meter.advance(at(6_000_000, || 500 + 60_000), TRUSTED);
        assert_eq!((meter.guest(), meter.host()), (40_000, 20_000));
    }

    #[test]
    fn what_others_use_while_it_is_suspended_is_not_charged() {
        let meter = running();
        meter.advance(at(1_040_000, || 500 + 40_000), 0);
        meter.anchor.store(0, Relaxed);
        meter.advance(at(9_000_000, || 7_000_000), 0);
        meter.advance(at(9_010_000, || 7_010_000), 0);
        assert_eq!((meter.guest(), meter.since_resumed()), (50_000, 10_000));
    }

    #[test]
    fn a_guest_called_back_from_a_host_call_returns_to_it() {
        let meter = Meter::default();
        let sides: Vec<_> = [
            CallHook::CallingWasm,
            CallHook::CallingHost,
            CallHook::CallingWasm,
            CallHook::ReturningFromWasm,
            CallHook::ReturningFromHost,
            CallHook::ReturningFromWasm,
        ]
        .into_iter()
        .map(|hook| {
            meter.edge(hook);
            meter.side.load(Relaxed)
        })
        .collect();
        assert_eq!(sides, [GUEST, HOST, GUEST, HOST, GUEST, OUTSIDE]);
        assert_eq!(meter.calls(), 1);
    }
}
