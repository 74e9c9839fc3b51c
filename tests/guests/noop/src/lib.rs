//! The kind `noop`: takes any JSON object, does nothing, answers `null`.
//!
//! What an attempt costs with it is what the host costs.

use capstan_sdk::{Empty, Failure, Handler, Job, Success};
use schemars::JsonSchema;
use serde::Deserialize;

/// Does nothing.
#[derive(Default)]
pub struct Noop;

/// Any JSON object.
#[derive(Deserialize, JsonSchema)]
pub struct Anything {}

impl Handler for Noop {
    const KIND: &'static str = "noop";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "does nothing";
    type Payload = Anything;
    type Config = Empty;
    type Result = ();

    fn run(&mut self, _job: &Job<Self>) -> Result<Success<()>, Failure> {
        Ok(Success::Done(()))
    }
}

capstan_sdk::export!(Noop);
