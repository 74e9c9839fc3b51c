//! Capstan: a host for background jobs whose handlers nobody has to trust.
//!
//! Layered as `ARCHITECTURE.md` says: `main → {cli, http} → host → service →
//! {handler → sandbox → capability, artifact, store} → rules`.

pub mod artifact;
pub mod capability;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod handler;
pub mod host;
pub mod http;
pub mod project;
pub mod rules;
pub mod sandbox;
pub mod service;
pub mod store;

/// Much of what a job allocates is freed by another thread than the one that allocated it. The allocator of the C library
/// does that under a lock that both want, and took an eighth of the host's CPU when jobs are small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
