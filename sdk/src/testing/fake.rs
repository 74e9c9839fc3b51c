//! The fake host: facts that a test chose, and a log that is kept.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::log::Level;

/// What the fake host says about the job; getters as of the real one.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) source: String,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) payload: String,
    pub(super) config: String,
    pub(super) attempt: u32,
    pub(super) imports: PathBuf,
    pub(super) artifacts: PathBuf,
    pub(super) models: PathBuf,
    pub(super) output: PathBuf,
}

impl Facts {
    /// Job 1 of a kind, in its first attempt, with nothing else to say and no folders.
    pub(crate) fn about(kind: &str) -> Self {
        Self {
            id: 1,
            kind: kind.to_owned(),
            subject: "0".repeat(32),
            source: String::new(),
            title: String::new(),
            tags: Vec::new(),
            payload: "{}".to_owned(),
            config: "{}".to_owned(),
            attempt: 1,
            imports: PathBuf::new(),
            artifacts: PathBuf::new(),
            models: PathBuf::new(),
            output: PathBuf::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn kind(&self) -> String {
        self.kind.clone()
    }

    pub(crate) fn subject(&self) -> String {
        self.subject.clone()
    }

    pub(crate) fn source(&self) -> String {
        self.source.clone()
    }

    pub(crate) fn title(&self) -> String {
        self.title.clone()
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        self.tags.clone()
    }

    pub(crate) fn payload(&self) -> String {
        self.payload.clone()
    }

    pub(crate) fn config(&self) -> String {
        self.config.clone()
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) fn idempotency_key(&self) -> String {
        format!("bench-{}", self.id)
    }

    pub(crate) fn imports(&self) -> &Path {
        &self.imports
    }

    pub(crate) fn artifacts(&self) -> &Path {
        &self.artifacts
    }

    pub(crate) fn models(&self) -> &Path {
        &self.models
    }

    pub(crate) fn output(&self) -> &Path {
        &self.output
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// Its fields, in their order.
    pub fields: Vec<(String, String)>,
}

thread_local! {
    static LOG: RefCell<Option<Vec<Entry>>> = const { RefCell::new(None) };
}

pub(crate) fn log(level: Level, message: &str, fields: Vec<(String, String)>) {
    LOG.with_borrow_mut(|log| match log {
        Some(entries) => entries.push(Entry { level, message: message.to_owned(), fields }),
        None => eprintln!("{level:?}: {message} {fields:?}"),
    });
}

/// What `act` returns, and what it logged on this thread.
pub(super) fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<Entry>) {
    LOG.set(Some(Vec::new()));
    let value = act();
    (value, LOG.take().unwrap_or_default())
}
