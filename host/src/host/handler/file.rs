//! Looking at a component that need not be a handler yet.

use super::change::{read, refusal, whole};
use super::{Description, Host, Refusal, Verb};
use crate::capability::difference::words;
use crate::capability::grant::{self, Ask};
use crate::handler::cache::{self, CacheError};
use crate::handler::loaded::{LoadError, digest, named};
use crate::sandbox::{CompileError, Surface};
use crate::service::handler::change::ChangeError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// What a component is, asks for and lacks. Nothing is added; its compiled form is
/// kept, so that adding it is quick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerExamine {
    /// The component, as an absolute path.
    pub file: PathBuf,
    /// The manifest of a program, as an absolute path; by default `FILE.json` beside
    /// `FILE.wasm`.
    #[serde(default)]
    pub manifest: Option<PathBuf>,
}

/// What a component is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerFile {
    /// The component.
    pub file: PathBuf,
    /// Its SHA-256 in lower-case hex.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// The size of its compiled form, when it can be a handler.
    pub compiled_bytes: Option<u64>,
    /// The world that it fits, when it does.
    pub world: Option<String>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The imports that this host has not.
    pub missing: Vec<MissingImport>,
    /// Why it cannot be a handler.
    pub unfit: Option<String>,
    /// What it says of itself.
    pub description: Option<Description>,
    /// What it asks for, in words.
    pub asks: Vec<String>,
    /// What of that is not granted to the handler of its name, in words.
    pub more: Vec<String>,
    /// The lines of `capstan.toml` that would grant what it asks.
    pub grant: Option<String>,
}

/// An import that this host has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingImport {
    /// The interface as the component names it.
    pub import: String,
    /// The version of it that this host offers, if any.
    pub offered: Option<String>,
}

impl Verb for HandlerExamine {
    const ROUTE: &'static str = "handler/examine";
    type Reply = HandlerFile;

    async fn call(self, host: &Host) -> Result<HandlerFile, Refusal> {
        let registry = host.registry().await?;
        let wasm = Arc::new(read(&self.file, self.manifest.as_deref())?);
        let mut seen = HandlerFile {
            digest: digest(&wasm),
            bytes: wasm.len() as u64,
            compiled_bytes: None,
            world: None,
            imports: Vec::new(),
            exports: Vec::new(),
            missing: Vec::new(),
            unfit: None,
            description: None,
            asks: Vec::new(),
            more: Vec::new(),
            grant: None,
            file: self.file,
        };
        let (checker, bytes) = (registry.clone(), Arc::clone(&wasm));
        match whole(async move { checker.check(&bytes).await }).await {
            Ok(loaded) => {
                seen.shows(registry.engine.surface(&loaded.prepared).unwrap_or_default());
                seen.compiled_bytes = cache::size(&registry.engine, &host.project.compiled(), &loaded.digest);
                seen.world = Some(loaded.prepared.world().name().to_owned());
                let ask = loaded.description.ask();
                seen.asks = words(&ask);
                seen.more = registry.more(&loaded).await.map_err(|error| refusal(&error, "", None))?;
                let lines = || grant::hint(&loaded.description.name, &named(&loaded.digest), &ask);
                seen.grant = (ask != Ask::default()).then(lines);
                seen.description = Some(loaded.description);
            }
            Err(ChangeError::Component(error)) => {
                let engine = registry.engine.clone();
                let examined = tokio::task::spawn_blocking(move || engine.examine(&wasm)).await;
                // What is no component at all shows nothing.
                seen.shows(examined.ok().and_then(Result::ok).unwrap_or_default());
                seen.missing = missing(&error);
                seen.unfit = Some(error.to_string());
            }
            Err(error) => return Err(refusal(&error, "", None)),
        }
        Ok(seen)
    }
}

impl HandlerFile {
    fn shows(&mut self, surface: Surface) {
        (self.imports, self.exports) = (surface.imports, surface.exports);
    }
}

fn missing(error: &LoadError) -> Vec<MissingImport> {
    let LoadError::Prepare(CacheError::Compile(CompileError::Imports(missing))) = error else { return Vec::new() };
    let import = |missing: &crate::sandbox::Missing| MissingImport {
        import: missing.import.clone(),
        offered: missing.offered.map(str::to_owned),
    };
    missing.iter().map(import).collect()
}
