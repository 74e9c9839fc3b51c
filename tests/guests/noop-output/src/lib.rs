//! The kind `noop-output`: has an output folder, and writes one small file into it when told to.

use capstan_sdk::{Artifact, Empty, Failure, Handler, Job, Success};
use schemars::JsonSchema;
use serde::Deserialize;

/// Has an output folder.
#[derive(Default)]
pub struct NoopOutput;

/// Any JSON object.
#[derive(Deserialize, JsonSchema)]
pub struct Payload {
    /// Whether to write `out.txt`.
    #[serde(default)]
    pub write: bool,
}

impl Handler for NoopOutput {
    const KIND: &'static str = "noop-output";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "does nothing, or writes one small file";
    type Payload = Payload;
    type Config = Empty;
    type Result = ();

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new("out.txt", "text/plain", "a few bytes, if asked for")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<()>, Failure> {
        if job.payload().write {
            job.output().write("out.txt", "some output\n")?;
        }
        Ok(Success::Done(()))
    }
}

capstan_sdk::export!(NoopOutput);
