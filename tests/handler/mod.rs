//! Replacing handlers while jobs flow, and that jobs flow.

mod ask;
mod bundled;
mod claim;
mod fit;
mod folder;
mod load;
mod retire;
pub(crate) mod stage;
mod start;
