//! The loops: wake, read, ask the rules, apply.
//!
//! What they share is a [`Runtime`]: the store, the engine, the handlers that
//! are ready, and the attempts that run right now. The process that has one is
//! the host of its project.

pub mod attempt;
pub mod bulk;
mod cancel;
pub mod coredump;
mod deadline;
pub mod derived;
mod desk;
pub mod handler;
pub mod import;
mod pipeline;
pub mod progress;
pub mod recovery;
pub mod reload;
pub mod search;
pub mod worker;

use crate::artifact::publish::Publisher;
use crate::artifact::spare::Spares;
use crate::config::ConfigError;
use crate::config::live::Live;
use crate::project::Project;
use crate::rules::progress::Progress;
use crate::sandbox::{Board, GuestThreads, Stopper};
use crate::store::progress::Said;
use crate::store::settle::Facts;
use crate::store::{Store, StoreError};
use derived::Derived;
use handler::Handlers;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Notify;

/// Why a loop ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store said no. The host stops: what it cannot write it must not do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration is not in order.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A handler that came with capstan cannot be used.
    #[error("handler {name}: {error}")]
    Handler {
        /// Its name.
        name: String,
        /// Why.
        error: String,
    },
    /// The file system said no.
    #[error("cannot {doing} {path}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// A folder of the project is not usable.
    #[error("{0}")]
    Folder(String),
    /// The engine said no.
    #[error("engine: {0}")]
    Engine(String),
    /// A loop panicked.
    #[error("a part of the host ended without a word: {0}; this is a bug in capstan")]
    Bug(String),
}

/// What the loops share.
pub struct Runtime {
    /// The project.
    pub project: Project,
    /// Its configuration.
    pub config: Arc<Live>,
    /// Attempts in flight at most; the engine was sized for it.
    pub slots: u32,
    /// What was made from the configuration.
    pub derived: RwLock<Arc<Derived>>,
    /// Its store.
    pub store: Store,
    /// The number of this boot.
    pub boot: i64,
    /// The id of this host.
    pub host: String,
    /// The handlers that are ready.
    pub handlers: Arc<Handlers>,
    /// Where their scratch folders come from.
    pub spares: Spares,
    /// Where their artifacts go.
    pub publisher: Publisher,
    /// Where guests run.
    pub guests: GuestThreads,
    /// The attempts that run right now.
    pub running: RunningAttempts,
    /// What the library says.
    pub library: search::Library,
    /// How fast the open imports go.
    pub paces: import::Paces,
}

impl Runtime {
    /// What was made from the configuration that holds now.
    pub fn derived(&self) -> Arc<Derived> {
        Arc::clone(&self.derived.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Let something else hold from now on.
    fn derive(&self, derived: Derived) {
        *self.derived.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(derived);
    }
}

/// Logs of attempts that have ended which are kept for those who listened to them.
const ENDED: usize = 16;

/// The attempts that run right now, by job.
#[derive(Debug, Default)]
pub struct RunningAttempts {
    attempts: Mutex<BTreeMap<i64, Running>>,
    /// The last ones that ended while somebody listened, by lease.
    ended: Mutex<VecDeque<(i64, Board)>>,
    /// Rings when one of them says how far it is.
    bell: Arc<Notify>,
}

/// An attempt that runs.
#[derive(Debug)]
struct Running {
    lease: i64,
    round: u32,
    attempt: u32,
    stopper: Stopper,
    board: Board,
}

/// An attempt that runs, for whoever listens to it.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// Its lease.
    pub lease: i64,
    /// The round that it belongs to.
    pub round: u32,
    /// Which charged try it is in that round.
    pub attempt: u32,
    /// Where it logs.
    pub board: Board,
}

impl RunningAttempts {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<i64, Running>) -> T) -> T {
        f(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An attempt of this job begins; where it says how far it is, and logs.
    pub fn begin(&self, facts: &Facts, stopper: Stopper) -> Board {
        let board = Board::new(&self.bell);
        let (job, lease, attempt) = (facts.running.id, facts.running.lease, facts.running.attempt);
        let running = Running { lease, round: facts.round, attempt, stopper, board: board.clone() };
        self.with(|attempts| attempts.insert(job, running));
        board
    }

    /// The attempt of this job has ended.
    pub fn end(&self, job: i64) {
        let Some(Running { lease, board, .. }) = self.with(|attempts| attempts.remove(&job)) else { return };
        if board.is_heard() {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push_back((lease, board));
            let excess = ended.len().saturating_sub(ENDED);
            ended.drain(..excess);
        }
    }

    /// The attempt of this job, if one runs.
    pub fn live(&self, job: i64) -> Option<Speaker> {
        self.with(|attempts| {
            let Running { lease, round, attempt, board, .. } = attempts.get(&job)?;
            Some(Speaker { lease: *lease, round: *round, attempt: *attempt, board: board.clone() })
        })
    }

    /// Where the attempt with this lease logged, if somebody listened to it and it has
    /// ended not long ago.
    pub fn ended(&self, lease: i64) -> Option<Board> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.iter().find(|(of, _)| *of == lease).map(|(_, board)| board.clone())
    }

    /// How to stop the attempt of this job, if one runs.
    pub fn stopper(&self, job: i64) -> Option<Stopper> {
        self.with(|attempts| attempts.get(&job).map(|running| running.stopper.clone()))
    }

    /// How to stop every attempt.
    pub fn stoppers(&self) -> Vec<Stopper> {
        self.with(|attempts| attempts.values().map(|running| running.stopper.clone()).collect())
    }

    /// How far the attempt of this job is, if one runs and has said it.
    pub fn progress(&self, job: i64) -> Option<Progress> {
        self.with(|attempts| attempts.get(&job).and_then(|running| running.board.read()))
    }

    /// Wait until an attempt says how far it is.
    pub async fn spoken(&self) {
        self.bell.notified().await;
    }

    /// What was said since this was called last.
    pub fn said(&self) -> Vec<Said> {
        self.with(|attempts| {
            let said = |(job, running): (&i64, &Running)| {
                running.board.take().map(|progress| Said { job: *job, lease: running.lease, progress })
            };
            attempts.iter().filter_map(said).collect()
        })
    }
}
