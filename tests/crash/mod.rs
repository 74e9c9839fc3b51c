//! The real binary, killed, and what the next one finds.

mod library;
mod poison;
mod point;
mod random;
