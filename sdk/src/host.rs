//! The real host, seen from inside the sandbox.
//!
//! Turns the generated interface types into the crate's own and back.

use std::mem::ManuallyDrop;
use std::path::Path;

use serde_json::Value;

use crate::enqueue::{About, Refusal};
use crate::log::Level;
use crate::wit::capstan::handler::{cancelled, checkpoint, enqueue, log as host, outcomes, progress, retrieve, spend};
use crate::{Failure, Passage, Problem, Saved, Scope, Success, wit};

/// What the host knows about the job. One call to the host per getter.
pub(crate) struct Facts {
    job: ManuallyDrop<wit::Job>,
}

impl Facts {
    pub(crate) fn of(job: &wit::Job) -> Self {
        // SAFETY: the handle is valid until the export `run` returns. Its only caller is
        // `run_component`, which drops the facts before that; handlers see them behind a reference that
        // cannot outlive the call, and `ManuallyDrop` leaves the release to the owner of `job`.
        let job = unsafe { wit::Job::from_handle(job.handle()) };
        Self { job: ManuallyDrop::new(job) }
    }

    pub(crate) fn id(&self) -> u64 {
        self.job.id()
    }

    pub(crate) fn kind(&self) -> String {
        self.job.kind()
    }

    pub(crate) fn subject(&self) -> String {
        self.job.subject()
    }

    pub(crate) fn source(&self) -> String {
        self.job.source()
    }

    pub(crate) fn title(&self) -> String {
        self.job.title()
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        self.job.tags()
    }

    pub(crate) fn payload(&self) -> String {
        self.job.payload()
    }

    pub(crate) fn config(&self) -> String {
        self.job.config()
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.job.attempt()
    }

    pub(crate) fn idempotency_key(&self) -> String {
        self.job.idempotency_key()
    }

    pub(crate) fn imports(&self) -> &Path {
        Path::new("/imports")
    }

    pub(crate) fn artifacts(&self) -> &Path {
        Path::new("/artifacts")
    }

    pub(crate) fn models(&self) -> &Path {
        Path::new("/models")
    }

    pub(crate) fn output(&self) -> &Path {
        Path::new("/output")
    }
}

pub(crate) fn log(level: Level, message: &str, fields: &[(String, String)]) {
    let level = match level {
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    host::write(level, message, fields);
}

/// What a guest hands in.
pub(crate) mod desk {
    use super::{
        About, Failure, Passage, Refusal, Saved, Scope, cancelled as stop, checkpoint, enqueue as jobs,
        progress as far, retrieve, spend,
    };

    pub(crate) fn progress(done: u64, total: u64, note: &str) {
        far::report(done, total, note);
    }

    pub(crate) fn load() -> Result<Option<Saved>, Failure> {
        let found = checkpoint::load()?;
        Ok(found.map(|checkpoint::Saved { format, digest, bytes }| Saved { format, digest, bytes }))
    }

    pub(crate) fn save(format: &str, bytes: &[u8]) -> Result<(), Failure> {
        Ok(checkpoint::save(format, bytes)?)
    }

    pub(crate) fn enqueue(kind: &str, payload: &str, about: Option<&About>) -> Result<(), Refusal> {
        let Some(About { source, title, tags }) = about else { return Ok(jobs::add(kind, payload)?) };
        let about = jobs::About { source: source.clone(), title: title.clone(), tags: tags.clone() };
        Ok(jobs::add_about(kind, payload, &about)?)
    }

    pub(crate) fn search(words: &str, scope: &Scope, limit: u32) -> Result<Vec<Passage>, Failure> {
        let Scope { subjects, sources, tags } = scope.clone();
        let found = retrieve::search(words, &retrieve::Scope { subjects, sources, tags }, limit)?;
        Ok(found.into_iter().map(Passage::from).collect())
    }

    pub(crate) fn tokens(used: u64) {
        spend::tokens(used);
    }

    pub(crate) fn cancelled() -> bool {
        stop::asked()
    }
}

impl From<checkpoint::Refusal> for Failure {
    fn from(refusal: checkpoint::Refusal) -> Self {
        match refusal {
            checkpoint::Refusal::TooLarge(words) | checkpoint::Refusal::BadFormat(words) => Self::permanent(words),
            checkpoint::Refusal::Other(words) => Self::transient(words),
        }
    }
}

impl From<retrieve::Refusal> for Failure {
    fn from(refusal: retrieve::Refusal) -> Self {
        match refusal {
            retrieve::Refusal::Denied(words)
            | retrieve::Refusal::BadQuery(words)
            | retrieve::Refusal::TooMany(words) => Self::permanent(words),
            retrieve::Refusal::Other(words) => Self::transient(words),
        }
    }
}

impl From<retrieve::Passage> for Passage {
    fn from(found: retrieve::Passage) -> Self {
        let retrieve::Passage { subject, title, url, heading, start, end, text, score } = found;
        Self { subject, title, url, heading, start, end, text, score }
    }
}

impl From<enqueue::Refusal> for Refusal {
    fn from(refusal: enqueue::Refusal) -> Self {
        match refusal {
            enqueue::Refusal::Denied(words) => Self::Denied(words),
            enqueue::Refusal::UnknownKind(words) => Self::UnknownKind(words),
            enqueue::Refusal::BadPayload(words) => Self::BadPayload(words),
            enqueue::Refusal::TooMany(words) => Self::TooMany(words),
            enqueue::Refusal::TooDeep(words) => Self::TooDeep(words),
            enqueue::Refusal::BadSubject(words) => Self::BadSubject(words),
            enqueue::Refusal::Other(words) => Self::Other(words),
        }
    }
}

impl From<Success<String>> for outcomes::Success {
    fn from(success: Success<String>) -> Self {
        match success {
            Success::Done(json) => Self::Done(json),
            Success::Unchanged(json) => Self::Unchanged(json),
        }
    }
}

impl From<Failure> for outcomes::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Transient(problem) => Self::Transient(problem.into()),
            Failure::RetryAfter { after, problem } => Self::RetryAfter(outcomes::Rest {
                after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                problem: problem.into(),
            }),
            Failure::Permanent(problem) => Self::Permanent(problem.into()),
            Failure::Other { code, json } => Self::Other(outcomes::Coded { code, json: json.to_string() }),
        }
    }
}

impl From<Problem> for outcomes::Problem {
    fn from(problem: Problem) -> Self {
        let details = match problem.details {
            Value::Null => String::new(),
            details => details.to_string(),
        };
        Self { message: problem.message, details }
    }
}
