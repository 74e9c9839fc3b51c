//! The artifacts folder: scratch, publish, generations.
//!
//! A handler writes into a scratch folder. When its attempt is done the scratch is
//! checked, hashed, made durable and renamed to a generation, a folder with a name
//! that never existed; the database then points at it. Nothing else writes below
//! `artifacts/`, and a generation never changes. What a guest left is only touched
//! through directory handles that links cannot lead out of.
//!
//! What this cannot promise: that a generation is current (the database knows), that
//! a disk keeps what it said it had synced, or that nobody else edits the folder
//! ([`generation::verify`] notices).
//!
//! All functions block; call them where blocking is allowed.

pub mod collect;
pub mod generation;
pub mod name;
pub mod publish;
pub mod scratch;
pub mod spare;
