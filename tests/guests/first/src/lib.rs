//! The kind `first`: a handler against the contract as it was when it was first written down.
//!
//! `wit/handler.wit` beside this file is that text, kept as it was; nothing here comes from the SDK. It calls
//! every function that the contract had, and answers what they said. If it stops running, a handler of some
//! author out there has stopped too.

#[cfg(target_family = "wasm")]
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::undocumented_unsafe_blocks)]
mod wit {
    wit_bindgen::generate!({ path: "wit", world: "handler", pub_export_macro: true });
}

#[cfg(target_family = "wasm")]
mod component;
