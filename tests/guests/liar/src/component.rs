//! The two exports, without the SDK's care.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use capstan_sdk::wit::capstan::handler::outcomes::{Coded, Problem, Rest};
use capstan_sdk::wit::{Failure, Guest, Job, Success};
use serde::Deserialize;

struct Liar;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    end: String,
    text: String,
    message: String,
    after_ms: u64,
}

impl Guest for Liar {
    fn describe() -> String {
        let says = String::from_utf8_lossy(black_box(&crate::SAYS)).trim_end().to_owned();
        match says.split_once(' ').unwrap_or((&says, "")) {
            ("@trap", _) => std::arch::wasm32::unreachable(),
            ("@spin", _) => loop {
                black_box(0);
            },
            ("@fickle", text) => text.replace('#', &RandomState::new().hash_one(0).to_string()),
            ("@repeat", times) => "x".repeat(times.parse().unwrap_or_default()),
            _ => says,
        }
    }

    fn run(job: &Job) -> Result<Success, Failure> {
        let Payload { end, text, message, after_ms } = serde_json::from_str(&job.payload()).unwrap_or_default();
        let problem = Problem { message, details: text.clone() };
        match end.as_str() {
            "done" => Ok(Success::Done(text)),
            "described" => Ok(Success::Done(Self::describe())),
            "unchanged" => Ok(Success::Unchanged(text)),
            "transient" => Err(Failure::Transient(problem)),
            "permanent" => Err(Failure::Permanent(problem)),
            "retry-after" => Err(Failure::RetryAfter(Rest { after_ms, problem })),
            _ => Err(Failure::Other(Coded { code: end, json: text })),
        }
    }
}

capstan_sdk::wit::export_component!(Liar with_types_in capstan_sdk::wit);
