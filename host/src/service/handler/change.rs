//! Changing which handler does what, while jobs flow.
//!
//! A component is compiled and checked before anything changes, away from the writer
//! and from whoever claims. Then, one change at a time: what it asks for is agreed,
//! its file is kept under its digest, one transaction moves the routes, and the table
//! follows. Claims that come later take the new digest; attempts that run end on
//! theirs, whose code they hold. What was before stays loaded, so that going back
//! compiles nothing. What this cannot promise: that a claim under way at the very
//! moment of the change takes the new digest.

use super::agree::{Consent, Disagreement, agree, append};
use super::open::load;
use super::records::Records;
use super::{Entry, Handlers, register};
use crate::capability::difference::{Before, beyond, words};
use crate::capability::grant::Ask;
use crate::clock;
use crate::config::Config;
use crate::config::live::Live;
use crate::crash;
use crate::handler::loaded::{LoadError, Loaded, digest};
use crate::project::Project;
use crate::rules::handler::{self as rules, Candidate, PlaceError, Placement, Placing, RollBackError};
use crate::sandbox::Engine;
use crate::service::ServiceError;
use crate::store::handler::Standing;
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// What it takes to change handlers. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    /// What compiles and checks.
    pub engine: Engine,
    /// Where files are kept.
    pub project: Project,
    /// What is on record.
    pub store: Store,
    /// What is ready.
    pub handlers: Arc<Handlers>,
    /// What the operator says.
    pub config: Arc<Live>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The component is no handler.
    #[error("cannot be a handler: {0}")]
    Component(#[from] LoadError),
    /// It may not be used so.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// There is nothing to go back to.
    #[error(transparent)]
    RollBack(#[from] RollBackError),
    /// It asks for what is not granted.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// The configuration does not fit its schema.
    #[error("[kind.{kind}.config] does not match the schema of version {version}: {wrong}")]
    Unfit {
        /// The kind.
        kind: String,
        /// The version.
        version: String,
        /// What is wrong.
        wrong: String,
    },
    /// An operator has disabled the digest that is to be used.
    #[error("handler {name} ({digest}) is disabled")]
    Disabled {
        /// Its name.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// Nothing is called so.
    #[error("there is no handler {0:?}")]
    Unknown(String),
    /// It is in use.
    #[error("handler {name} cannot be removed: {why}")]
    Used {
        /// Its name.
        name: String,
        /// By what.
        why: String,
        /// What to do.
        hint: String,
    },
    /// The host cannot.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl ChangeError {
    /// What to do next; `command` is what was said, without options.
    pub fn hint(&self, command: &str) -> Option<String> {
        match self {
            Self::Place(error) => Some(error.hint()),
            Self::Disagreement(error) => Some(error.hint(command)),
            Self::Unfit { kind, .. } => Some(format!("mend [kind.{kind}.config] in capstan.toml first")),
            Self::Disabled { digest, .. } => Some(format!("`capstan handler enable {digest}` first")),
            Self::Unknown(_) | Self::RollBack(RollBackError::Unknown(_)) => {
                Some("`capstan handler list` shows the handlers".to_owned())
            }
            Self::Used { hint, .. } => Some(hint.clone()),
            Self::RollBack(RollBackError::First(_)) => {
                Some("`capstan handler swap FILE` puts another version in its place".to_owned())
            }
            Self::Component(_) | Self::Service(_) => None,
        }
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The digest that the change is about.
    pub digest: String,
    /// The kinds that it does from now on and did not before.
    pub kinds: Vec<String>,
    /// The digest that did them.
    pub replaced: Option<String>,
    /// The entry that was added to `capstan.toml`.
    pub granted: Option<String>,
}

impl Registry {
    /// Compile and check a component, away from everything else.
    ///
    /// # Errors
    /// It cannot be a handler.
    pub async fn check(&self, wasm: &Arc<Vec<u8>>) -> Result<Loaded, ChangeError> {
        let _listed = Checking::begin(&self.handlers, digest(wasm), wasm.len() as u64);
        let (engine, cache, wasm) = (self.engine.clone(), self.project.compiled(), Arc::clone(wasm));
        let runtime = tokio::runtime::Handle::current();
        let work = move || runtime.block_on(Loaded::check(&engine, &cache, &wasm));
        Ok(aside(work).await??)
    }

    /// What a component asks for beyond what was granted to the handler of its name, in
    /// words.
    ///
    /// # Errors
    /// The configuration is not in order, or the store said no.
    pub async fn more(&self, loaded: &Loaded) -> Result<Vec<String>, ChangeError> {
        let records = Records::read(self).await?;
        let (name, digest) = (&loaded.description.name, &loaded.digest);
        let doers = records.doers();
        let doer = doers.iter().find(|doer| doer.name == name).map(|doer| doer.digest);
        let before = match records.own(name, digest) {
            Some(granted) => Before { granted, asked: Ask::default() },
            None => records.before(name, digest, doer),
        };
        Ok(words(&beyond(&loaded.description.ask(), &before)))
    }

    /// Let a component do its kinds from now on.
    ///
    /// # Errors
    /// It may not; then nothing was changed.
    pub async fn place(&self, wasm: Vec<u8>, placing: Placing, consent: Consent) -> Result<Changed, ChangeError> {
        let wasm = Arc::new(wasm);
        let loaded = self.check(&wasm).await?;
        let _alone = self.handlers.changing.lock().await;
        let mut records = Records::read(self).await?;
        let (name, digest) = (loaded.description.name.clone(), loaded.digest.clone());
        records.usable(&digest)?;
        let all: Vec<String> = loaded.kinds.keys().cloned().collect();
        let candidate = Candidate { name: &name, digest: &digest, kinds: &all };
        let (kinds, replaced) = match rules::place(candidate, placing, &records.doers())? {
            Placement::Unchanged => (Vec::new(), None),
            Placement::Routed { kinds, replaces } => (kinds, replaces),
        };
        if placing == Placing::Swap {
            fits(&loaded, &kinds, &records.config)?;
        }
        let before = records.before(&name, &digest, replaced.as_deref());
        let granted = agree(&loaded, records.own(&name, &digest).as_ref(), &before, consent)?;
        if let Some(lines) = &granted {
            crash::point("handler.before_grant");
            records.config = append(&self.project, self.config.source(), lines)?;
            crash::point("handler.after_grant");
        }
        let entry = Entry { origin: "added", kinds: kinds.clone(), standing: Standing::Ready };
        register(&self.project, &self.store, &loaded, &wasm, entry).await?;
        (records.rows, records.routes) = (self.store.handlers().await?, self.store.routes().await?);
        let loaded = Arc::new(loaded.under(&records.allowed(&name, &digest)));
        self.handlers.change(|table| {
            table.route(&loaded, &records.kinds_of(&digest), &records.config);
            table.tidy(&records.routes);
        });
        Ok(Changed { digest, kinds, replaced, granted })
    }

    /// Give kinds back to the digest that did them before.
    ///
    /// # Errors
    /// There is none, or it cannot be used; then nothing was changed.
    pub async fn roll_back(&self, target: &str) -> Result<Vec<Changed>, ChangeError> {
        let _alone = self.handlers.changing.lock().await;
        let records = Records::read(self).await?;
        let mut changed: Vec<Changed> = Vec::new();
        for (kind, digest) in rules::roll_back(target, &records.doers())? {
            let replaced = records.routes.iter().find(|route| route.kind == kind).map(|route| route.digest.clone());
            match changed.iter_mut().find(|change| change.digest == digest && change.replaced == replaced) {
                Some(change) => change.kinds.push(kind),
                None => changed.push(Changed { digest, kinds: vec![kind], replaced, granted: None }),
            }
        }
        let mut ready = Vec::new();
        for change in &changed {
            records.usable(&change.digest)?;
            ready.push(self.ready(&records, &change.digest).await?);
        }
        let kinds = changed.iter().flat_map(|change| change.kinds.clone()).collect();
        self.store.roll_back(kinds, clock::now()).await?;
        self.handlers.change(|table| {
            for (change, loaded) in changed.iter().zip(&ready) {
                table.route(loaded, &change.kinds, &records.config);
            }
        });
        Ok(changed)
    }

    /// A handler on record, under what the configuration grants it now.
    async fn ready(&self, records: &Records, digest: &str) -> Result<Arc<Loaded>, ChangeError> {
        let name = records.row(digest).map_or("", |row| &row.name);
        let allowed = records.allowed(name, digest);
        match self.handlers.loaded(digest) {
            Some(loaded) if loaded.granted == loaded.intersect(&allowed) => Ok(loaded),
            _ => Ok(Arc::new(self.load(digest).await?.under(&allowed))),
        }
    }

    /// A handler on record: from the compile cache, or compiled now.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn load(&self, of_digest: &str) -> Result<Loaded, ServiceError> {
        let (engine, project, digest) = (self.engine.clone(), self.project.clone(), of_digest.to_owned());
        let runtime = tokio::runtime::Handle::current();
        aside(move || runtime.block_on(load(&engine, &project, &digest))).await?
    }

    /// Let grants and configurations hold as they are on the disk now. What cannot be used
    /// stays as it is.
    ///
    /// # Errors
    /// The configuration is not in order, or the store said no.
    pub async fn configure(&self) -> Result<(), ChangeError> {
        let _alone = self.handlers.changing.lock().await;
        let records = Records::read(self).await?;
        let digests: BTreeSet<&str> = records.routes.iter().map(|route| route.digest.as_str()).collect();
        for digest in digests.into_iter().filter(|digest| self.handlers.broken(digest).is_none()) {
            let loaded = self.ready(&records, digest).await?;
            self.handlers.change(|table| table.route(&loaded, &records.kinds_of(digest), &records.config));
        }
        Ok(())
    }

    /// Load what a rollback would return to, so that it will be instant. What cannot be
    /// loaded is left for the rollback to say.
    pub async fn warm(&self) {
        let Ok(records) = Records::read(self).await else { return };
        for digest in records.routes.iter().filter_map(|route| route.previous.as_deref()) {
            if let Ok(loaded) = self.ready(&records, digest).await {
                let _alone = self.handlers.changing.lock().await;
                self.handlers.change(|table| table.shelve(loaded));
            }
        }
    }
}

/// A version whose schema the configuration does not match would fail every job.
fn fits(loaded: &Loaded, kinds: &[String], config: &Config) -> Result<(), ChangeError> {
    kinds.iter().try_for_each(|kind| {
        let unfit =
            |wrong| ChangeError::Unfit { kind: kind.clone(), version: loaded.description.version.clone(), wrong };
        loaded.configured(kind, config).map(drop).map_err(unfit)
    })
}

/// Work that computes or waits for the disk, away from the loops.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ServiceError::Bug(error.to_string()))
}

/// A component that is listed as being checked, until this is dropped.
struct Checking<'a> {
    handlers: &'a Handlers,
    digest: String,
}

impl<'a> Checking<'a> {
    fn begin(handlers: &'a Handlers, digest: String, bytes: u64) -> Self {
        handlers.checking.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), bytes);
        Self { handlers, digest }
    }
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        self.handlers.checking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.digest);
    }
}
