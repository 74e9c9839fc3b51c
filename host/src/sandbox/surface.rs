//! What a component shows to the outside: the interfaces that it imports and exports,
//! and which of its imports this host has not.
//!
//! An interface fits when it is of the version line that the host has: within one
//! line the engine links an older one to a newer. What this cannot tell is whether a
//! function is missing inside an interface that is there; linking finds that, and
//! names it.

use super::engine::{CompileError, Engine, Home, Prepared};
use super::link;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// The version of WASI that the engine has.
const WASI: &str = "0.2.12";
/// The version of the contract.
const CONTRACT: &str = "0.1.0";

/// Interfaces by name and version, in the order of the component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surface {
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// An import that the host has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The interface as the component names it.
    pub import: String,
    /// The version of the same interface that this host offers, if it offers any.
    pub offered: Option<&'static str>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offered {
            Some(version) => write!(f, "{}: this host offers {version}", self.import),
            None => write!(f, "{}: this host has nothing of that name", self.import),
        }
    }
}

impl Engine {
    /// What a component that is loaded shows.
    pub fn surface(&self, prepared: &Prepared) -> Option<Surface> {
        let home = self.home(prepared, 0);
        let pre = self.linked(prepared, home).ok()?;
        Some(of(pre.component(), self.raw(home)))
    }

    /// What a component shows that may not fit. Blocks for as long as compiling takes.
    ///
    /// # Errors
    /// It is not a valid component.
    pub fn examine(&self, wasm: &[u8]) -> Result<Surface, CompileError> {
        let engine = self.raw(Home::Demand);
        let component = Component::new(engine, wasm).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
        Ok(of(&component, engine))
    }
}

fn of(component: &Component, engine: &wasmtime::Engine) -> Surface {
    let shape = component.component_type();
    // Types that the world names are there too; they come from an interface.
    let names = |item: &ComponentItem| !matches!(item, ComponentItem::Type(_) | ComponentItem::Resource(_));
    Surface {
        imports: shape.imports(engine).filter(|(_, i)| names(&i.ty)).map(|(name, _)| name.to_owned()).collect(),
        exports: shape.exports(engine).filter(|(_, i)| names(&i.ty)).map(|(name, _)| name.to_owned()).collect(),
    }
}

/// The imports that the host has not.
pub(super) fn missing(component: &Component, engine: &wasmtime::Engine) -> Vec<Missing> {
    of(component, engine).imports.into_iter().filter_map(unfit).collect()
}

fn unfit(import: String) -> Option<Missing> {
    let is_known = link::OFFERED.iter().any(|prefix| import.starts_with(prefix));
    let version = if import.starts_with("wasi:") { WASI } else { CONTRACT };
    let line = version.rsplit_once('.').map_or(version, |(line, _)| line);
    let fits = import
        .rsplit_once('@')
        .is_some_and(|(_, asked)| asked.strip_prefix(line).is_some_and(|patch| patch.starts_with('.')));
    if is_known && fits { None } else { Some(Missing { import, offered: is_known.then_some(version) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(import: &str) -> Option<String> {
        unfit(import.to_owned()).map(|missing| missing.to_string())
    }

    #[test]
    fn within_a_line_of_versions_every_one_fits() {
        for import in ["wasi:cli/stdin@0.2.0", "wasi:io/poll@0.2.12", "capstan:handler/jobs@0.1.0"] {
            assert_eq!(missing(import), None, "{import}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_would() {
        for (import, says) in [
            ("wasi:cli/environment@0.3.0", "wasi:cli/environment@0.3.0: this host offers 0.2.12"),
            ("wasi:io/poll@0.20.0", "wasi:io/poll@0.20.0: this host offers 0.2.12"),
            ("capstan:handler/log@0.2.0", "capstan:handler/log@0.2.0: this host offers 0.1.0"),
            ("wasi:keyvalue/store@0.2.0", "wasi:keyvalue/store@0.2.0: this host has nothing of that name"),
            ("me:own/thing", "me:own/thing: this host has nothing of that name"),
        ] {
            assert_eq!(missing(import).as_deref(), Some(says));
        }
    }
}
