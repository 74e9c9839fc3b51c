//! Scratch, publish, generations: what is kept, what is refused, and in which order.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod generation;
mod publish;
mod refuse;
mod stage;
