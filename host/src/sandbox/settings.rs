//! How the engine is set: the one place where its configuration is made.

use crate::rules::coredump::Dumps;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Stack of a guest's calls: 512 KiB. Deeper recursion traps.
const WASM_STACK: usize = 512 << 10;
/// Stack of a guest and of the host calls on top of it: 1 MiB.
const FIBER_STACK: usize = 1 << 20;
/// Linear memory that stays resident in a slot between attempts: 1 MiB; more is
/// given back to the system.
const KEEP_MEMORY: usize = 1 << 20;
/// Stack and table bytes that stay resident likewise.
const KEEP_SMALL: usize = 64 << 10;
/// Core instances, memories and tables per slot: a component of the usual
/// toolchains has up to eight modules, one memory and four tables.
const INSTANCES: u32 = 16;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;
/// Frames of a trap's backtrace.
const FRAMES: usize = 64;

/// How large the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Attempts that find a warm place at the same time; more run on demand.
    pub slots: u32,
    /// Bytes of linear memory of one slot; attempts with a larger limit run on
    /// demand.
    pub memory: u64,
    /// Whether the engine notes what a core dump needs when a guest is ended.
    pub dumps: Dumps,
}

impl Default for EngineOptions {
    /// 64 slots of 256 MiB (address space, not memory), no core dumps.
    fn default() -> Self {
        Self { slots: 64, memory: 256 << 20, dumps: Dumps::Off }
    }
}

/// What both engines have.
fn common(options: &EngineOptions) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES))
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .coredump_on_trap(options.dumps == Dumps::On);
    config
}

fn slots(options: &EngineOptions) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    let slots = options.slots.max(1);
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size(usize::try_from(options.memory).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_SMALL)
        .async_stack_keep_resident(KEEP_SMALL)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// The configuration of the engine that makes everything anew.
pub(super) fn on_demand(options: &EngineOptions) -> Config {
    common(options)
}

/// The configuration of the engine with slots: the same but for the allocator, so
/// that code compiled for one loads into the other.
pub(super) fn pooled(options: &EngineOptions) -> Config {
    let mut config = common(options);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots(options)));
    config
}
