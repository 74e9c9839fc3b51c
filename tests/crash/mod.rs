//! The real binary, killed, and what the next one finds.

mod bulk;
mod checkpoint;
mod ending;
mod handler;
pub(crate) mod library;
mod load;
mod mixed;
mod point;
mod poison;
mod race;
pub(crate) mod random;
mod step;
mod sync;
