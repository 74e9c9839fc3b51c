//! The handlers that come with the binary.
//!
//! `build.rs` compiles them from `plugins/`; here they are only bytes. What they are and ask for is in
//! their `describe`, as with every other component.

/// A component inside this binary.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// The name of its folder in `plugins/`; also the name that it gives itself.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
}

/// All of them, in the order of the pipeline.
pub const ALL: &[Bundled] = &[
    Bundled { name: "ingest", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-ingest.wasm")) },
    Bundled { name: "normalise", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-normalise.wasm")) },
    Bundled { name: "summarise", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-summarise.wasm")) },
    Bundled { name: "embed", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-embed.wasm")) },
    Bundled { name: "analyse", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-analyse.wasm")) },
    Bundled { name: "index", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-index.wasm")) },
    Bundled { name: "research", wasm: include_bytes!(concat!(env!("OUT_DIR"), "/capstan-research.wasm")) },
];
