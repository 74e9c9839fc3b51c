//! Components with a core module more than they were built with.

use super::stage::{engine, prepare};
use capstan::sandbox::Prepared;
use wasm_encoder::{
    ComponentSection as _, InstanceSection, MemorySection, MemoryType, Module, ModuleArg, ModuleSection, RefType,
    TableSection, TableType,
};
use wasmparser::{Parser, Payload};

/// What a further core module has.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    /// Memories, without a page.
    pub(super) memories: u32,
    /// Tables.
    pub(super) tables: u32,
    /// Elements of each of them.
    pub(super) elements: u64,
}

impl Part {
    fn module(self) -> Module {
        let (mut memories, mut tables, mut module) = (MemorySection::new(), TableSection::new(), Module::new());
        for _ in 0..self.tables {
            let (element_type, minimum) = (RefType::FUNCREF, self.elements);
            tables.table(TableType { element_type, table64: false, minimum, maximum: None, shared: false });
        }
        for _ in 0..self.memories {
            let (memory64, shared, page_size_log2) = (false, false, None);
            memories.memory(MemoryType { minimum: 0, maximum: None, memory64, shared, page_size_log2 });
        }
        module.section(&tables).section(&memories);
        module
    }
}

/// How many core modules a component has itself, without those of what is nested in it.
fn modules(wasm: &[u8]) -> u32 {
    let (mut depth, mut modules) = (0_u32, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } => {
                modules += u32::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    modules
}

/// The guest `noop`, with one instance of such a module.
pub(super) fn noop_with(part: Part) -> Prepared {
    let mut wasm = capstan_test_guests::noop().to_vec();
    let index = modules(&wasm);
    ModuleSection(&part.module()).append_to_component(&mut wasm);
    let mut instances = InstanceSection::new();
    instances.instantiate(index, Vec::<(&str, ModuleArg)>::new());
    instances.append_to_component(&mut wasm);
    prepare(engine(), &wasm)
}
