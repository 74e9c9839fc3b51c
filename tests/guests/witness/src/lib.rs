//! The kind `witness`: tells what it sees, which is its job, its configuration and what lies in folders.
//!
//! Looks are taken in their order, and a look that goes wrong is told as its error. Nothing of the payload is needed, so
//! that it can follow other kinds.

use std::fs;
use std::io;

use capstan_sdk::{Asks, Failure, Handler, Job, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Tells what it sees.
#[derive(Default)]
pub struct Witness;

/// Where to look.
#[derive(Deserialize, JsonSchema)]
pub struct Payload {
    /// The looks.
    #[serde(default)]
    pub looks: Vec<Look>,
    /// The first attempt that succeeds; those before it fail as transient.
    #[serde(default)]
    pub die_until: u32,
}

/// One look, by the field `at`. Paths go to the sandbox as they are.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
pub enum Look {
    /// The text of a file.
    File {
        /// Absolute.
        path: String,
    },
    /// The names in a folder, sorted.
    Folder {
        /// Absolute.
        path: String,
    },
    /// Whether a file can be written.
    Writing {
        /// Absolute.
        path: String,
    },
    /// Whether a file can be removed.
    Removing {
        /// Absolute.
        path: String,
    },
}

/// What it can be told.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Any text.
    pub greeting: String,
    /// Any number that is not negative.
    pub depth: u32,
}

impl Handler for Witness {
    const KIND: &'static str = "witness";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "tells what it sees";
    type Payload = Payload;
    type Config = Config;
    type Result = Value;

    fn asks() -> Asks {
        Asks::default().models()
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Value>, Failure> {
        log::info!("key {}", job.idempotency_key());
        if job.attempt() < job.payload().die_until {
            return Err(Failure::transient(format!("attempt {} dies", job.attempt())));
        }
        let looks = job.payload().looks.iter().map(|look| look.take().unwrap_or_else(|error| told(&error)));
        Ok(Success::Done(json!({
            "job": facts(job),
            "config": job.config(),
            "looks": looks.collect::<Vec<_>>(),
        })))
    }
}

impl Look {
    fn take(&self) -> io::Result<Value> {
        Ok(match self {
            Self::File { path } => fs::read_to_string(path)?.into(),
            Self::Folder { path } => {
                let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
                let mut names = names.collect::<io::Result<Vec<String>>>()?;
                names.sort();
                json!(names)
            }
            Self::Writing { path } => fs::write(path, "written").map(|()| "written".into())?,
            Self::Removing { path } => fs::remove_file(path).map(|()| "removed".into())?,
        })
    }
}

fn told(error: &io::Error) -> Value {
    json!({ "error": error.to_string() })
}

fn facts(job: &Job<Witness>) -> Value {
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

capstan_sdk::export!(Witness);
