//! What a component says about itself.
//!
//! [`Description`] is the document that `describe` returns, as `docs/describe.schema.json` publishes
//! it; authors only meet [`Asks`] and [`Artifact`]. Schemas are JSON Schema draft 2020-12, complete in
//! themselves (references stay within the document).

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::Handler;

/// The document that `describe` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "What a Capstan handler says about itself")]
pub struct Description {
    /// The name of the component, for example `normalise`.
    pub name: String,
    /// Its version, for example `1.4.0`.
    pub version: String,
    /// One line for operators.
    pub about: String,
    /// The kinds of job it does; at least one.
    #[schemars(length(min = 1))]
    pub kinds: Vec<Kind>,
    /// What it wants to touch.
    pub asks: Asks,
}

/// One kind of job that a component does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Kind {
    /// Its name: `a-z`, `0-9` and `-`.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,63}$"))]
    pub kind: String,
    /// The JSON Schema of a job's payload.
    pub payload: Schema,
    /// The JSON Schema of the operator's configuration; it accepts `{}`.
    pub config: Schema,
    /// The JSON Schema of the result.
    pub result: Schema,
    /// The files it makes. Without any there is no `/output`.
    pub artifacts: Vec<Artifact>,
}

/// A file that a kind of job makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Artifact {
    /// Its path below `/output`, with `/` between the parts.
    pub path: String,
    /// Its media type, for example `text/markdown`.
    pub media_type: String,
    /// One line about what is in it.
    pub about: String,
}

impl Artifact {
    /// A file at `path` below the output, of `media_type`, with one line about it.
    pub fn new(path: impl Into<String>, media_type: impl Into<String>, about: impl Into<String>) -> Self {
        Self { path: path.into(), media_type: media_type.into(), about: about.into() }
    }
}

/// What a component wants to touch. The operator's grants decide what it gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Asks {
    /// To read the folder that the job's import is about, as `/imports`.
    pub imports: bool,
    /// To read what these kinds have made of the job's subject, as `/artifacts/<kind>`.
    pub artifacts: Vec<String>,
    /// To read the project's model files, as `/models`.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(default)]
    pub models: bool,
    /// To send these requests, for example `GET,POST https://*.example.org`: methods (`GET,HEAD` when
    /// there are none, `*` for all), scheme, host, port (the usual one when there is none, `*` for any).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub http: Vec<String>,
    /// To have these secrets of the operator put into its requests, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub secrets: Vec<String>,
    /// To search what all documents of the library say.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(default)]
    pub retrieve: bool,
    /// What it can do without: nothing of it is granted by default, and nothing is refused for want of it.
    #[serde(skip_serializing_if = "Optional::is_empty")]
    #[schemars(default)]
    pub optional: Optional,
    /// To queue jobs of these kinds: `normalise` about the job's own subject, `ingest:any` about any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub enqueue: Vec<String>,
}

/// What a component can do without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Optional {
    /// Requests, as in `http` of what it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub http: Vec<String>,
    /// Secrets in its requests, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub secrets: Vec<String>,
}

impl Optional {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's shape
fn is_false(value: &bool) -> bool {
    !*value
}

impl Asks {
    /// Also the folder that the job's import is about.
    #[must_use]
    pub fn imports(mut self) -> Self {
        self.imports = true;
        self
    }

    /// Also what `kind` has made of the job's subject.
    #[must_use]
    pub fn artifacts(mut self, kind: impl Into<String>) -> Self {
        add(&mut self.artifacts, kind.into());
        self
    }

    /// Also the project's model files.
    #[must_use]
    pub fn models(mut self) -> Self {
        self.models = true;
        self
    }

    /// Also requests that match this pattern.
    #[must_use]
    pub fn http(mut self, pattern: impl Into<String>) -> Self {
        add(&mut self.http, pattern.into());
        self
    }

    /// Also the operator's secret of this name in its requests.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>) -> Self {
        add(&mut self.secrets, name.into());
        self
    }

    /// Also to search what all documents of the library say.
    #[must_use]
    pub fn retrieve(mut self) -> Self {
        self.retrieve = true;
        self
    }

    /// Also requests that match this pattern, if the operator grants some of them: for a service that only some
    /// operators use.
    #[must_use]
    pub fn optional_http(mut self, pattern: impl Into<String>) -> Self {
        add(&mut self.optional.http, pattern.into());
        self
    }

    /// Also the operator's secret of this name in its requests, if it is granted.
    #[must_use]
    pub fn optional_secret(mut self, name: impl Into<String>) -> Self {
        add(&mut self.optional.secrets, name.into());
        self
    }

    /// Also to queue jobs of `kind` about the job's own subject.
    #[must_use]
    pub fn enqueue(mut self, kind: impl Into<String>) -> Self {
        let kind = kind.into();
        if !self.enqueue.contains(&kind) {
            self.enqueue.push(kind);
        }
        self
    }

    /// Also to queue jobs of `kind` about any subject.
    #[must_use]
    pub fn enqueue_any(self, kind: impl Into<String>) -> Self {
        let kind = kind.into();
        self.enqueue(format!("{kind}:any"))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let both = Self {
            imports: self.imports || other.imports,
            models: self.models || other.models,
            retrieve: self.retrieve || other.retrieve,
            ..self
        };
        let both = other.optional.http.into_iter().fold(both, Self::optional_http);
        let both = other.optional.secrets.into_iter().fold(both, Self::optional_secret);
        let both = other.artifacts.into_iter().fold(both, Self::artifacts);
        let both = other.http.into_iter().fold(both, Self::http);
        let both = other.secrets.into_iter().fold(both, Self::secret);
        other.enqueue.into_iter().fold(both, Self::enqueue)
    }
}

fn add(all: &mut Vec<String>, one: String) {
    if !all.contains(&one) {
        all.push(one);
    }
}

pub(crate) fn kind<H: Handler>() -> Kind {
    Kind {
        kind: H::KIND.to_owned(),
        payload: accepted::<H::Payload>(),
        config: accepted::<H::Config>(),
        result: settings().for_serialize().into_generator().into_root_schema_for::<H::Result>(),
        artifacts: H::artifacts(),
    }
}

fn accepted<T: JsonSchema>() -> Schema {
    settings().for_deserialize().into_generator().into_root_schema_for::<T>()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}
