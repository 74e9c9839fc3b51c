//! The engine: one configuration, two allocators.
//!
//! Attempts run in the pool, which keeps slots warm; a component that does not fit
//! into a slot, and an attempt that finds the pool full, runs on the on-demand
//! engine. Both have the same configuration, so code that one compiled loads into
//! the other. Compiled code is native code: loading it is as safe as the bytes
//! are trusted, hence `unsafe` and a cache that the host alone writes.

use super::link;
use super::settings::{self, EngineOptions};
use super::shape::{self, Shape};
use super::state::State;
use super::surface::{self, Missing};
use super::ticker::{Ticker, Ticks};
use super::world::{Linked, World};
use sha2::{Digest as _, Sha256};
use std::hash::{Hash as _, Hasher};
use std::sync::{Arc, OnceLock};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Module};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine refused its configuration or could not reserve its address space.
    #[error(
        "the engine for {slots} slots of {memory} bytes cannot start: {reason}; lower the concurrency or the memory limit"
    )]
    Start {
        /// Slots asked for.
        slots: u32,
        /// Bytes per slot asked for.
        memory: u64,
        /// What the engine said.
        reason: String,
    },
    /// The ticker's thread could not be started.
    #[error("the ticker thread cannot start: {0}")]
    Ticker(#[from] std::io::Error),
}

/// Why bytes did not become a component that can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Not a component at all.
    #[error("a core module, not a component: build it for wasm32-wasip2")]
    Module,
    /// Not valid, or uses a feature that is off.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It imports what the host has not.
    #[error("imports {}; build it against what this host has", listed(.0))]
    Imports(Vec<Missing>),
    /// It exports neither the contract nor a program, or imports the contract with other
    /// types.
    #[error("does not match the world {}: {}", .0.name(), .1)]
    Contract(World, String),
}

fn listed(missing: &[Missing]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why compiled code could not be loaded: compile again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("compiled code cannot be loaded: {0}; compile it again")]
pub struct LoadError(String);

struct Side {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    empty: Module,
}

struct Inner {
    pool: Side,
    demand: Side,
    slot_memory: u64,
    ticker: Ticker,
}

/// The engine. Cloning shares it; the last clone stops the ticker.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// A component that is loaded and linked; cloning shares it.
#[derive(Clone)]
pub struct Prepared(Arc<Loaded>);

struct Loaded {
    pool: Option<Linked>,
    demand: OnceLock<Result<Linked, LoadError>>,
    world: World,
    hears_cancel: bool,
    shape: Shape,
}

impl Prepared {
    /// What it is made for.
    pub fn world(&self) -> World {
        self.0.world
    }

    /// Whether it asks if it is cancelled.
    pub(super) fn hears_cancel(&self) -> bool {
        self.0.hears_cancel
    }

    /// What it is made of.
    pub(super) fn shape(&self) -> &Shape {
        &self.0.shape
    }
}

/// Which of the two allocators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Pool,
    Demand,
}

impl Side {
    fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = wasmtime::Engine::new(config)?;
        let linker = link::linker(&engine)?;
        let empty = shape::empty(&engine)?;
        Ok(Self { engine, linker, empty })
    }

    fn prepare(&self, component: &Component) -> wasmtime::Result<Linked> {
        Linked::new(component, &self.linker)
    }
}

impl Engine {
    /// Start the engine and its ticker.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Start {
            slots: options.slots,
            memory: options.memory,
            reason: format!("{error:#}"),
        };
        let demand = Side::new(&settings::on_demand(options)).map_err(failed)?;
        let pool = Side::new(&settings::pooled(options)).map_err(failed)?;
        let ticker = Ticker::start([pool.engine.clone(), demand.engine.clone()])?;
        Ok(Self(Arc::new(Inner { pool, demand, slot_memory: options.memory, ticker })))
    }

    /// The engine's version, as people see it.
    pub const fn version() -> &'static str {
        "wasmtime 48.0.8"
    }

    /// What its ticker has ticked.
    pub(super) fn ticks(&self) -> Ticks {
        self.0.ticker.ticks().clone()
    }

    /// A text that is the same for two engines exactly when one loads what the
    /// other compiled: 64 hex digits over the configuration and the version.
    pub fn compatibility(&self) -> String {
        let mut hash = Fingerprint(Sha256::new());
        Self::version().hash(&mut hash);
        self.0.demand.engine.precompile_compatibility_hash().hash(&mut hash);
        format!("{:x}", hash.0.finalize())
    }

    /// Check and compile a component. Blocks for as long as compiling takes: 50 ms
    /// for a small one, seconds for an interpreter.
    pub fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        if wasm.get(..8) == Some(b"\0asm\x01\0\0\0") {
            return Err(CompileError::Module);
        }
        let side = &self.0.demand;
        let component =
            Component::new(&side.engine, wasm).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
        let missing = surface::missing(&component, &side.engine);
        if !missing.is_empty() {
            return Err(CompileError::Imports(missing));
        }
        let world = World::of(&component, &side.engine);
        side.prepare(&component).map_err(|error| CompileError::Contract(world, format!("{error:#}")))?;
        component.serialize().map_err(|error| CompileError::Invalid(format!("{error:#}")))
    }

    /// Load what [`Self::compile`] made.
    ///
    /// # Safety
    /// The bytes must be what `compile` made, on an engine with the same
    /// [`Self::compatibility`], and nobody else may have changed them since: they
    /// are run as native code.
    pub unsafe fn load(&self, compiled: &[u8]) -> Result<Prepared, LoadError> {
        // SAFETY: the caller promises it.
        let fits = unsafe { deserialize(&self.0.pool, compiled) };
        let demand = OnceLock::new();
        let pool = match fits {
            Ok(pre) => Some(pre),
            // It may only be too large for a slot; the other side has no slots.
            Err(_) => {
                // SAFETY: as above.
                let pre = unsafe { deserialize(&self.0.demand, compiled) }?;
                let _ = demand.set(Ok(pre));
                None
            }
        };
        let loaded = pool.as_ref().or_else(|| demand.get().and_then(|pre| pre.as_ref().ok()));
        let hears_cancel = loaded.is_some_and(|linked| imports(linked.component(), link::CANCELLED));
        let world = loaded.map_or(World::Handler, Linked::world);
        let shape = loaded.map(|linked| Shape::of(linked.component())).unwrap_or_default();
        Ok(Prepared(Arc::new(Loaded { pool, demand, world, hears_cancel, shape })))
    }

    fn side(&self, home: Home) -> &Side {
        match home {
            Home::Pool => &self.0.pool,
            Home::Demand => &self.0.demand,
        }
    }

    pub(super) fn raw(&self, home: Home) -> &wasmtime::Engine {
        &self.side(home).engine
    }

    /// A core module of nothing.
    pub(super) fn empty(&self, home: Home) -> &Module {
        &self.side(home).empty
    }

    /// Where an attempt with this memory limit should run first.
    pub(super) fn home(&self, prepared: &Prepared, memory: u64) -> Home {
        if prepared.0.pool.is_some() && memory <= self.0.slot_memory { Home::Pool } else { Home::Demand }
    }

    /// The component as linked on one side.
    pub(super) fn linked<'a>(&self, prepared: &'a Prepared, home: Home) -> Result<&'a Linked, LoadError> {
        match (home, &prepared.0.pool) {
            (Home::Pool, Some(pre)) => Ok(pre),
            (_, pool) => prepared.0.demand.get_or_init(|| self.move_out(pool.as_ref())).as_ref().map_err(Clone::clone),
        }
    }

    fn move_out(&self, pool: Option<&Linked>) -> Result<Linked, LoadError> {
        let pre = pool.ok_or_else(|| LoadError("nothing is loaded".to_owned()))?;
        let bytes = pre.component().serialize().map_err(|error| LoadError(format!("{error:#}")))?;
        // SAFETY: the bytes come from a component of this process, just now.
        unsafe { deserialize(&self.0.demand, &bytes) }
    }
}

/// # Safety
/// As for [`Engine::load`].
unsafe fn deserialize(side: &Side, compiled: &[u8]) -> Result<Linked, LoadError> {
    // SAFETY: the caller promises that the bytes come from `compile`.
    let component = unsafe { Component::deserialize(&side.engine, compiled) };
    component.and_then(|component| side.prepare(&component)).map_err(|error| LoadError(format!("{error:#}")))
}

fn imports(component: &Component, interface: &str) -> bool {
    component.component_type().imports(component.engine()).any(|(name, _)| name.starts_with(interface))
}

/// Feeds what is hashed into SHA-256: the standard hashers have 64 bits and no
/// promise of staying the same.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
