//! The manifest of a program: what `describe` is to a handler of the contract.
//!
//! It is the same document (`docs/describe.schema.json`), written into a file beside the
//! component. When the program is added the two become one: the manifest is put into the
//! component as a custom section, so that one digest stands for both, and a changed
//! manifest is another handler, whose asks have to be agreed to. A component that carries
//! its manifest already needs none beside it.

use super::describe::MAX_BYTES;
use std::path::{Path, PathBuf};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

/// The custom section that holds it.
const SECTION: &str = "capstan:manifest";

/// Why component and manifest do not become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON.
    #[error("is not JSON: {0}; its form is docs/describe.schema.json")]
    Json(String),
    /// It is too long.
    #[error("has {0} bytes: at most {MAX_BYTES} are read")]
    Long(usize),
    /// The component says itself what it is.
    #[error("is not needed: the component describes itself; leave --manifest out")]
    Described,
    /// The component has another one inside.
    #[error("is another one than the component carries inside: leave one of them out")]
    Two,
}

/// The parts of a component itself, without those of what is nested in it: nested ones
/// may not speak for it.
fn outermost(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(wasm).map_while(Result::ok).filter(move |payload| match payload {
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
            depth += 1;
            false
        }
        Payload::End(_) => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    })
}

/// The manifest inside a component.
pub fn within(wasm: &[u8]) -> Option<&str> {
    outermost(wasm).find_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == SECTION => std::str::from_utf8(section.data()).ok(),
        _ => None,
    })
}

/// Whether a component is a program: it exports `wasi:cli/run` and no `describe`.
pub fn is_program(wasm: &[u8]) -> bool {
    let (mut runs, mut describes) = (false, false);
    for payload in outermost(wasm) {
        let Payload::ComponentExportSection(exports) = payload else { continue };
        for export in exports.into_iter().flatten() {
            runs |= export.name.name.starts_with("wasi:cli/run@0.2.");
            describes |= export.name.name == "describe";
        }
    }
    runs && !describes
}

/// Where the manifest of a component lies: the same name, ending in `.json`.
pub fn beside(component: &Path) -> PathBuf {
    component.with_extension("json")
}

/// Why a component cannot be read from the disk.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The component.
    #[error("component {path}: {error}")]
    Component {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// Its manifest.
    #[error("manifest {path}: {error}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The two do not go together.
    #[error("manifest {path} {error}")]
    Unfit {
        /// The file of the manifest.
        path: PathBuf,
        /// The reason.
        error: ManifestError,
    },
}

/// Read a component; a program together with its manifest, if there is one: the named
/// one, or what lies beside it.
///
/// # Errors
/// A file cannot be read, or the two do not go together.
pub fn read(component: &Path, manifest: Option<&Path>) -> Result<Vec<u8>, ReadError> {
    let wasm = std::fs::read(component).map_err(|error| ReadError::Component { path: component.to_owned(), error })?;
    let found = || Some(beside(component)).filter(|path| path.is_file() && is_program(&wasm));
    let Some(path) = manifest.map(Path::to_owned).or_else(found) else { return Ok(wasm) };
    match std::fs::read_to_string(&path) {
        Ok(text) => seal(&wasm, &text).map_err(|error| ReadError::Unfit { path, error }),
        Err(error) => Err(ReadError::Manifest { path, error }),
    }
}

/// Put a manifest into a program.
///
/// # Errors
/// The two do not go together; the manifest's content is checked when it is loaded.
pub fn seal(wasm: &[u8], manifest: &str) -> Result<Vec<u8>, ManifestError> {
    if manifest.len() > MAX_BYTES {
        return Err(ManifestError::Long(manifest.len()));
    }
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let value = parse(manifest).map_err(|error| ManifestError::Json(error.to_string()))?;
    if !is_program(wasm) {
        return Err(ManifestError::Described);
    }
    match within(wasm).map(parse) {
        Some(Ok(inside)) if inside == value => return Ok(wasm.to_vec()),
        Some(_) => return Err(ManifestError::Two),
        None => {}
    }
    let mut sealed = wasm.to_vec();
    let section = CustomSection { name: SECTION.into(), data: value.to_string().into_bytes().into() };
    section.append_to_component(&mut sealed);
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A component that exports an instance of this name, with `inside` around a module of its own.
    fn program(export: &str) -> Vec<u8> {
        use wasm_encoder::{
            Component, ComponentExportKind, ComponentExportSection, Module, ModuleSection, NestedComponentSection,
        };
        let (mut nested, mut module) = (Component::new(), Module::new());
        nested.section(&CustomSection { name: SECTION.into(), data: b"{\"not\": \"mine\"}".as_slice().into() });
        module.section(&CustomSection { name: SECTION.into(), data: b"{\"nor\": \"mine\"}".as_slice().into() });
        let mut component = Component::new();
        component.section(&NestedComponentSection(&nested));
        component.section(&ModuleSection(&module));
        let mut exports = ComponentExportSection::new();
        exports.export(export, ComponentExportKind::Instance, 0, None);
        component.section(&exports);
        component.finish()
    }

    #[test]
    fn a_manifest_becomes_one_with_its_program() {
        let wasm = program("wasi:cli/run@0.2.6");
        assert!(is_program(&wasm));
        assert_eq!(within(&wasm), None, "what is nested does not speak for it");
        let sealed = seal(&wasm, "{\n  \"name\": \"x\"\n}").unwrap();
        assert_eq!(within(&sealed), Some("{\"name\":\"x\"}"));
        assert!(sealed.starts_with(&wasm) && is_program(&sealed));
        assert_eq!(seal(&sealed, "{\"name\": \"x\"}").as_ref(), Ok(&sealed));
        assert_eq!(seal(&sealed, "{\"name\": \"y\"}"), Err(ManifestError::Two));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let wasm = program("wasi:cli/run@0.2.6");
        assert!(matches!(seal(&wasm, "name = 1"), Err(ManifestError::Json(_))));
        assert_eq!(seal(&wasm, &"1".repeat(MAX_BYTES + 1)), Err(ManifestError::Long(MAX_BYTES + 1)));
        assert_eq!(seal(&program("wasi:cli/run@0.3.0"), "{}"), Err(ManifestError::Described));
        assert_eq!(seal(b"no component", "{}"), Err(ManifestError::Described));
    }
}
