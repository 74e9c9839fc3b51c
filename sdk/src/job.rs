//! The job that an attempt is about.
//!
//! Payload and configuration are there when `run` starts; every other getter asks the host at each call
//! and copies the answer out, so keep an answer that is needed twice.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::{
    About, Checkpoint, Facts, Failure, Handler, Input, Output, Passage, Refusal, Scope, desk, enqueue, retrieve,
};

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

    /// The folder of the project's model files, read-only.
    ///
    /// # Errors
    ///
    /// Permanent when the handler does not ask for it ([`Asks::models`](crate::Asks::models)) or the operator did not
    /// grant it.
    pub fn models(&self) -> Result<Input, Failure> {
        folder(self.facts.models())
            .ok_or_else(|| Failure::permanent("/models is not there; `models` was not asked for or not granted"))
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

    /// Say how far the attempt is: `done` steps of `total` (0 when nobody knows), and in one line what it is
    /// doing (at most 256 bytes are kept). `capstan job show` shows the last word.
    pub fn progress(&self, done: u64, total: u64, note: impl AsRef<str>) {
        desk::progress(done, total, note.as_ref());
    }

    /// What this attempt keeps for the next one, and what an earlier one kept.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint(())
    }

    /// Queue a job of `kind` about the same subject when this attempt succeeds.
    ///
    /// # Errors
    ///
    /// The host does not take it; as a [`Failure`] that is permanent.
    pub fn enqueue<T: Serialize>(&self, kind: &str, payload: &T) -> Result<(), Refusal> {
        enqueue::add(kind, payload, None)
    }

    /// Queue a job of `kind` about another subject when this attempt succeeds; needs
    /// [`Asks::enqueue_any`](crate::Asks::enqueue_any).
    ///
    /// # Errors
    ///
    /// As [`Job::enqueue`].
    pub fn enqueue_about<T: Serialize>(&self, kind: &str, payload: &T, about: &About) -> Result<(), Refusal> {
        enqueue::add(kind, payload, Some(about))
    }

    /// The passages of the library that answer these words best, the best first: at most `limit` (1 to 50), which
    /// may be several of one document.
    ///
    /// # Errors
    ///
    /// Permanent when it was not asked for ([`Asks::retrieve`](crate::Asks::retrieve)) or not granted, when there
    /// is nothing to look for, or after more than `limits.retrievals` calls; transient when the host cannot
    /// search now.
    pub fn retrieve(&self, words: &str, scope: &Scope, limit: u32) -> Result<Vec<Passage>, Failure> {
        retrieve::search(words, scope, limit)
    }

    /// Say that so many tokens of a model were used, in addition to those said before. They are kept with the
    /// usage of the attempt and charged to the budget of the job's queue when the attempt ends, however it ends.
    pub fn spend_tokens(&self, used: u64) {
        desk::tokens(used);
    }

    /// Whether the job was cancelled or the host shuts down: there are a few seconds left to keep a
    /// checkpoint and to return a failure, whose message is kept. A handler that never asks is stopped at
    /// once.
    pub fn cancelled(&self) -> bool {
        desk::cancelled()
    }
}

fn folder(path: &Path) -> Option<Input> {
    fs::metadata(path).is_ok_and(|found| found.is_dir()).then(|| Input::at(path))
}
