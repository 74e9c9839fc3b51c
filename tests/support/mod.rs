//! What the tests of the binary share: projects in temporary folders, commands
//! and what they said, hosts in other processes, folders of pages, servers.

pub(crate) mod command;
pub(crate) mod openai;
pub(crate) mod pages;
pub(crate) mod project;
pub(crate) mod serving;
pub(crate) mod wait;
pub(crate) mod web;

use capstan::handler::bundled;

/// How many handlers come with the program.
pub(crate) const BUNDLED: usize = bundled::ALL.len();

/// The kinds that there are: those of the bundled handlers, and these, as a refusal lists them.
pub(crate) fn kinds_and(more: &[&str]) -> String {
    let mut kinds: Vec<&str> = bundled::ALL.iter().map(|bundled| bundled.name).chain(more.iter().copied()).collect();
    kinds.sort_unstable();
    kinds.join(", ")
}
