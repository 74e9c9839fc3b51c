//! The kind `odd`: does the one odd or hostile thing that its payload names.
//!
//! `{"do": "spin"}` never ends, `{"do": "panic", "message": "no"}` panics, and so on: see [`Do`]. Files
//! named in `"write"` are written first, so that every ending can be had with something in `/output`.
//! Paths are absolute and go to the sandbox as they are, past the SDK's own checks.

mod fs;
mod limits;

use std::collections::BTreeMap;
use std::time::Duration;

use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success, log};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Does odd things.
#[derive(Default)]
pub struct Odd;

/// What to do.
#[derive(Deserialize, JsonSchema)]
pub struct Payload {
    /// Files to write into `/output` before anything else: relative path and content.
    #[serde(default)]
    pub write: BTreeMap<String, String>,
    /// The odd thing.
    #[serde(flatten)]
    pub what: Do,
}

/// The odd thing, by the field `do`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Do {
    /// Answer every getter of the job.
    Echo,
    /// Answer `value`.
    Answer {
        /// Any JSON.
        value: Value,
    },
    /// Answer a text of `bytes` letters.
    BigResult {
        /// Its length.
        bytes: usize,
    },
    /// Answer a random number and the time.
    Random,
    /// End as unchanged.
    Unchanged,
    /// Fail as transient.
    Transient {
        /// The message.
        message: String,
    },
    /// Fail as permanent, with details.
    Permanent {
        /// The message.
        message: String,
    },
    /// Ask to run again.
    RetryAfter {
        /// In how many milliseconds.
        ms: u64,
    },
    /// Fail with a code.
    Other {
        /// The code.
        code: String,
    },
    /// Fail as transient in every attempt before `attempt`.
    DieUntil {
        /// The first attempt that succeeds.
        attempt: u32,
    },
    /// Trap in every attempt before `attempt`.
    TrapUntil {
        /// The first attempt that succeeds.
        attempt: u32,
    },
    /// Log one entry per level, with a field.
    Log {
        /// The message.
        message: String,
    },
    /// Use up something: see `limits::Limit`.
    #[serde(untagged)]
    Limit(limits::Limit),
    /// Touch files: see `fs::Touch`.
    #[serde(untagged)]
    Touch(fs::Touch),
}

impl Handler for Odd {
    const KIND: &'static str = "odd";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "does odd and hostile things";
    type Payload = Payload;
    type Config = Empty;
    type Result = Value;

    fn asks() -> Asks {
        Asks::default().imports().artifacts("ingest").artifacts("odd")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new("odd.txt", "text/plain", "whatever the payload says")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Value>, Failure> {
        let payload = job.payload();
        for (path, text) in &payload.write {
            job.output().write(path, text)?;
        }
        match &payload.what {
            Do::Unchanged => Ok(Success::Unchanged(Value::Null)),
            what => act(job, what).map(Success::Done),
        }
    }
}

fn act(job: &Job<Odd>, what: &Do) -> Result<Value, Failure> {
    match what {
        Do::Echo => Ok(echo(job)),
        Do::Answer { value } => Ok(value.clone()),
        Do::BigResult { bytes } => Ok("x".repeat(*bytes).into()),
        Do::Random => random(),
        Do::Unchanged => Ok(Value::Null),
        Do::Transient { message } => Err(Failure::transient(message)),
        Do::Permanent { message } => Err(Failure::permanent(message).details(json!({ "odd": true }))),
        Do::RetryAfter { ms } => Err(Failure::retry_after(Duration::from_millis(*ms), "told to come back")),
        Do::Other { code } => Err(Failure::Other { code: code.clone(), json: json!({ "odd": true }) }),
        Do::DieUntil { attempt } if job.attempt() < *attempt => {
            Err(Failure::transient(format!("attempt {} of {attempt} dies", job.attempt())))
        }
        Do::TrapUntil { attempt } if job.attempt() < *attempt => limits::trap(),
        Do::DieUntil { .. } | Do::TrapUntil { .. } => Ok(job.attempt().into()),
        Do::Log { message } => {
            log::debug!("{message}"; "level" => "debug");
            log::info!("{message}"; "level" => "info");
            log::warn!("{message}"; "level" => "warn");
            log::error!("{message}"; "level" => "error");
            Ok(Value::Null)
        }
        Do::Limit(limit) => limits::reach(limit),
        Do::Touch(touch) => fs::touch(job, touch),
    }
}

fn echo(job: &Job<Odd>) -> Value {
    json!({
        "id": job.id(),
        "kind": job.kind(),
        "subject": job.subject(),
        "source": job.source(),
        "title": job.title(),
        "tags": job.tags(),
        "attempt": job.attempt(),
        "idempotency_key": job.idempotency_key(),
    })
}

fn random() -> Result<Value, Failure> {
    use std::hash::{BuildHasher, RandomState};
    use std::time::{SystemTime, UNIX_EPOCH};

    let now = SystemTime::now().duration_since(UNIX_EPOCH).permanent("the clock")?;
    Ok(json!({ "random": RandomState::new().hash_one(0), "unix_seconds": now.as_secs() }))
}

capstan_sdk::export!(Odd);
