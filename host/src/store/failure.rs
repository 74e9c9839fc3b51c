//! The failure log: which failures there are, and what they have in common.
//!
//! An entry is written in the transaction that moves its job to `failed`, and says what it
//! said then for ever; what changes is whether and how it was resolved. Looking for a text
//! reads every entry that the rest of the filter leaves; everything else is a range of an
//! index or reads what it finds.

mod filter;

pub use filter::{FailureFilter, Which};
