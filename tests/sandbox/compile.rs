//! What becomes a component that can be run, and what `describe` may do.

use super::stage::{engine, prepare, wait};
use capstan::rules::attempt::Class;
use capstan::sandbox::{CompileError, Engine, EngineOptions};

#[test]
fn a_core_module_is_named_as_one() {
    assert_eq!(engine().compile(b"\0asm\x01\0\0\0"), Err(CompileError::Module));
}

#[test]
fn rubbish_is_no_component() {
    let error = engine().compile(b"rubbish").unwrap_err();
    assert!(error.to_string().starts_with("not a valid component: "), "{error}");
}

#[test]
fn every_unknown_import_is_named() {
    let wat = br#"(component
        (import "wasi:keyvalue/store@0.2.0-draft" (instance))
        (import "wasi:cli/environment@0.3.0" (instance))
        (import "me:own/thing" (func)))"#;
    let Err(CompileError::Imports(names)) = engine().compile(wat) else {
        // The engine is built without the text format: encode it by hand.
        return encoded_imports();
    };
    assert_eq!(names.len(), 3);
}

fn encoded_imports() {
    // A component with two imported empty instances: type section, import section.
    let import = |name: &str| {
        let mut bytes = vec![0x00, u8::try_from(name.len()).unwrap()];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&[0x05, 0x00]);
        bytes
    };
    let names = ["wasi:keyvalue/store@0.2.0-draft", "wasi:cli/environment@0.3.0"];
    let imports: Vec<u8> = names.iter().flat_map(|name| import(name)).collect();
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    wasm.extend_from_slice(&[0x07, 0x03, 0x01, 0x42, 0x00]);
    wasm.extend_from_slice(&[0x0a, u8::try_from(imports.len() + 1).unwrap(), 0x02]);
    wasm.extend_from_slice(&imports);
    let error = engine().compile(&wasm).unwrap_err();
    let CompileError::Imports(missing) = &error else { panic!("{error}") };
    assert_eq!(missing.iter().map(|missing| missing.import.as_str()).collect::<Vec<_>>(), names);
    assert!(error.to_string().contains("wasi:cli/environment@0.3.0: this host offers 0.2.12"), "{error}");
}

#[test]
fn a_component_without_the_exports_is_not_a_handler() {
    let error = engine().compile(b"\0asm\x0d\0\x01\0").unwrap_err();
    assert!(error.to_string().starts_with("does not match the world capstan:handler/handler@0.1.0: "), "{error}");
}

#[test]
fn code_compiled_by_one_engine_loads_into_a_like_one() {
    let other = Engine::new(&EngineOptions { slots: 1, memory: 1 << 20, ..EngineOptions::default() }).unwrap();
    assert_eq!(other.compatibility(), engine().compatibility());
    assert_eq!(other.compatibility().len(), 64);
    let compiled = engine().compile(capstan_test_guests::noop()).unwrap();
    // The slot is too small for the guest's memory: it must run on demand.
    // SAFETY: compiled a line above, by an engine with the same compatibility.
    let noop = unsafe { other.load(&compiled) }.unwrap();
    assert!(wait(other.describe(&noop)).unwrap().contains("noop"));
}

#[test]
fn broken_compiled_code_is_refused() {
    // SAFETY: the engine checks the header before anything else.
    assert!(unsafe { engine().load(b"not compiled code") }.is_err());
}

#[test]
fn describe_is_bounded() {
    let describe = |text: &str| {
        let liar = prepare(engine(), &capstan_test_guests::liar(text).unwrap());
        wait(engine().describe(&liar))
    };
    assert_eq!(describe("hello").unwrap(), "hello");
    assert_eq!(describe("@trap").unwrap_err().class, Class::Trap);
    let long = describe("@repeat 300000").unwrap_err();
    assert_eq!(long.message, "describe returned 300000 bytes; 262144 are allowed");
    assert_eq!(describe("@spin").unwrap_err().class, Class::CpuLimit);
}
