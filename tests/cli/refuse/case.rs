//! What is refused: a table for each noun.

mod handler;
mod import;
mod job;
mod key;
mod queue;
mod rest;

pub(super) use handler::HANDLERS;
pub(super) use import::IMPORTS;
pub(super) use job::JOBS;
pub(super) use key::KEYS;
pub(super) use queue::QUEUES;
pub(super) use rest::REST;

/// A command, its exit code, and what it complains of. `{…}` are files that lie beside the project.
pub(super) type Case = (&'static [&'static str], i32, &'static [&'static str]);

pub(super) const ODD: &str = r#"{"do": "echo"}"#;
const NOT_THERE: &str = "hint: `capstan job list` shows the jobs";
const NO_QUEUE: &[&str] = &["error: there is no queue \"nope\"", "hint: `capstan queue list` shows the queues"];
const NO_KEY: &[&str] = &["error: no job has or had key \"nope\"", "hint: `capstan key list` shows the keys"];
const NO_HANDLER: &[&str] = &["error: there is no handler \"nope\"", "hint: `capstan handler list` shows the handlers"];
const NO_IMPORT: &[&str] = &["error: there is no import 9", "hint: `capstan import list` shows the imports"];
const NO_SPAN: &str = "is no span of time: write a number with a unit, for example \"30s\" or \"2h\"";
const NO_RATE: &str = "is no rate: write a number and a unit of time, for example \"60/min\"";
const NO_BULK: &str = "hint: `capstan bulk list` shows the operations";
const PAGE: &[&str] = &["limit 10001 is out of range: 1 to 10000"];
