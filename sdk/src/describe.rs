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
        let kind = kind.into();
        if !self.artifacts.contains(&kind) {
            self.artifacts.push(kind);
        }
        self
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let both = Self { imports: self.imports || other.imports, ..self };
        other.artifacts.into_iter().fold(both, Self::artifacts)
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
