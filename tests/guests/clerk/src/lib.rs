//! The kind `clerk`: hands things in, as its payload says: progress, checkpoints, further jobs.
//!
//! Steps are done in their order; the result is what each of them answered.

mod step;

use capstan_sdk::{Asks, Empty, Failure, Handler, Job, Success};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use step::Step;

/// Hands things in.
#[derive(Default)]
pub struct Clerk;

/// What to do, in this order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The steps.
    #[serde(default)]
    pub steps: Vec<Step>,
}

impl Handler for Clerk {
    const KIND: &'static str = "clerk";
    // As long as the name that the test crate writes over it.
    const NAME: &'static str = "clerk-of-the-first-watch";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "hands things in";
    type Payload = Payload;
    type Config = Empty;
    type Result = Vec<Value>;

    fn asks() -> Asks {
        Asks::default().enqueue("clerk").enqueue_any("noop").enqueue("missing").retrieve()
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Vec<Value>>, Failure> {
        job.payload().steps.iter().map(|step| step.take(job)).collect::<Result<_, _>>().map(Success::Done)
    }
}

capstan_sdk::export!(Clerk);
