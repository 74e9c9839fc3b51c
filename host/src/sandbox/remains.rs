//! What is left of a store when it is gone: what it alone knew of the use, and a core dump.

use super::shape::Shape;
use super::state::State;
use crate::rules::attempt::Usage;

/// What is left of a store; nothing of one that was never made.
#[derive(Default)]
pub(super) struct Remains {
    /// What the store knew; the others are 0.
    pub(super) usage: Usage,
    pub(super) core: Option<Vec<u8>>,
}

impl Remains {
    pub(super) fn of(mut state: State, shape: &Shape) -> Self {
        let usage = Usage {
            memory: state.memory.peak(),
            handles: state.handles(),
            table_elements: state.memory.elements(),
            instances: state.instances,
            tables: shape.tables,
            memories: shape.memories,
            ..Usage::default()
        };
        Self { usage, core: state.core }
    }
}
