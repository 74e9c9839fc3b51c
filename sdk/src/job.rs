//! The job that an attempt is about.
//!
//! Payload and configuration are there when `run` starts; every other getter asks the host at each call
//! and copies the answer out, so keep an answer that is needed twice.

use std::fs;
use std::path::Path;

use crate::{Facts, Failure, Handler, Input, Output};

/// One job, as one attempt sees it.
pub struct Job<H: Handler> {
    payload: H::Payload,
    config: H::Config,
    facts: Facts,
}

impl<H: Handler> Job<H> {
    pub(crate) fn new(payload: H::Payload, config: H::Config, facts: Facts) -> Self {
        Self { payload, config, facts }
    }

    /// What the job carries.
    pub fn payload(&self) -> &H::Payload {
        &self.payload
    }

    /// What the operator set for this kind, or the default.
    pub fn config(&self) -> &H::Config {
        &self.config
    }

    /// The job's number; the same in every attempt.
    pub fn id(&self) -> u64 {
        self.facts.id()
    }

    /// What the job asks for.
    pub fn kind(&self) -> String {
        self.facts.kind()
    }

    /// The id of the document: 32 lower-case hex digits that the host computed from the source.
    pub fn subject(&self) -> String {
        self.facts.subject()
    }

    /// Where the document comes from: an absolute URL, or empty when the job has no source.
    pub fn source(&self) -> String {
        self.facts.source()
    }

    /// A title that came with the job, or empty.
    pub fn title(&self) -> String {
        self.facts.title()
    }

    /// Tags that came with the job, in their order.
    pub fn tags(&self) -> Vec<String> {
        self.facts.tags()
    }

    /// Which try this is in the current round, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.facts.attempt()
    }

    /// The same text in every attempt of this job, and another one in every other job: hand it to
    /// services that can drop repeats.
    pub fn idempotency_key(&self) -> String {
        self.facts.idempotency_key()
    }

    /// The folder that the job's import is about, read-only.
    ///
    /// # Errors
    ///
    /// Permanent when there is none: the job does not come from the import of a folder, the handler
    /// does not ask for it ([`Asks::imports`](crate::Asks::imports)), or the operator did not grant it.
    pub fn imports(&self) -> Result<Input, Failure> {
        folder(self.facts.imports()).ok_or_else(|| {
            Failure::permanent(
                "/imports is not there; the job comes from no imported folder, or `imports` was not asked for or not granted",
            )
        })
    }

    /// What `kind` has made of the job's subject, read-only: the generation that was current when the
    /// attempt began. `None` when there is none, or when it was not asked for
    /// ([`Asks::artifacts`](crate::Asks::artifacts)) or not granted.
    pub fn input(&self, kind: &str) -> Option<Input> {
        folder(&self.facts.artifacts().join(kind))
    }

    /// The scratch folder, empty at the start. It is published when `run` ends with
    /// [`Success::Done`](crate::Success::Done). Writing fails when [`Handler::artifacts`] lists nothing.
    pub fn output(&self) -> Output {
        Output::at(self.facts.output())
    }
}

fn folder(path: &Path) -> Option<Input> {
    fs::metadata(path).is_ok_and(|found| found.is_dir()).then(|| Input::at(path))
}
