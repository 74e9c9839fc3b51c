//! Run a handler natively against a fake host.
//!
//! A [`Bench`] holds what the host would give to one attempt; [`Bench::run`] lays out the folders in a
//! temporary place, goes through the same JSON as the exported component, and hands back a [`Run`].
//! Grants are taken as given, but only for what [`Handler::asks`](crate::Handler::asks) names. It enforces
//! no limits, checks nothing against the JSON Schemas, and a panic of the handler is a panic of the test.

mod bench;
pub(crate) mod desk;
mod fake;
mod folder;
mod run;
pub(crate) mod wire;

pub use bench::Bench;
pub use desk::{Progress, Queued};
pub use fake::Entry;
pub(crate) use fake::{Facts, log};
pub use folder::BenchError;
pub use run::Run;
pub use wire::{Answer, Asked};
