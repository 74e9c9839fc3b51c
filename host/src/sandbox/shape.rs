//! How many core instances, memories and tables a component is made of.
//!
//! A component makes all of them before its export is called and none later, so they are
//! the same in each of its attempts. How many memories and tables there will be, the engine
//! says ahead. Instances it counts in each store, but it has no function that reads the
//! count: it names it only when one more is refused. So one more is asked for, with a limit
//! of none, in a store that is done with: once for each component, and each time that one
//! could not be made as a whole. Should the engine say it in other words, the figure is 0;
//! the test at the limit's edge holds these words.

use super::spent::{Counted, counted};
use super::state::{Made, State};
use std::sync::OnceLock;
use wasmtime::component::Component;
use wasmtime::{Instance, Module, Store};

/// A core module of nothing: magic and version.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

/// The module that is asked for as one more.
pub(super) fn empty(engine: &wasmtime::Engine) -> wasmtime::Result<Module> {
    Module::new(engine, EMPTY)
}

/// What one component is made of.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Linear memories.
    pub(super) memories: u64,
    /// Tables.
    pub(super) tables: u64,
    /// Core instances, from the first store that had all of them.
    instances: OnceLock<u64>,
}

impl Shape {
    /// The engine knows nothing ahead of one that imports core modules; there are none to import.
    pub(super) fn of(component: &Component) -> Self {
        let (memories, tables) =
            component.resources_required().map_or((0, 0), |needs| (needs.num_memories, needs.num_tables));
        Self { memories: memories.into(), tables: tables.into(), instances: OnceLock::new() }
    }

    /// Core instances that were made in a store that is done with: it may have no room for more afterwards.
    /// Counted in a box: hardly an attempt does it, and each would hold room for it as long as it waits.
    pub(super) async fn instances(&self, store: &mut Store<State>, empty: &Module) -> u64 {
        match (store.data().made, self.instances.get()) {
            (Made::Whole, Some(known)) => *known,
            (Made::Whole, None) => {
                let counted = Box::pin(count(store, empty)).await;
                *self.instances.get_or_init(|| counted)
            }
            (Made::Part, _) => Box::pin(count(store, empty)).await,
        }
    }
}

async fn count(store: &mut Store<State>, empty: &Module) -> u64 {
    store.data_mut().memory.refuse_instances();
    // The engine reads the limits on numbers only here.
    store.limiter(|state| &mut state.memory);
    let refused = Instance::new_async(store, empty, &[]).await.err();
    match refused.as_ref().and_then(counted) {
        Some((Counted::Instances, wanted)) => wanted.saturating_sub(1),
        _ => 0,
    }
}
