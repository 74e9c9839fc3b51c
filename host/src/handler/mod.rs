//! Handlers: what they say of themselves, their compiled form, and which one
//! does a kind.
//!
//! A handler is a file named by its digest in `handlers/`. Before it is used it
//! is compiled (or taken from the verified cache), asked to describe itself in a
//! sandbox without grants, and its answer is checked; a program has its manifest for
//! that. Nothing here knows the queue.

pub mod bundled;
pub mod cache;
pub mod describe;
pub mod loaded;
pub mod manifest;
pub mod schema;
