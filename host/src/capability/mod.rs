//! What a handler may touch: parse what it asks, intersect with what the operator
//! grants, open what remains.
//!
//! A handler holds nothing that is not both asked for by its author and granted
//! by the operator to exactly its digest. These modules decide and open; they
//! know nothing of jobs or of the engine, and cannot promise that an opened
//! folder keeps its contents.

pub mod checkpoint;
pub mod connect;
pub mod difference;
pub mod enqueue;
pub mod fs;
pub mod grant;
pub mod net;
pub mod retrieve;
pub mod secret;
