//! Replacing handlers while jobs flow.

mod ask;
mod bundled;
mod fit;
mod folder;
mod load;
mod retire;
pub(crate) mod stage;
mod start;
