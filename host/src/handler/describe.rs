//! What a handler says of itself, checked.

use super::schema::{self, SchemaError};
use crate::capability::grant::{self, Ask, Imports, Library, Models};
use crate::rules::enqueue::{Queueing, kinds};
use crate::rules::pattern::Pattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a description at most: 256 KiB.
pub const MAX_BYTES: usize = 256 << 10;
/// Kinds of one handler at most.
pub const MAX_KINDS: usize = 32;

/// A handler's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Its name: `a-z 0-9 -`, at most 64.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// What it does, in one line.
    #[serde(default)]
    pub about: String,
    /// The kinds of job that it does.
    pub kinds: Vec<KindDescription>,
    /// What it asks for.
    #[serde(default)]
    pub asks: Asks,
}

/// One kind of a handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindDescription {
    /// The kind: `a-z 0-9 -`, at most 64.
    pub kind: String,
    /// JSON Schema of the payload.
    #[serde(default = "anything")]
    pub payload: Value,
    /// JSON Schema of the configuration.
    #[serde(default = "anything")]
    pub config: Value,
    /// JSON Schema of the result.
    #[serde(default = "anything")]
    pub result: Value,
    /// The files that it makes; without any it has no `/output`.
    #[serde(default)]
    pub artifacts: Vec<ArtifactDescription>,
}

/// A file that a kind makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactDescription {
    /// Its path in `/output`.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// What it holds.
    #[serde(default)]
    pub about: String,
}

/// What a handler asks for. An ask that this version does not know is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asks {
    /// The folder of the job's import.
    pub imports: bool,
    /// Kinds whose current generations it reads.
    pub artifacts: Vec<String>,
    /// The folder of model files.
    pub models: bool,
    /// Requests that it sends.
    pub http: Vec<Pattern>,
    /// Secrets that go with its requests.
    pub secrets: Vec<String>,
    /// Whether it searches the library.
    pub retrieve: bool,
    /// What it can do without.
    pub optional: Optional,
    /// Jobs that it queues.
    pub enqueue: Vec<Queueing>,
}

/// What a handler can do without.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optional {
    /// Requests.
    pub http: Vec<Pattern>,
    /// Secrets that go with its requests.
    pub secrets: Vec<String>,
}

fn anything() -> Value {
    Value::Bool(true)
}

/// What is wrong with a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// It is too long.
    #[error("describe answered {0} bytes: at most {MAX_BYTES} are read")]
    Long(usize),
    /// It is not what the contract says.
    #[error("describe did not answer a description: {0}; its form is docs/describe.schema.json")]
    Form(String),
    /// A name that cannot be one.
    #[error("describe names {what} {name:?}: a name is 1 to 64 of a-z, 0-9 and -")]
    Name {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// No kinds, too many, or one twice.
    #[error("describe lists {0} kinds: 1 to {MAX_KINDS} different ones are allowed")]
    Kinds(usize),
    /// A schema that cannot be used.
    #[error("describe: {which} schema of kind {kind:?}: {error}")]
    Schema {
        /// The kind.
        kind: String,
        /// `payload`, `config` or `result`.
        which: &'static str,
        /// Why.
        error: SchemaError,
    },
}

impl Description {
    /// The description in what `describe` answered.
    ///
    /// # Errors
    /// It is not what the contract says.
    pub fn parse(text: &str) -> Result<Self, DescribeError> {
        if text.len() > MAX_BYTES {
            return Err(DescribeError::Long(text.len()));
        }
        let description: Self = serde_json::from_str(text).map_err(|error| DescribeError::Form(error.to_string()))?;
        description.names()?;
        for kind in &description.kinds {
            for (which, schema) in [("payload", &kind.payload), ("config", &kind.config), ("result", &kind.result)] {
                let wrong = |error| DescribeError::Schema { kind: kind.kind.clone(), which, error };
                schema::compile(schema).map_err(wrong)?;
            }
        }
        Ok(description)
    }

    fn names(&self) -> Result<(), DescribeError> {
        let asked = self.asks.artifacts.iter().map(|kind| ("the asked kind", kind));
        let kinds = self.kinds.iter().map(|kind| ("the kind", &kind.kind));
        let secrets = self.asks.secrets.iter().chain(&self.asks.optional.secrets).map(|name| ("the secret", name));
        for (what, name) in kinds.chain(asked).chain(secrets).chain([("the handler", &self.name)]) {
            if !is_name(name) {
                return Err(DescribeError::Name { what, name: name.clone() });
            }
        }
        let different: std::collections::BTreeSet<&str> = self.kinds.iter().map(|kind| kind.kind.as_str()).collect();
        if different.is_empty() || different.len() != self.kinds.len() || different.len() > MAX_KINDS {
            return Err(DescribeError::Kinds(self.kinds.len()));
        }
        Ok(())
    }

    /// What it asks for.
    pub fn ask(&self) -> Ask {
        Ask {
            imports: if self.asks.imports { Imports::Readable } else { Imports::Hidden },
            artifacts: self.asks.artifacts.iter().cloned().collect(),
            models: if self.asks.models { Models::Readable } else { Models::Hidden },
            http: self.asks.http.iter().cloned().collect(),
            secrets: self.asks.secrets.iter().cloned().collect(),
            library: if self.asks.retrieve { Library::Readable } else { Library::Hidden },
            optional: grant::Optional {
                http: self.asks.optional.http.iter().cloned().collect(),
                secrets: self.asks.optional.secrets.iter().cloned().collect(),
            },
            enqueue: kinds(&self.asks.enqueue),
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
