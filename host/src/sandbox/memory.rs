//! Memory, tables and instances of one store: summed, capped, and the peak kept.
//!
//! Growth beyond a limit traps with a [`Halt`], so that the message names the
//! limit instead of whatever the guest's allocator makes of a failed `grow`.
//! Counts linear memories and table elements only: what the host holds for a
//! guest (handles, buffers) is bounded in `state`.

use super::halt::Halt;
use crate::rules::limit::Limits;
use wasmtime::ResourceLimiter;

/// What one store has.
#[derive(Debug)]
pub(super) struct Memory {
    limit: u64,
    now: u64,
    peak: u64,
    max_elements: u64,
    elements: u64,
    max_instances: usize,
    max_memories: usize,
}

impl Memory {
    pub(super) fn new(limits: &Limits) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            limit: limits.memory,
            now: 0,
            peak: 0,
            max_elements: limits.table_elements,
            elements: 0,
            max_instances: count(limits.instances),
            max_memories: count(limits.memories),
        }
    }

    /// The sum now, in bytes.
    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    /// The highest sum so far, in bytes.
    pub(super) const fn peak(&self) -> u64 {
        self.peak
    }

    /// Elements of all tables; that is their peak too, since tables do not shrink.
    pub(super) const fn elements(&self) -> u64 {
        self.elements
    }

    /// No more core instances, as soon as the engine asks for the limits again.
    pub(super) const fn refuse_instances(&mut self) {
        self.max_instances = 0;
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
        if wanted > self.max_elements {
            return Err(Halt::Tables { wanted, limit: self.max_elements }.into());
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.max_instances
    }

    fn tables(&self) -> usize {
        self.max_instances
    }

    fn memories(&self) -> usize {
        self.max_memories
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn memory() -> Memory {
        Memory::new(&Limits { memory: 100, table_elements: 10, ..Limits::default() })
    }

    #[test]
    fn tables_are_summed_too() {
        let mut memory = memory();
        assert!(memory.table_growing(0, 6, None).unwrap());
        assert!(memory.table_growing(0, 4, None).unwrap());
        let error = memory.table_growing(4, 5, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Halt::Tables { wanted: 11, limit: 10 }));
        assert!(!memory.table_growing(4, 9, Some(8)).unwrap(), "its own maximum");
        assert_eq!(memory.elements(), 10);
    }

    #[test]
    fn memories_are_summed_and_the_peak_is_kept() {
        let mut memory = memory();
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.memory_growing(0, 40, None).unwrap());
        let error = memory.memory_growing(40, 41, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Halt::Memory { wanted: 101, limit: 100 }));
        assert_eq!(memory.peak(), 100);
    }

    #[test]
    fn a_module_s_own_maximum_is_not_our_limit() {
        let mut memory = memory();
        assert!(!memory.memory_growing(0, 200, Some(64)).unwrap());
        assert_eq!(memory.peak(), 0);
    }
}
