//! How often a guest called the host.
//!
//! The engine tells of every edge between guest and host, and a tick of the epoch comes to the host over the same edge
//! as a call; only the callback that it leads to tells which it was. So each edge is counted, and the callback takes
//! the tick back. What is refused at the limit is refused before it is done, unless a tick is due: what comes then may
//! be the tick, and is ended on its way back if it was not.
//!
//! What it cannot see: errands whose result has no room for an error. Memory that grows and handles that are dropped
//! are calls: the engine makes them for the guest, each time that the guest asks.

use super::halt::Halt;
use super::ticker::Ticks;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use wasmtime::CallHook;

/// The calls of one guest. There is one writer.
#[derive(Debug)]
pub(super) struct Calls {
    made: AtomicU64,
    most: u64,
    ticks: Ticks,
    /// The ticks that had passed when the guest heard of one last.
    heard: AtomicU64,
}

impl Calls {
    /// No more than `most`.
    pub(super) fn new(most: u64, ticks: Ticks) -> Self {
        let heard = AtomicU64::new(ticks.passed());
        Self { made: AtomicU64::new(0), most, ticks, heard }
    }

    /// Before the deadline of the next tick is set.
    pub(super) fn expect_tick(&self) {
        self.heard.store(self.ticks.passed(), Relaxed);
    }

    /// The call that was counted last is none: it is a tick.
    pub(super) fn tick(&self) {
        self.take_back();
        self.expect_tick();
    }

    /// An edge between guest and host.
    pub(super) fn edge(&self, hook: CallHook) -> Result<(), Halt> {
        let made = self.made();
        match hook {
            CallHook::CallingHost if made >= self.most && !self.is_tick_due() => Err(Halt::HostCalls(self.most)),
            CallHook::CallingHost => {
                self.made.store(made + 1, Relaxed);
                Ok(())
            }
            CallHook::ReturningFromHost if made > self.most => {
                self.take_back();
                Err(Halt::HostCalls(self.most))
            }
            CallHook::ReturningFromHost | CallHook::CallingWasm | CallHook::ReturningFromWasm => Ok(()),
        }
    }

    /// How often it called and was not refused.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Relaxed)
    }

    fn take_back(&self) {
        self.made.store(self.made().saturating_sub(1), Relaxed);
    }

    fn is_tick_due(&self) -> bool {
        self.ticks.passed() != self.heard.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(calls: &Calls) -> Result<(), Halt> {
        calls.edge(CallHook::CallingHost)?;
        calls.edge(CallHook::ReturningFromHost)
    }

    fn tick(calls: &Calls) -> Result<(), Halt> {
        calls.edge(CallHook::CallingHost)?;
        calls.tick();
        calls.edge(CallHook::ReturningFromHost)
    }

    fn is_refused(ended: &Result<(), Halt>) -> bool {
        matches!(ended, Err(Halt::HostCalls(_)))
    }

    #[test]
    fn a_call_beyond_the_limit_does_not_come_to_the_host() {
        let calls = Calls::new(1, Ticks::default());
        assert!(call(&calls).is_ok());
        assert!(is_refused(&calls.edge(CallHook::CallingHost)));
        assert_eq!(calls.made(), 1);
    }

    #[test]
    fn a_tick_at_the_limit_ends_nobody_and_hides_no_call() {
        let ticks = Ticks::default();
        let calls = Calls::new(0, ticks.clone());
        ticks.pass();
        assert!(tick(&calls).is_ok());
        assert!(is_refused(&calls.edge(CallHook::CallingHost)));
        ticks.pass();
        assert!(calls.edge(CallHook::CallingHost).is_ok(), "it may be the tick");
        assert!(is_refused(&calls.edge(CallHook::ReturningFromHost)), "it was not");
        assert_eq!(calls.made(), 0);
    }

    proptest! {
        /// Ticks pass before any step, and the guest hears of some: it is ended at the call after the last that it
        /// has, and nowhere else.
        #[test]
        fn only_calls_count(steps in prop::collection::vec(prop::sample::select(vec!["call", "pass", "hear"]), 0..40),
                            most in 0_u64..10) {
            let ticks = Ticks::default();
            let calls = Calls::new(most, ticks.clone());
            let mut made = 0;
            for step in steps {
                match step {
                    "call" => {
                        prop_assert_eq!(is_refused(&call(&calls)), made == most);
                        made = (made + 1).min(most);
                    }
                    "pass" => ticks.pass(),
                    _ if calls.is_tick_due() => prop_assert!(tick(&calls).is_ok()),
                    _ => {}
                }
                prop_assert_eq!(calls.made(), made);
            }
        }
    }
}
