//! Replacing handlers while jobs flow.

mod ask;
mod fit;
mod folder;
mod load;
mod retire;
mod stage;
mod start;
