//! What the tests of the binary share: projects in temporary folders, commands
//! and what they said, hosts in other processes, folders of pages, servers.

pub(crate) mod command;
pub(crate) mod openai;
pub(crate) mod pages;
pub(crate) mod project;
pub(crate) mod serving;
pub(crate) mod wait;
pub(crate) mod web;
