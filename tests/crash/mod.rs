//! The real binary, killed, and what the next one finds.

mod checkpoint;
mod handler;
mod library;
mod point;
mod poison;
mod random;
mod sync;
