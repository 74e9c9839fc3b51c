//! One thing that a clerk does.

use std::time::Duration;

use capstan_sdk::{About, Failure, Job, Refusal, Scope, log};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Clerk;

/// One step, by the field `do`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Say how far it is.
    Progress {
        /// Steps that are done.
        done: u64,
        /// Steps in all.
        total: u64,
        /// What it is doing.
        note: String,
    },
    /// Answer what was kept, format and text, and log the format.
    Load,
    /// Keep a text.
    Save {
        /// The format tag.
        format: String,
        /// The text.
        text: String,
    },
    /// Keep so many bytes.
    SaveBytes {
        /// How many.
        bytes: usize,
    },
    /// Queue a job `times` times; answer the refusals, as name and words.
    Enqueue {
        /// Its kind.
        kind: String,
        /// Its payload.
        payload: Value,
        /// What it is about, if not the same subject.
        #[serde(default)]
        about: Option<String>,
        /// How often.
        #[serde(default = "once")]
        times: u32,
    },
    /// Queue a job of its own kind with the same payload.
    Again,
    /// Queue a job, and fail if it is not taken.
    MustEnqueue {
        /// Its kind.
        kind: String,
    },
    /// Search the library; answer subject, start, end and text of each passage, `times` times.
    Retrieve {
        /// What to look for.
        words: String,
        /// Only documents with one of these tags.
        #[serde(default)]
        tags: Vec<String>,
        /// How many passages at most.
        limit: u32,
        /// How often.
        #[serde(default = "once")]
        times: u32,
    },
    /// Say that so many tokens were used.
    Spend {
        /// How many.
        tokens: u64,
    },
    /// Wait in the host.
    Sleep {
        /// How many milliseconds.
        ms: u64,
    },
    /// Wait until it is told that it is cancelled, then fail with this message.
    UntilCancelled {
        /// The message.
        message: String,
    },
    /// As the step before, but succeed.
    DoneWhenCancelled,
    /// Ask once whether it is cancelled, then compute for ever.
    Ignore,
    /// Fail as transient in every attempt before `attempt`.
    DieUntil {
        /// The first attempt that goes on.
        attempt: u32,
    },
}

fn once() -> u32 {
    1
}

impl Step {
    pub(crate) fn take(&self, job: &Job<Clerk>) -> Result<Value, Failure> {
        match self {
            Self::Progress { done, total, note } => job.progress(*done, *total, note),
            Self::Load => {
                let saved = job.checkpoint().load()?;
                log::info!("found {}", saved.as_ref().map_or("nothing", |saved| saved.format.as_str()));
                return Ok(json!(
                    saved.map(|saved| (saved.format, String::from_utf8_lossy(&saved.bytes).into_owned()))
                ));
            }
            Self::Save { format, text } => job.checkpoint().save(format, text.as_bytes())?,
            Self::SaveBytes { bytes } => job.checkpoint().save("bytes", &vec![b'x'; *bytes])?,
            Self::Enqueue { kind, payload, about, times } => {
                return Ok(enqueue(job, kind, payload, about.as_deref(), *times));
            }
            Self::Again => job.enqueue("clerk", &json!({ "steps": [{ "do": "again" }] }))?,
            Self::MustEnqueue { kind } => job.enqueue(kind, &json!({}))?,
            Self::Retrieve { words, tags, limit, times } => return retrieve(job, words, tags, *limit, *times),
            Self::Spend { tokens } => job.spend_tokens(*tokens),
            Self::Sleep { ms } => std::thread::sleep(Duration::from_millis(*ms)),
            Self::UntilCancelled { message } => {
                wait(job);
                return Err(Failure::transient(message));
            }
            Self::DoneWhenCancelled => wait(job),
            Self::Ignore => {
                job.cancelled();
                spin()
            }
            Self::DieUntil { attempt } if job.attempt() < *attempt => {
                return Err(Failure::transient(format!("attempt {} of {attempt} dies", job.attempt())));
            }
            Self::DieUntil { .. } => {}
        }
        Ok(Value::Null)
    }
}

fn wait(job: &Job<Clerk>) {
    while !job.cancelled() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn spin() -> ! {
    let mut round = 0_u64;
    loop {
        round = std::hint::black_box(round.wrapping_add(1));
    }
}

fn retrieve(job: &Job<Clerk>, words: &str, tags: &[String], limit: u32, times: u32) -> Result<Value, Failure> {
    let scope = Scope { tags: tags.to_vec(), ..Scope::default() };
    let mut answers = Vec::new();
    for _ in 0..times {
        let found = job.retrieve(words, &scope, limit)?;
        answers = found.into_iter().map(|p| json!([p.subject, p.start, p.end, p.text])).collect();
    }
    Ok(Value::Array(answers))
}

fn enqueue(job: &Job<Clerk>, kind: &str, payload: &Value, about: Option<&str>, times: u32) -> Value {
    let about =
        about.map(|source| About { source: source.to_owned(), title: "a title".into(), tags: vec!["t".into()] });
    let refusals = (0..times).filter_map(|_| {
        let taken = match &about {
            Some(about) => job.enqueue_about(kind, payload, about),
            None => job.enqueue(kind, payload),
        };
        taken.err().map(|refusal| json!([name(&refusal), refusal.to_string()]))
    });
    refusals.collect()
}

fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Denied(_) => "denied",
        Refusal::UnknownKind(_) => "unknown-kind",
        Refusal::BadPayload(_) => "bad-payload",
        Refusal::TooMany(_) => "too-many",
        Refusal::TooDeep(_) => "too-deep",
        Refusal::BadSubject(_) => "bad-subject",
        Refusal::Other(_) => "other",
    }
}
