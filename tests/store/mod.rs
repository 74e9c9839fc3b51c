//! What every store must do, whatever database is behind it.
//!
//! One suite against the API of [`capstan::store::Store`]; only [`stage`] knows
//! how a store is opened. A second database runs the same tests.

mod accept;
mod artifact;
mod batch;
mod bulk;
mod checkpoint;
mod claim;
mod disk;
mod failure;
mod handler;
mod import;
mod job;
mod line;
mod model;
mod open;
mod pipeline;
mod queue;
mod random;
mod recovery;
mod retrieval;
mod search;
mod settle;
mod stage;
mod world;
