//! Getting handlers ready: the bundled ones, and those on record.
//!
//! A component is copied to `handlers/<digest>.wasm`, compiled, asked to
//! describe itself, and put on record with its kinds. What a digest may touch is
//! read from the configuration each time.

use super::ServiceError;
use crate::capability::grant::{Grant, Imports, Models};
use crate::clock;
use crate::config::{Config, GrantTable};
use crate::handler::bundled;
use crate::handler::loaded::{Checks, LoadError, Loaded, digest, named};
use crate::project::Project;
use crate::rules::enqueue::kinds;
use crate::sandbox::Engine;
use crate::store::Store;
use crate::store::claim::{Route, Routes};
use crate::store::handler::{HandlerRow, NewHandler};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The handlers that are ready, by kind.
#[derive(Debug, Default)]
pub struct Handlers(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    kinds: BTreeMap<String, Arc<Ready>>,
    routes: Arc<Routes>,
}

/// A handler that is ready to do a kind.
#[derive(Debug)]
pub struct Ready {
    /// The handler.
    pub loaded: Arc<Loaded>,
    /// What it is configured with for this kind, as JSON text, or what is wrong
    /// with that.
    pub config: Result<String, String>,
}

impl Ready {
    /// The checks of a kind.
    pub fn checks(&self, kind: &str) -> Option<&Checks> {
        self.loaded.kinds.get(kind)
    }
}

impl Handlers {
    /// What does a kind.
    pub fn of(&self, kind: &str) -> Option<Arc<Ready>> {
        self.read(|table| table.kinds.get(kind).cloned())
    }

    /// Which handler does which kind, and what it reads.
    pub fn routes(&self) -> Arc<Routes> {
        self.read(|table| Arc::clone(&table.routes))
    }

    /// Every kind and what does it.
    pub fn all(&self) -> BTreeMap<String, Arc<Ready>> {
        self.read(|table| table.kinds.clone())
    }

    /// From now on this handler does these kinds.
    pub fn put(&self, loaded: &Arc<Loaded>, kinds: &[String], config: &Config) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut routes = Routes::clone(&table.routes);
        for kind in kinds {
            let inputs = loaded.granted.as_ref().map(|g| g.artifacts.iter().cloned().collect()).unwrap_or_default();
            routes.insert(kind.clone(), Route { digest: loaded.digest.clone(), inputs });
            let value = config.of_kind(kind);
            let checked = match loaded.kinds.get(kind).map(|checks| checks.config(&value)) {
                Some(Err(wrong)) => Err(wrong),
                _ => Ok(value.to_string()),
            };
            table.kinds.insert(kind.clone(), Arc::new(Ready { loaded: Arc::clone(loaded), config: checked }));
        }
        table.routes = Arc::new(routes);
    }

    fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Get every handler ready that is bundled or on record.
///
/// # Errors
/// A bundled handler cannot be used, or the store said no. A handler on record
/// that cannot be used is left out with a warning; its jobs fail as `no-handler`.
pub async fn open(
    engine: &Engine,
    project: &Project,
    config: &Config,
    store: &Store,
) -> Result<Arc<Handlers>, ServiceError> {
    let handlers = Arc::new(Handlers::default());
    let mut known = store.handlers().await?;
    for bundled in bundled::ALL {
        if !known.iter().any(|row| row.digest == digest(bundled.wasm)) {
            let fault =
                |error: LoadError| ServiceError::Handler { name: bundled.name.into(), error: error.to_string() };
            let loaded = Loaded::load(engine, &project.compiled(), bundled.wasm).await.map_err(fault)?;
            register(project, store, &loaded, bundled.wasm, "bundled").await?;
        }
    }
    known = store.handlers().await?;
    let mut by_digest: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in store.routes().await? {
        by_digest.entry(route.digest).or_default().push(route.kind);
    }
    for (digest, kinds) in by_digest {
        match load(engine, project, &digest).await {
            Ok(loaded) => {
                let allowed = allowed(config, &known, &loaded);
                handlers.put(&Arc::new(loaded.under(&allowed)), &kinds, config);
            }
            Err(error) => tracing::warn!(%digest, %error, "handler is not usable"),
        }
    }
    Ok(handlers)
}

async fn load(engine: &Engine, project: &Project, digest: &str) -> Result<Loaded, ServiceError> {
    let path = project.handlers().join(format!("{digest}.wasm"));
    let wasm = fs::read(&path).map_err(|error| ServiceError::Io { doing: "read", path, error })?;
    let fault = |error: LoadError| ServiceError::Handler { name: digest.to_owned(), error: error.to_string() };
    Loaded::load(engine, &project.compiled(), &wasm).await.map_err(fault)
}

/// Keep a component and put it on record; from then on it does its kinds.
///
/// # Errors
/// The file system or the store said no.
pub async fn register(
    project: &Project,
    store: &Store,
    loaded: &Loaded,
    wasm: &[u8],
    origin: &'static str,
) -> Result<(), ServiceError> {
    let path = project.handlers().join(format!("{}.wasm", loaded.digest));
    keep(&path, wasm).map_err(|error| ServiceError::Io { doing: "write", path, error })?;
    let description = &loaded.description;
    let text = serde_json::to_string(description).map_err(|error| ServiceError::Bug(error.to_string()))?;
    store
        .add_handler(NewHandler {
            digest: loaded.digest.clone(),
            name: description.name.clone(),
            version: description.version.clone(),
            description: text,
            origin,
            bytes: wasm.len() as u64,
            kinds: description.kinds.iter().map(|kind| kind.kind.clone()).collect(),
            now: clock::now(),
        })
        .await?;
    Ok(())
}

fn keep(path: &Path, wasm: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(wasm)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// What the configuration grants a handler: the entry of its digest, or, for a
/// bundled handler, the entry of an earlier bundled one of the same name that
/// asked for at least as much.
pub fn allowed(config: &Config, known: &[HandlerRow], loaded: &Loaded) -> Grant {
    let name = &loaded.description.name;
    let of = |digest: &str| config.grants.iter().find(|grant| grant.digest == named(digest));
    if let Some(table) = of(&loaded.digest) {
        return grant(table);
    }
    let is_bundled = |row: &&HandlerRow| row.origin == "bundled" && row.name == *name;
    if !known.iter().filter(is_bundled).any(|row| row.digest == loaded.digest) {
        return Grant::default();
    }
    let earlier = known.iter().filter(is_bundled).filter_map(|row| of(&row.digest)).next_back();
    earlier.map(grant).unwrap_or_default()
}

fn grant(table: &GrantTable) -> Grant {
    Grant {
        imports: if table.imports { Imports::Readable } else { Imports::Hidden },
        artifacts: table.artifacts.iter().cloned().collect(),
        models: if table.models { Models::Readable } else { Models::Hidden },
        http: table.http.iter().cloned().collect(),
        secrets: table.secrets.iter().cloned().collect(),
        enqueue: kinds(&table.enqueue),
    }
}
