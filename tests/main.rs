//! Integration tests: one binary, one folder or file by noun.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod artifact;
mod cli;
mod crash;
mod disk;
mod handler;
mod layering;
mod rules;
mod sandbox;
mod store;
mod support;
