//! `capstan.toml`: what an operator may decide, with every default.
//!
//! Unknown keys are errors, and every span of time and every size carries its
//! unit. The commented default file ([`DEFAULT`]) is the reference; a test holds
//! it against the defaults in this module.

mod coredump;
mod failure;
mod import;
mod key;
pub mod layer;
mod limit;
pub mod live;
mod queue;
mod range;
mod retry;
mod unit;

use crate::rules::coredump::{Coredump, Dumps};
use crate::rules::enqueue::Queueing;
use crate::rules::key::Source;
use crate::rules::limit::Limits;
use crate::rules::pattern::Pattern;
use crate::rules::pipeline::{Pipeline, PipelineError};
use crate::rules::retry::Policy;
use crate::rules::time::Millis;
pub use coredump::CoredumpTable;
pub use failure::FailureTable;
pub use import::Import;
pub use key::{KeySection, KeyTable};
pub use limit::LimitsTable;
pub use queue::{QueueSection, QueueTable};
use range::Ranges;
pub use retry::{ClassTable, RetryTable};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that `init` writes.
pub const DEFAULT: &str = include_str!("default.toml");

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// It is not what capstan knows.
    #[error("{path}: {error}\nhint: the commented reference is what `capstan config default` prints")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason, with line and column.
        error: Box<toml::de::Error>,
    },
    /// What was set over the file is not in order.
    #[error("{0}")]
    Override(String),
    /// The pipeline is none.
    #[error("{path}: {error}")]
    Pipeline {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: PipelineError,
    },
    /// A number that is out of its range.
    #[error("{path}: {name} = {value} is out of range: it must be {range}")]
    Range {
        /// The file.
        path: PathBuf,
        /// The key.
        name: String,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
}

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct Config {
    /// `[worker]`
    pub worker: Worker,
    /// `[import]`
    pub import: Import,
    /// `[bulk]`
    pub bulk: Bulk,
    /// `[limits]`: the defaults of every handler.
    pub limits: LimitsTable,
    /// `[coredump]`
    pub coredump: CoredumpTable,
    /// `[failure]`
    pub failure: FailureTable,
    /// `[retry]`: the defaults of every kind.
    pub retry: RetryTable,
    /// `[queue]`
    pub queue: QueueSection,
    /// `[key]`
    pub key: KeySection,
    /// `[pipeline]`: kind = kinds that follow.
    pub pipeline: BTreeMap<String, Vec<String>>,
    /// `[search]`
    pub search: Search,
    /// `[handler.NAME]`
    pub handler: BTreeMap<String, HandlerTable>,
    /// `[kind.NAME]`
    pub kind: BTreeMap<String, KindTable>,
    /// `[net]`
    pub net: Net,
    /// `[secret.NAME]`
    pub secret: BTreeMap<String, SecretTable>,
    /// `[[grants]]`
    pub grants: Vec<GrantTable>,
}

/// How the outside is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Net {
    /// A PEM file of certificate authorities that are trusted beside Mozilla's list;
    /// relative to the project.
    pub ca: Option<PathBuf>,
}

/// A secret, where it is kept and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretTable {
    /// The header that it goes into, with `{}` in its place.
    pub header: String,
    /// The requests that it goes with.
    pub to: Vec<Pattern>,
    /// The variable of the host's environment that holds it.
    pub env: Option<String>,
    /// The file that holds it, relative to the project; for its owner alone (0600).
    pub file: Option<PathBuf>,
}

/// How much runs at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    /// Attempts in flight at most, waiting ones included. Default 1024.
    pub slots: u32,
    /// Threads that run guests; 0 means one per processor. Default 0.
    pub guest_threads: u32,
    /// How long a stopping host waits for attempts before it stops them. Default 10 s.
    #[serde(deserialize_with = "unit::duration")]
    pub grace: Millis,
}

impl Default for Worker {
    fn default() -> Self {
        Self { slots: 1024, guest_threads: 0, grace: Millis::seconds(10) }
    }
}

/// How operations on many jobs go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulk {
    /// Targets of one step, which is one commit. Default 1000.
    pub chunk: u32,
}

impl Default for Bulk {
    fn default() -> Self {
        Self { chunk: 1_000 }
    }
}

/// What is searched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// The kind whose `entry.json` says what documents say. Default `index`.
    pub entries: String,
    /// The kind whose vectors are compared, and whose handler embeds the words of a search. Default `embed`.
    pub vectors: String,
}

impl Default for Search {
    fn default() -> Self {
        Self { entries: "index".to_owned(), vectors: "embed".to_owned() }
    }
}

/// What is particular to a handler.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandlerTable {
    /// Its limits.
    pub limits: LimitsTable,
    /// Whether its guests leave core dumps. Default off.
    pub coredump: Dumps,
}

/// What is particular to a kind.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KindTable {
    /// Its retries.
    pub retry: RetryTable,
    /// Its queue; one of its own name without.
    pub queue: Option<String>,
    /// Where its jobs get their key from. By default from the host of their address for
    /// `ingest`, from nowhere for the others.
    pub key: Option<Source>,
    /// What its handler is configured with, as the handler's schema describes it.
    pub config: toml::Table,
}

/// What a handler's digest may touch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantTable {
    /// The handler's name, for people and for updates of bundled handlers.
    pub handler: String,
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// The folder of the job's import, read-only.
    #[serde(default)]
    pub imports: bool,
    /// Kinds whose current generations may be read.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// The folder `models/`, read-only.
    #[serde(default)]
    pub models: bool,
    /// Requests that may be sent.
    #[serde(default)]
    pub http: Vec<Pattern>,
    /// Secrets that may go with its requests.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Searching what all documents of the library say.
    #[serde(default)]
    pub retrieve: bool,
    /// Kinds of job that may be queued.
    #[serde(default)]
    pub enqueue: Vec<Queueing>,
}

impl Config {
    /// The configuration in a text; `path` is named in errors.
    ///
    /// # Errors
    /// It has unknown keys, or a value that cannot be.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        config.checked(path)
    }

    /// The configuration in tables that were merged; `path` is named in errors.
    fn of_table(table: toml::Table, path: &Path) -> Result<Self, ConfigError> {
        let config: Self =
            table.try_into().map_err(|error| ConfigError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        config.checked(path)
    }

    fn checked(self, path: &Path) -> Result<Self, ConfigError> {
        let config = self;
        config.pipeline().map_err(|error| ConfigError::Pipeline { path: path.to_owned(), error })?;
        config.ranges(path)?;
        Ok(config)
    }

    fn ranges(&self, path: &Path) -> Result<(), ConfigError> {
        let check = |name: &str, value: u64, least: u64, most: u64, range| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let (name, value) = (name.to_owned(), value.to_string());
            Err(ConfigError::Range { path: path.to_owned(), name, value, range })
        };
        check("worker.slots", self.worker.slots.into(), 1, 10_000, "1 to 10000")?;
        check("worker.guest_threads", self.worker.guest_threads.into(), 0, 1_024, "0 to 1024")?;
        for (name, secret) in &self.secret {
            if secret.env.is_some() == secret.file.is_some() {
                let (name, range) = (format!("secret.{name}"), "either `env` or `file`");
                let value = if secret.env.is_some() { "both" } else { "neither" }.to_owned();
                return Err(ConfigError::Range { path: path.to_owned(), name, value, range });
            }
        }
        check("bulk.chunk", self.bulk.chunk.into(), 1, 10_000, "1 to 10000")?;
        check("coredump.files", self.coredump.files, 0, 100_000, "0 to 100000")?;
        let ranges = Ranges(path);
        self.import.ranges(&ranges)?;
        for (name, kind) in [("entries", &self.search.entries), ("vectors", &self.search.vectors)] {
            let is_fit = Queueing::try_from(kind.clone()).is_ok_and(|entry| entry.kind == *kind);
            ranges.holds(is_fit, &format!("search.{name}"), kind, "a kind: 1 to 64 of a-z, 0-9 and -")?;
        }
        let are_two = self.search.entries != self.search.vectors;
        ranges.holds(are_two, "search.vectors", &self.search.vectors, "another kind than search.entries")?;
        self.failure.ranges(&ranges)?;
        self.queue.ranges(&ranges)?;
        self.key.ranges(&ranges)?;
        self.retry.ranges("retry", &ranges)?;
        for (kind, table) in &self.kind {
            table.retry.ranges(&format!("kind.{kind}.retry"), &ranges)?;
            let queue = table.queue.as_deref().unwrap_or("x");
            let range = "1 to 64 lower-case letters, digits, '-', '_' and '.'";
            ranges.holds(crate::rules::queue::name(queue).is_ok(), &format!("kind.{kind}.queue"), queue, range)?;
        }
        let limits = self.handler.iter().map(|(handler, table)| (format!("handler.{handler}.limits"), table.limits));
        for (name, table) in limits.chain([("limits".to_owned(), self.limits)]) {
            for (key, value, least, most, range) in table.bounded() {
                check(&format!("{name}.{key}"), value.unwrap_or(least), least, most, range)?;
            }
        }
        Ok(())
    }

    /// The pipeline.
    ///
    /// # Errors
    /// It goes round in a circle.
    pub fn pipeline(&self) -> Result<Pipeline, PipelineError> {
        Pipeline::new(self.pipeline.clone())
    }

    /// The limits of a handler.
    pub fn limits(&self, handler: &str) -> Limits {
        let base = self.limits.over(Limits::default());
        self.handler.get(handler).map_or(base, |table| table.limits.over(base))
    }

    /// Whether the attempts of a handler leave core dumps.
    pub fn coredump(&self, handler: &str) -> Coredump {
        match self.handler.get(handler).map(|table| table.coredump) {
            Some(Dumps::On) => Coredump::UpTo(self.coredump.bytes),
            Some(Dumps::Off) | None => Coredump::Off,
        }
    }

    /// Whether any handler's attempts leave core dumps.
    pub fn dumps(&self) -> Dumps {
        let is_wanted = self.handler.values().any(|table| table.coredump == Dumps::On);
        if is_wanted { Dumps::On } else { Dumps::Off }
    }

    /// The largest memory limit of all, which sizes the pool.
    pub fn largest_memory(&self) -> u64 {
        let named = self.handler.keys().map(|name| self.limits(name).memory).max().unwrap_or(0);
        named.max(self.limits("").memory)
    }

    /// The retry policy of a kind.
    pub fn policy(&self, kind: &str) -> Policy {
        retry::policy(&self.retry, self.kind.get(kind).map(|table| &table.retry))
    }

    /// The queue of a kind.
    pub fn queue(&self, kind: &str) -> String {
        self.kind.get(kind).and_then(|table| table.queue.as_deref()).unwrap_or(kind).to_owned()
    }

    /// The key of a job of this kind about this canonical source, if it has one.
    pub fn key(&self, kind: &str, source: &str) -> Option<String> {
        crate::rules::key::of_source(source, self.key_source(kind))
    }

    /// Where the jobs of this kind get their key from.
    pub fn key_source(&self, kind: &str) -> Source {
        let by_default = if kind == "ingest" { Source::Host } else { Source::None };
        self.kind.get(kind).and_then(|table| table.key).unwrap_or(by_default)
    }

    /// What the handler of a kind is configured with.
    pub fn of_kind(&self, kind: &str) -> serde_json::Value {
        let table = self.kind.get(kind).map(|table| table.config.clone()).unwrap_or_default();
        serde_json::to_value(table).unwrap_or_else(|_| serde_json::json!({}))
    }
}
