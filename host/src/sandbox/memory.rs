//! Memory and tables of one store: summed, capped, and the peak kept.
//!
//! Growth beyond a limit traps with a [`Halt`], so that the message names the
//! limit instead of whatever the guest's allocator makes of a failed `grow`.
//! Counts linear memories and table elements only: what the host holds for a
//! guest (handles, buffers) is bounded by the constants in `state`.

use super::halt::Halt;
use wasmtime::ResourceLimiter;

/// Table elements of all tables of a store together: 100,000, the size of the
/// largest function tables seen in components of interpreters, five times over.
pub(super) const MAX_TABLE_ELEMENTS: u64 = 100_000;
/// Core instances per store (a component of several modules has about ten).
const MAX_INSTANCES: usize = 64;
/// Linear memories per store.
const MAX_MEMORIES: usize = 16;
/// Tables per store.
const MAX_TABLES: usize = 64;

/// What one store has.
#[derive(Debug)]
pub(super) struct Memory {
    limit: u64,
    now: u64,
    peak: u64,
    elements: u64,
}

impl Memory {
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, now: 0, peak: 0, elements: 0 }
    }

    /// The highest sum so far, in bytes.
    pub(super) const fn peak(&self) -> u64 {
        self.peak
    }
}

fn step(current: usize, desired: usize) -> u64 {
    desired.saturating_sub(current) as u64
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let wanted = self.now.saturating_add(step(current, desired));
        if wanted > self.limit {
            return Err(Halt::Memory { wanted, limit: self.limit }.into());
        }
        self.now = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let wanted = self.elements.saturating_add(step(current, desired));
        if wanted > MAX_TABLE_ELEMENTS {
            return Err(Halt::Tables { wanted, limit: MAX_TABLE_ELEMENTS }.into());
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn memories_are_summed_and_the_peak_is_kept() {
        let mut memory = Memory::new(100);
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.memory_growing(0, 40, None).unwrap());
        let error = memory.memory_growing(40, 41, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Halt::Memory { wanted: 101, limit: 100 }));
        assert_eq!(memory.peak(), 100);
    }

    #[test]
    fn a_module_s_own_maximum_is_not_our_limit() {
        let mut memory = Memory::new(100);
        assert!(!memory.memory_growing(0, 200, Some(64)).unwrap());
        assert_eq!(memory.peak(), 0);
    }
}
