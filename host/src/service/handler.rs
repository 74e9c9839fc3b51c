//! Getting handlers ready: the bundled ones, and those on record.
//!
//! A component is copied to `handlers/<digest>.wasm`, compiled, asked to
//! describe itself, and put on record with its kinds. What a digest may touch is
//! read from the configuration each time. [`change`] adds, replaces and removes
//! handlers while jobs flow; [`drop`](mod@drop) does so with what is put into a folder;
//! [`open()`] is what happens to them when a host starts.

pub mod agree;
pub mod change;
pub mod drop;
mod open;
mod records;
mod retire;

pub use open::open;
pub use records::named_so;

use super::ServiceError;
use crate::capability::difference::with;
use crate::capability::grant::{Grant, Imports, Library, Models, Optional};
use crate::clock;
use crate::config::{Config, GrantTable};
use crate::crash;
use crate::handler::loaded::{Checks, Loaded, named};
use crate::project::Project;
use crate::rules::enqueue::kinds;
use crate::store::Store;
use crate::store::claim::{Route, Routes};
use crate::store::handler::{HandlerRow, NewHandler, RouteRow, Standing};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The handlers that are ready, and those that are about to be.
#[derive(Debug, Default)]
pub struct Handlers {
    table: RwLock<Arc<Table>>,
    /// Held while a handler is changed, so that the table follows the store.
    changing: tokio::sync::Mutex<()>,
    checking: Mutex<BTreeMap<String, u64>>,
}

/// What does which kind at one moment. Whoever has one can run everything in it,
/// whatever is changed meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Table {
    kinds: BTreeMap<String, Arc<Ready>>,
    routes: Arc<Routes>,
    /// By digest: what is routed now, and what was before it, ready to come back.
    shelf: BTreeMap<String, Arc<Loaded>>,
    /// By digest: why it cannot be used.
    broken: BTreeMap<String, String>,
    /// By kind: the digest that is to do it and cannot.
    out: BTreeMap<String, String>,
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

impl Table {
    /// What does a kind.
    pub fn of(&self, kind: &str) -> Option<&Arc<Ready>> {
        self.kinds.get(kind)
    }

    /// Which handler does which kind, and what it reads.
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// Why nothing does a kind, and what to do about it.
    pub fn why_not(&self, kind: &str) -> String {
        match self.out.get(kind).and_then(|digest| Some((digest, self.broken.get(digest)?))) {
            Some((digest, why)) => format!(
                "the handler of kind {kind:?} ({}) cannot be used: {why}; add it again with `capstan handler add FILE`",
                named(digest)
            ),
            None => format!("no handler does kind {kind:?}: add one with `capstan handler add FILE`"),
        }
    }

    fn route(&mut self, loaded: &Arc<Loaded>, kinds: &[String], config: &Config) {
        let mut routes = Routes::clone(&self.routes);
        for kind in kinds {
            let inputs = loaded.granted.as_ref().map(|g| g.artifacts.iter().cloned().collect()).unwrap_or_default();
            routes.insert(kind.clone(), Route { digest: loaded.digest.clone(), inputs });
            let checked = loaded.configured(kind, config);
            self.kinds.insert(kind.clone(), Arc::new(Ready { loaded: Arc::clone(loaded), config: checked }));
            self.out.remove(kind);
        }
        self.routes = Arc::new(routes);
        self.broken.remove(&loaded.digest);
        self.shelf.insert(loaded.digest.clone(), Arc::clone(loaded));
    }

    /// Keep a handler ready that does nothing now.
    fn shelve(&mut self, loaded: Arc<Loaded>) {
        self.shelf.entry(loaded.digest.clone()).or_insert(loaded);
    }

    /// Nothing can do these kinds.
    fn leave_out(&mut self, digest: &str, kinds: Vec<String>, why: String) {
        self.broken.insert(digest.to_owned(), why);
        self.out.extend(kinds.into_iter().map(|kind| (kind, digest.to_owned())));
    }

    fn forget(&mut self, digest: &str) {
        let mut routes = Routes::clone(&self.routes);
        routes.retain(|_, route| route.digest != digest);
        self.routes = Arc::new(routes);
        self.kinds.retain(|_, ready| ready.loaded.digest != digest);
        self.out.retain(|_, out| out != digest);
        self.shelf.remove(digest);
        self.broken.remove(digest);
    }

    /// Keep ready only what a route names, now or before.
    fn tidy(&mut self, routes: &[RouteRow]) {
        let named: BTreeSet<&str> =
            routes.iter().flat_map(|row| [Some(row.digest.as_str()), row.previous.as_deref()]).flatten().collect();
        self.shelf.retain(|digest, _| named.contains(digest.as_str()));
    }
}

impl Handlers {
    /// What does which kind at this moment.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What does a kind.
    pub fn of(&self, kind: &str) -> Option<Arc<Ready>> {
        self.table().of(kind).cloned()
    }

    /// Every kind and what does it.
    pub fn all(&self) -> BTreeMap<String, Arc<Ready>> {
        self.table().kinds.clone()
    }

    /// A handler that is loaded: what does a kind now or did it before.
    pub fn loaded(&self, digest: &str) -> Option<Arc<Loaded>> {
        self.table().shelf.get(digest).cloned()
    }

    /// Why a handler cannot be used.
    pub fn broken(&self, digest: &str) -> Option<String> {
        self.table().broken.get(digest).cloned()
    }

    /// The components that are being compiled and checked at this moment: digest and
    /// size in bytes.
    pub fn checking(&self) -> Vec<(String, u64)> {
        let checking = self.checking.lock().unwrap_or_else(PoisonError::into_inner);
        checking.iter().map(|(digest, bytes)| (digest.clone(), *bytes)).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut table));
    }
}

/// As what a component is put on record.
pub struct Entry {
    /// `bundled` or `added`.
    pub origin: &'static str,
    /// The kinds that it does from then on.
    pub kinds: Vec<String>,
    /// Whether it may be used.
    pub standing: Standing,
}

/// Keep a component and put it on record, in one transaction with its kinds.
///
/// # Errors
/// The file system or the store said no.
pub async fn register(
    project: &Project,
    store: &Store,
    loaded: &Loaded,
    wasm: &[u8],
    entry: Entry,
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
            origin: entry.origin,
            bytes: wasm.len() as u64,
            kinds: entry.kinds,
            standing: entry.standing,
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
    crash::point("handler.before_file");
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    crash::point("handler.after_file");
    Ok(())
}

/// What the configuration grants a handler: the entries of its digest together, or, for
/// a bundled handler, those of an earlier bundled one of the same name that
/// asked for at least as much.
pub fn allowed(config: &Config, known: &[HandlerRow], name: &str, of_digest: &str) -> Grant {
    let of = |digest: &str| {
        let entries = config.grants.iter().filter(|table| table.digest == named(digest));
        entries.map(grant).reduce(|all, one| with(&all, &one))
    };
    if let Some(granted) = of(of_digest) {
        return granted;
    }
    let is_bundled = |row: &&HandlerRow| row.origin == "bundled" && row.name == name;
    if !known.iter().filter(is_bundled).any(|row| row.digest == of_digest) {
        return Grant::default();
    }
    known.iter().filter(is_bundled).filter_map(|row| of(&row.digest)).next_back().unwrap_or_default()
}

fn grant(table: &GrantTable) -> Grant {
    Grant {
        imports: if table.imports { Imports::Readable } else { Imports::Hidden },
        artifacts: table.artifacts.iter().cloned().collect(),
        models: if table.models { Models::Readable } else { Models::Hidden },
        http: table.http.iter().cloned().collect(),
        secrets: table.secrets.iter().cloned().collect(),
        library: if table.retrieve { Library::Readable } else { Library::Hidden },
        optional: Optional::default(),
        enqueue: kinds(&table.enqueue),
    }
}
