//! What authors rely on, seen from outside of the crate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod describe;
mod desk;
mod endpoint;
mod failure;
mod files;
mod handler;
mod log;
mod retrieve;
