//! A handler that is ready to run.

use super::cache::{self, CacheError};
use super::describe::{DescribeError, Description};
use super::manifest;
use super::schema;
use crate::capability::grant::{self, Grant, Granted, Refused};
use crate::config::Config;
use crate::rules::attempt::Fault;
use crate::sandbox::{Engine, Prepared, World};
use jsonschema::Validator;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Why a component cannot be a handler.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be compiled or linked.
    #[error(transparent)]
    Prepare(#[from] CacheError),
    /// `describe` failed.
    #[error("describe failed with {}: {}", .0.class, .0.message)]
    Describe(Box<Fault>),
    /// `describe` answered nonsense.
    #[error(transparent)]
    Description(#[from] DescribeError),
    /// `describe` answered twice, differently.
    #[error("describe answers differently each time: it must not depend on clocks, randomness or the environment")]
    Fickle,
    /// A program without a manifest.
    #[error("is a program (wasi:cli/command) without a manifest: put one beside it, as FILE.json for FILE.wasm")]
    Undescribed,
}

/// A handler that is ready to run.
pub struct Loaded {
    /// SHA-256 of the component in lower-case hex.
    pub digest: String,
    /// What it says of itself.
    pub description: Description,
    /// Its compiled form.
    pub prepared: Prepared,
    /// The checks of each kind.
    pub kinds: BTreeMap<String, Checks>,
    /// What it may touch, or why it may not run.
    pub granted: Result<Granted, Refused>,
}

/// The checks of one kind.
pub struct Checks {
    payload: Validator,
    config: Validator,
    result: Validator,
    /// Paths in `/output` and their media types; empty means no `/output`.
    pub artifacts: Vec<(String, String)>,
}

/// The digest of a component in lower-case hex.
pub fn digest(wasm: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(wasm).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Loaded {
    /// Compile a component (or take it from the cache), let it describe itself,
    /// and check what it says.
    ///
    /// # Errors
    /// It cannot be a handler.
    pub async fn load(engine: &Engine, cache: &Path, wasm: &[u8]) -> Result<Self, LoadError> {
        let digest = digest(wasm);
        let prepared = cache::prepare(engine, cache, &digest, wasm)?;
        let description = match prepared.world() {
            World::Handler => described(engine, &prepared).await?,
            World::Command => Description::parse(manifest::within(wasm).ok_or(LoadError::Undescribed)?)?,
        };
        let mut kinds = BTreeMap::new();
        for kind in &description.kinds {
            let wrong = |which| {
                let kind = kind.kind.clone();
                move |error| DescribeError::Schema { kind, which, error }
            };
            let checks = Checks {
                payload: schema::compile(&kind.payload).map_err(wrong("payload"))?,
                config: schema::compile(&kind.config).map_err(wrong("config"))?,
                result: schema::compile(&kind.result).map_err(wrong("result"))?,
                artifacts: kind.artifacts.iter().map(|a| (a.path.clone(), a.media_type.clone())).collect(),
            };
            kinds.insert(kind.kind.clone(), checks);
        }
        let nothing = Grant::default();
        let granted = grant::intersect(&description.name, &named(&digest), &description.ask(), &nothing);
        Ok(Self { digest, description, prepared, kinds, granted })
    }

    /// The same for a component that nobody knows yet: it has to describe itself twice
    /// in the same way, each time in a fresh sandbox without grants.
    ///
    /// # Errors
    /// It cannot be a handler.
    pub async fn check(engine: &Engine, cache: &Path, wasm: &[u8]) -> Result<Self, LoadError> {
        let loaded = Self::load(engine, cache, wasm).await?;
        let is_same = loaded.prepared.world() == World::Command
            || described(engine, &loaded.prepared).await? == loaded.description;
        if is_same { Ok(loaded) } else { Err(LoadError::Fickle) }
    }

    /// The configuration of a kind as JSON text.
    ///
    /// # Errors
    /// What does not match the kind's schema.
    pub fn configured(&self, kind: &str, config: &Config) -> Result<String, String> {
        let value = config.of_kind(kind);
        self.kinds.get(kind).map_or(Ok(()), |checks| checks.config(&value))?;
        Ok(value.to_string())
    }

    /// What it would be granted.
    ///
    /// # Errors
    /// It asks for more.
    pub fn intersect(&self, allowed: &Grant) -> Result<Granted, Refused> {
        grant::intersect(&self.description.name, &named(&self.digest), &self.description.ask(), allowed)
    }

    /// The same under these grants.
    #[must_use]
    pub fn under(mut self, allowed: &Grant) -> Self {
        self.granted = self.intersect(allowed);
        self
    }
}

/// What a component says of itself in a fresh sandbox.
async fn described(engine: &Engine, prepared: &Prepared) -> Result<Description, LoadError> {
    let text = engine.describe(prepared).await.map_err(|fault| LoadError::Describe(Box::new(fault)))?;
    Ok(Description::parse(&text)?)
}

/// A digest as it is written in `capstan.toml`.
pub fn named(digest: &str) -> String {
    format!("sha256:{digest}")
}

impl Checks {
    /// What is wrong with a payload.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn payload(&self, payload: &Value) -> Result<(), String> {
        schema::check(&self.payload, payload)
    }

    /// What is wrong with a configuration.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn config(&self, config: &Value) -> Result<(), String> {
        schema::check(&self.config, config)
    }

    /// What is wrong with a result document (JSON text).
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn result(&self, result: &str) -> Result<(), String> {
        let value = serde_json::from_str(result).map_err(|error| error.to_string())?;
        schema::check(&self.result, &value)
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("name", &self.description.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
