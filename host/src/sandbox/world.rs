//! The two worlds that a component may be made for, and its code linked for either.

use super::contract::{Handler, HandlerPre};
use super::state::State;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Result};
use wasmtime_wasi::p2::bindings::{Command, CommandPre};

/// What a program exports.
const PROGRAM: &str = "wasi:cli/run@0.2.";
/// What a handler exports.
const HANDLER: &str = "describe";

/// What a component is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The contract: it describes itself and does jobs by `run`.
    Handler,
    /// `wasi:cli/command`: a program, described by a manifest.
    Command,
}

impl World {
    /// The name, as WIT has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handler => "capstan:handler/handler@0.1.0",
            Self::Command => "wasi:cli/command@0.2",
        }
    }

    /// What a component is made for; the contract unless it is a program only.
    pub(super) fn of(component: &Component, engine: &Engine) -> Self {
        let shape = component.component_type();
        let exports = |wanted: fn(&str) -> bool| shape.exports(engine).any(|(name, _)| wanted(name));
        if exports(|name| name.starts_with(PROGRAM)) && !exports(|name| name == HANDLER) {
            Self::Command
        } else {
            Self::Handler
        }
    }
}

/// A component's code, linked.
pub(super) enum Linked {
    Handler(HandlerPre<State>),
    Command(CommandPre<State>),
}

/// An instance.
pub(super) enum Live {
    Handler(Handler),
    Command(Command),
}

impl Linked {
    /// Link a component against everything that guests can import.
    pub(super) fn new(component: &Component, linker: &Linker<State>) -> Result<Self> {
        let pre = linker.instantiate_pre(component)?;
        Ok(match World::of(component, component.engine()) {
            World::Handler => Self::Handler(HandlerPre::new(pre)?),
            World::Command => Self::Command(CommandPre::new(pre)?),
        })
    }

    pub(super) fn world(&self) -> World {
        match self {
            Self::Handler(_) => World::Handler,
            Self::Command(_) => World::Command,
        }
    }

    fn instance(&self) -> &InstancePre<State> {
        match self {
            Self::Handler(pre) => pre.instance_pre(),
            Self::Command(pre) => pre.instance_pre(),
        }
    }

    pub(super) fn component(&self) -> &Component {
        self.instance().component()
    }

    /// Make an instance in a store.
    pub(super) async fn live(&self, store: &mut wasmtime::Store<State>) -> Result<Live> {
        Ok(match self {
            Self::Handler(pre) => Live::Handler(pre.instantiate_async(store).await?),
            Self::Command(pre) => Live::Command(pre.instantiate_async(store).await?),
        })
    }
}
