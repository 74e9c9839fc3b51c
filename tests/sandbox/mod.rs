//! Guests of every sort against the sandbox: what each ends as, in which words, and
//! what it does to its neighbours.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod compile;
mod coredump;
mod desk;
mod endings;
mod files;
mod limit;
mod log;
mod neighbours;
mod outbound;
mod part;
mod quota;
mod smoke;
mod stage;
mod usage;
