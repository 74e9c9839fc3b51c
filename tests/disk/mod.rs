//! The real binary on disks that say no.

mod database;
mod full;
mod namespace;
mod readonly;
