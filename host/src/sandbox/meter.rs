//! Who used the CPU: the guest, or the host on the guest's behalf.
//!
//! The engine calls back at every edge between guest and host, some fifty times in
//! the smallest attempt. What counts is CPU time of the *thread*, so that time in
//! which it was not scheduled, or waited for a disk, is charged to nobody. Reading that
//! clock is a system call (0.3 µs and more; fifty of them would cost as much as the
//! attempt), so edges read the monotonic clock and spans are collected in a *window*.
//! Once the window is 100 µs long, at every tick and at the end of every poll the
//! thread's clock is read and the window closed: what the thread did not run in it is
//! taken from its longest span, since a pause that mattered made a span long, and
//! the rest from the others. So what is charged is never more than what the thread
//! ran, however short the attempt.
//! When an attempt is suspended its thread serves others: the meter is paused and
//! resumed around every poll, by the thread's clock.
//!
//! What it cannot measure: within a window of 100 µs a pause may be taken from the
//! wrong side; CPU that the kernel or another thread spends for the guest (page
//! reclaim) is not charged.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use wasmtime::CallHook;

/// Nothing that is charged runs: the engine itself works.
const OUTSIDE: u8 = 0;
const GUEST: u8 = 1;
const HOST: u8 = 2;

/// Nanoseconds after which a window is closed.
const WINDOW: u64 = 100_000;

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

/// The spans since the thread's clock was read last.
#[derive(Debug, Default)]
struct Window {
    /// When it was opened: both clocks. Zero before the first edge of a poll.
    opened: AtomicU64,
    opened_cpu: AtomicU64,
    guest: AtomicU64,
    host: AtomicU64,
    /// The longest span, also of those that nobody is charged for, and whose it is.
    longest: AtomicU64,
    longest_side: AtomicU8,
}

impl Window {
    fn open(&self, monotonic: u64, cpu: u64) {
        self.opened.store(monotonic, Relaxed);
        self.opened_cpu.store(cpu, Relaxed);
        for account in [&self.guest, &self.host, &self.longest] {
            account.store(0, Relaxed);
        }
    }

    fn add(&self, side: u8, span: u64) {
        match side {
            GUEST => add(&self.guest, span),
            HOST => add(&self.host, span),
            _ => {}
        }
        if span >= self.longest.load(Relaxed) {
            self.longest.store(span, Relaxed);
            self.longest_side.store(side, Relaxed);
        }
    }

    /// What guest and host used, when the thread ran for no more than `ran` of the
    /// `passed` nanoseconds.
    fn charged(&self, passed: u64, ran: u64) -> (u64, u64) {
        let (mut guest, mut host) = (self.guest.load(Relaxed), self.host.load(Relaxed));
        let idle = passed.saturating_sub(ran);
        let from_longest = idle.min(self.longest.load(Relaxed));
        match self.longest_side.load(Relaxed) {
            GUEST => guest = guest.saturating_sub(from_longest),
            HOST => host = host.saturating_sub(from_longest),
            _ => {}
        }
        // In doubt in favour of the guest: nothing beyond what ran.
        guest = guest.min(ran);
        host = host.min(ran - guest);
        (guest, host)
    }
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
    window: Window,
    /// The thread's clock at the beginning of this poll.
    resumed: AtomicU64,
    guest: AtomicU64,
    host: AtomicU64,
}

impl Meter {
    /// An edge between guest and host.
    pub(super) fn edge(&self, hook: CallHook) {
        self.advance(Now::read(), WINDOW);
        let side = match hook {
            CallHook::CallingWasm | CallHook::ReturningFromHost => GUEST,
            CallHook::CallingHost => HOST,
            CallHook::ReturningFromWasm if self.open.load(Relaxed) > 0 => HOST,
            CallHook::ReturningFromWasm => OUTSIDE,
        };
        match hook {
            CallHook::CallingHost => {
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
        self.window.opened.store(0, Relaxed);
        if self.side.load(Relaxed) != OUTSIDE {
            self.settle();
        }
    }

    /// A poll of the attempt ends.
    pub(super) fn pause(&self) {
        if self.window.opened.load(Relaxed) != 0 {
            self.settle();
        }
    }

    /// Add what passed since the last edge; close the window when it is older than
    /// `length`.
    fn advance(&self, now: Now, length: u64) {
        let (opened, mark) = (self.window.opened.load(Relaxed), self.mark.load(Relaxed));
        self.mark.store(now.monotonic, Relaxed);
        if opened == 0 {
            let cpu = (now.cpu)();
            self.resumed.store(cpu, Relaxed);
            self.window.open(now.monotonic, cpu);
            return;
        }
        self.window.add(self.side.load(Relaxed), now.monotonic.saturating_sub(mark));
        let passed = now.monotonic.saturating_sub(opened);
        if passed >= length {
            let cpu = (now.cpu)();
            let ran = cpu.saturating_sub(self.window.opened_cpu.load(Relaxed));
            let (guest, host) = self.window.charged(passed, ran);
            add(&self.guest, guest);
            add(&self.host, host);
            self.window.open(now.monotonic, cpu);
        }
    }

    /// Work for the guest outside of its polls, on the same thread: charged to the
    /// host's account.
    pub(super) fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = nanos(ClockId::ThreadCPUTime);
        let done = work();
        add(&self.host, nanos(ClockId::ThreadCPUTime).saturating_sub(before));
        done
    }

    /// CPU since this poll began, when it was settled last.
    pub(super) fn since_resumed(&self) -> u64 {
        self.window.opened_cpu.load(Relaxed).saturating_sub(self.resumed.load(Relaxed))
    }

    /// CPU that the guest used, when it was settled last.
    pub(super) fn guest(&self) -> u64 {
        self.guest.load(Relaxed)
    }

    /// CPU that the host used in calls of the guest, when it was settled last.
    pub(super) fn host(&self) -> u64 {
        self.host.load(Relaxed)
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
        meter.advance(at(1_000_000, || 500), WINDOW);
        meter.side.store(GUEST, Relaxed);
        meter
    }

    fn never() -> u64 {
        panic!("the thread's clock was read");
    }

    #[test]
    fn a_window_does_with_one_look_at_the_thread_s_clock() {
        let meter = running();
        meter.advance(at(1_040_000, never), WINDOW);
        meter.side.store(HOST, Relaxed);
        meter.advance(at(1_090_000, never), WINDOW);
        meter.advance(at(1_095_000, || 500 + 95_000), 0);
        assert_eq!((meter.guest(), meter.host()), (40_000, 55_000));
    }

    #[test]
    fn what_the_thread_did_not_run_is_taken_from_the_span_in_which_it_stood_still() {
        let meter = running();
        meter.advance(at(1_040_000, never), WINDOW);
        meter.side.store(HOST, Relaxed);
        // 5 ms pass, of which 60 µs were CPU, 40 of them the guest's before.
        meter.advance(at(6_000_000, || 500 + 60_000), WINDOW);
        assert_eq!((meter.guest(), meter.host()), (40_000, 20_000));
    }

    #[test]
    fn waiting_is_not_charged_to_an_attempt_that_is_shorter_than_a_window() {
        let meter = running();
        meter.advance(at(1_005_000, never), WINDOW);
        meter.side.store(HOST, Relaxed);
        // 60 µs pass in the host's call, of which it ran 4.
        meter.advance(at(1_065_000, never), WINDOW);
        meter.side.store(OUTSIDE, Relaxed);
        meter.advance(at(1_067_000, || 500 + 11_000), 0);
        assert_eq!((meter.guest(), meter.host()), (5_000, 4_000));
    }

    #[test]
    fn what_others_use_while_it_is_suspended_is_not_charged() {
        let meter = running();
        meter.advance(at(1_040_000, || 500 + 40_000), 0);
        meter.window.opened.store(0, Relaxed);
        meter.advance(at(9_000_000, || 7_000_000), 0);
        meter.advance(at(9_010_000, || 7_010_000), 0);
        assert_eq!((meter.guest(), meter.since_resumed()), (50_000, 10_000));
    }

    proptest::proptest! {
        /// Whatever the spans and wherever the thread stood still.
        #[test]
        fn no_more_is_charged_than_the_thread_ran(
            spans in proptest::collection::vec((0_u8..3, 0_u64..60_000), 1..20),
            percent in 0_u64..=100,
        ) {
            let window = Window::default();
            spans.iter().for_each(|(side, span)| window.add(*side, *span));
            let passed: u64 = spans.iter().map(|(_, span)| span).sum();
            let of = |wanted: u8| spans.iter().filter(|(side, _)| *side == wanted).map(|(_, span)| span).sum::<u64>();
            let ran = passed * percent / 100;
            let (guest, host) = window.charged(passed, ran);
            proptest::prop_assert!(guest + host <= ran);
            proptest::prop_assert!(guest <= of(GUEST) && host <= of(HOST));
            proptest::prop_assert_eq!(window.charged(passed, passed), (of(GUEST), of(HOST)));
        }
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
    }
}
