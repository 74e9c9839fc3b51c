//! The facade: every verb that an operator or a client can say, on plain data.
//!
//! A [`Host`] is the process that holds a project's lock. Each verb is a type
//! that is its own request: it names its route, its reply, and what the host
//! does for it. The socket and the command line both go through [`Verb`], so
//! they cannot disagree. A host can be opened for one command, which costs only
//! the store, or started, which also brings up the engine, the handlers and the
//! loops.

pub mod artifact;
pub mod bulk;
pub mod config;
pub mod doctor;
pub mod failure;
pub mod handler;
pub mod import;
mod init;
pub mod job;
pub mod key;
pub mod pulse;
pub mod queue;
pub mod refusal;
pub mod search;
pub mod stats;
pub mod subject;

use crate::artifact::publish::Publisher;
use crate::artifact::scratch;
use crate::artifact::spare::Spares;
use crate::clock;
use crate::config::layer::Overrides;
use crate::config::live::{Live, Source};
use crate::project::{Lock, Project, ProjectError};
use crate::rules::subject as subjects;
use crate::sandbox::{Engine, EngineOptions, GuestThreads};
use crate::service::derived::Derived;
use crate::service::handler::Handlers;
use crate::service::import::Paces;
use crate::service::recovery::{self, Recovered};
use crate::service::reload::Reload;
use crate::service::search::Library;
use crate::service::{self, RunningAttempts, Runtime, ServiceError};
use crate::store::boot::NewBoot;
use crate::store::{Store, StoreError};
use refusal::Refusal;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, RwLock};
use tokio::sync::{Mutex, OnceCell, watch};
use tokio::task::JoinSet;

/// Something a client can say.
pub trait Verb: Serialize + DeserializeOwned + Send + 'static {
    /// Its route below `/v1/`, noun then verb.
    const ROUTE: &'static str;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Send;

    /// Do it.
    fn call(self, host: &Host) -> impl Future<Output = Result<Self::Reply, Refusal>> + Send;
}

/// The host of a project.
pub struct Host {
    project: Project,
    config: Arc<Live>,
    store: Store,
    id: String,
    recovered: Recovered,
    engine: OnceCell<(Engine, Arc<Handlers>)>,
    runtime: OnceCell<Arc<Runtime>>,
    loops: Mutex<JoinSet<Result<(), ServiceError>>>,
    stop: watch::Sender<bool>,
    starting_import: Mutex<()>,
    driving: service::bulk::Driving,
    lock: Lock,
}

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The folder.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A loop.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Host {
    /// Become the host of a project: take the lock, open the store, and account
    /// for what a dead host left running.
    ///
    /// # Errors
    /// Another process is the host, or the configuration or the store cannot be
    /// used.
    pub async fn open(project: Project) -> Result<Self, HostError> {
        Self::open_over(project, Overrides::default()).await
    }

    /// The same with keys that are set over the file.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub async fn open_over(project: Project, overrides: Overrides) -> Result<Self, HostError> {
        let lock = project.lock()?;
        let config = Live::open(Source { path: project.config(), overrides })?;
        Self::with(project, lock, config).await
    }

    async fn with(project: Project, lock: Lock, config: Live) -> Result<Self, HostError> {
        let store = Store::open(&project.database()).await?;
        let said = config.now();
        store.configure(said.queue.configured(), said.key.configured()).await?;
        store.keep_failures(said.failure.keep).await?;
        let recovered = recovery::run(&store, lock.before(), &clock::machine_boot(), clock::now()).await?;
        lock.sign()?;
        if recovered.orphans > 0 {
            let Recovered { orphans, suspects } = recovered;
            tracing::warn!(orphans, suspects, "the host before this one left jobs running: they are queued again");
        }
        Ok(Self {
            id: subjects::id_of_source(&project.root().to_string_lossy()),
            project,
            config: Arc::new(config),
            store,
            recovered,
            engine: OnceCell::new(),
            runtime: OnceCell::new(),
            loops: Mutex::new(JoinSet::new()),
            stop: watch::channel(false).0,
            starting_import: Mutex::new(()),
            driving: service::bulk::Driving::default(),
            lock,
        })
    }

    /// Start working: the engine, the handlers, and the loops.
    ///
    /// # Errors
    /// A bundled handler cannot be used, or the store said no.
    pub async fn start(&self) -> Result<(), HostError> {
        let runtime = self.working().await?;
        let mut loops = self.loops.lock().await;
        if loops.is_empty() {
            raise_descriptors();
            loops.spawn(service::worker::run(Arc::clone(runtime), self.stop.subscribe()));
            loops.spawn(service::import::run(Arc::clone(runtime), self.stop.subscribe()));
            let driving = Arc::clone(&self.driving);
            loops.spawn(service::bulk::run(Arc::clone(runtime), driving, self.stop.subscribe()));
            loops.spawn(service::coredump::run(Arc::clone(runtime), self.stop.subscribe()));
            loops.spawn(service::search::run(Arc::clone(runtime), self.stop.subscribe()));
            loops.spawn(service::progress::run(Arc::clone(runtime), self.stop.subscribe()));
            loops.spawn(service::handler::drop::run(self.registry().await?, self.stop.subscribe()));
            let reload = Reload { registry: self.registry().await?, runtime: Arc::clone(runtime) };
            loops.spawn(service::reload::run(reload, self.stop.subscribe()));
        }
        Ok(())
    }

    /// What attempts need, without the loops: for verbs that run a handler themselves.
    async fn working(&self) -> Result<&Arc<Runtime>, HostError> {
        self.runtime.get_or_try_init(|| self.runtime()).await
    }

    async fn runtime(&self) -> Result<Arc<Runtime>, HostError> {
        let (engine, handlers) = self.engine().await?;
        clear(&self.project)?;
        let boot = NewBoot {
            host: self.id.clone(),
            machine: clock::machine_boot(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
            now: clock::now(),
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let config = self.config.now();
        let threads = match config.worker.guest_threads {
            0 => processors,
            named => usize::try_from(named).unwrap_or(processors),
        };
        let guests = GuestThreads::start(engine, threads).map_err(|error| ServiceError::Engine(error.to_string()))?;
        Ok(Arc::new(Runtime {
            project: self.project.clone(),
            config: Arc::clone(&self.config),
            slots: config.worker.slots,
            derived: RwLock::new(Arc::new(Derived::of(&config, &self.project)?)),
            store: self.store.clone(),
            boot: self.store.boot(boot).await?,
            host: self.id.clone(),
            handlers: Arc::clone(handlers),
            spares: Spares::new(self.project.scratch()),
            publisher: Publisher::open(self.project.root()).map_err(|error| ServiceError::Folder(error.to_string()))?,
            guests,
            running: RunningAttempts::default(),
            library: Library::open(&self.project).await?,
            paces: Paces::default(),
        }))
    }

    /// The engine and the handlers; brought up when first needed.
    async fn engine(&self) -> Result<&(Engine, Arc<Handlers>), HostError> {
        self.engine
            .get_or_try_init(|| async {
                let config = self.config.now();
                let options = EngineOptions {
                    slots: config.worker.slots,
                    memory: config.largest_memory(),
                    dumps: config.dumps(),
                };
                let engine = Engine::new(&options).map_err(|error| ServiceError::Engine(error.to_string()))?;
                let handlers = service::handler::open(&engine, &self.project, &config, &self.store).await?;
                Ok((engine, handlers))
            })
            .await
    }

    /// Wait until a loop ends by itself; only an error makes it.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn failed(&self) -> HostError {
        loop {
            let ended = self.loops.lock().await.join_next().await;
            match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return self.blame(error),
                Some(Err(error)) => return ServiceError::Bug(error.to_string()).into(),
                None => std::future::pending().await,
            }
        }
    }

    /// Stop working: claim nothing more, wait for what runs (for the grace time
    /// at most), say that it was a clean end, and close the store.
    ///
    /// # Errors
    /// A loop failed, or the store said no.
    pub async fn stop(&self) -> Result<(), HostError> {
        self.stop.send_replace(true);
        let mut loops = self.loops.lock().await;
        while let Some(ended) = loops.join_next().await {
            let ended = ended.map_err(|error| ServiceError::Bug(error.to_string()))?;
            ended.map_err(|error| self.blame(error))?;
        }
        if let Some(runtime) = self.runtime.get() {
            runtime.library.index.close().await;
            let stopped = self.store.stop(runtime.boot, clock::now()).await;
            stopped.map_err(|error| self.blame(error.into()))?;
        }
        self.store.clone().close().await;
        Ok(())
    }

    /// A host that ends because its disk does not do its part must not have its jobs suspected of it.
    fn blame(&self, error: ServiceError) -> HostError {
        if matches!(&error, ServiceError::Store(error) if error.is_of_the_disk()) {
            self.lock.clear();
        }
        error.into()
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What the dead host before this one left.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }
}

/// Let this process open as many files as the system allows it: a thousand attempts
/// that wait for servers hold a socket each, and the usual soft limit is 1,024.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Throw away what attempts of earlier hosts left in scratch.
fn clear(project: &Project) -> Result<(), ServiceError> {
    let path = project.scratch();
    scratch::clean(&path).map_err(|error| ServiceError::Folder(error.to_string()))
}
