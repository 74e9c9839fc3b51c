//! What things are and what happens next.
//!
//! Everything here is a value or a pure function of (record, event, policy, now,
//! random). Nothing here does I/O, is async, reads a clock or rolls a die; the
//! time and the randomness are parameters, so each rule can be tested by a
//! property and replayed exactly.

pub mod address;
pub mod attempt;
pub mod blame;
pub mod bulk;
pub mod checkpoint;
pub mod coredump;
pub mod deferred;
pub mod enqueue;
pub mod entry;
pub mod explain;
pub mod failure;
pub mod format;
pub mod handler;
pub mod import;
pub mod job;
pub mod key;
pub mod limit;
pub mod list;
pub mod margin;
pub mod pace;
pub mod pattern;
pub mod pipeline;
pub mod progress;
pub mod queue;
pub mod rate;
pub mod recovery;
pub mod retrieve;
pub mod retry;
pub mod search;
pub mod subject;
pub mod time;
pub mod unique;
pub mod vector;
