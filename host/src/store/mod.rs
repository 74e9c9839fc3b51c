//! All SQL, and nothing else.
//!
//! One [`Store`] with `impl` blocks by noun. Writes are operations that one
//! writer task applies in group commits (see [`writer`]); reads go to a pool of
//! read-only connections and never wait for a write. What this cannot promise:
//! a read that follows somebody else's write sees it only once that write was
//! answered.

mod accept;
pub mod artifact;
pub mod attempt;
mod batch;
pub mod boot;
pub mod bulk;
pub mod checkpoint;
pub mod claim;
pub mod deadline;
pub mod doctor;
pub mod edit;
pub mod explain;
pub mod failure;
pub mod handler;
#[cfg(test)]
mod hot;
pub mod import;
pub mod job;
pub mod key;
mod line;
pub mod op;
pub mod pipeline;
pub mod progress;
pub mod pulse;
pub mod queue;
pub mod search;
pub mod seen;
pub mod settle;
pub mod sqlite;
pub mod stats;
pub mod subject;
mod turn;
pub mod unique;
mod values;
pub mod view;
mod writer;

use op::{Op, Reply};
use pulse::{Dispatching, Pulse};
use sqlx::SqlitePool;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

/// What can go wrong with the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database was written by a newer capstan.
    #[error(
        "database {path} has schema version {found}, this capstan knows up to {known}: use the newer capstan, or restore the backup in state/backups"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("database {path} is not capstan's: move it away, or name another project folder")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A row holds what no version of capstan writes.
    #[error("database row is not readable: {0}: run `capstan doctor`")]
    Corrupt(String),
    /// The file system said no.
    #[error("{doing} {path}: {cause}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        cause: String,
    },
    /// The database said no.
    #[error("database: {}", said(.0))]
    Database(Arc<sqlx::Error>),
    /// The writer has ended.
    #[error("the store is closed: the host is shutting down")]
    Closed,
}

impl StoreError {
    /// Whether the disk is the reason, and not what was to be written.
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Database(error) => code(error).is_some_and(|code| matches!(code & 0xff, FULL | IO | READ_ONLY)),
            _ => false,
        }
    }
}

/// The sort of an error is the low byte of its code: sqlite3.h.
const FULL: u32 = 13;
const IO: u32 = 10;
const READ_ONLY: u32 = 8;

fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// What SQLite said, and what that means where its words do not tell.
fn said(error: &sqlx::Error) -> String {
    match code(error).map(|code| (code & 0xff, code)) {
        Some((FULL, _)) => "the disk is full: free some space and start again, nothing was lost".to_owned(),
        Some((IO, code)) => format!("the disk does not read or write (SQLite says {code}): is it full, or broken?"),
        Some((READ_ONLY, _)) => "it cannot be written: is the disk or the folder read-only?".to_owned(),
        _ => error.to_string(),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// The store of one project. Cheap to clone; the last clone ends the writer.
#[derive(Clone, Debug)]
pub struct Store {
    ops: mpsc::Sender<(Op, oneshot::Sender<Result<Reply, StoreError>>)>,
    pulse: watch::Receiver<Pulse>,
    dispatching: watch::Receiver<Dispatching>,
    readers: SqlitePool,
}

/// Where the answer to an operation comes.
type Answer = oneshot::Receiver<Result<Reply, StoreError>>;

impl Store {
    /// What the last commit left: how much is ready, when the next timer is due.
    /// Changes after every commit that changed something, and before the callers
    /// whose operations were in it get their answers.
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.clone()
    }

    /// The imports that have items to dispatch, as the last commit left them; never older
    /// than a pulse that was seen before.
    pub fn dispatching(&self) -> Dispatching {
        self.dispatching.borrow().clone()
    }

    /// Wait until the pulse knows of all that a reader could have seen before this was
    /// called: a commit can be read a moment before it is said.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn caught_up(&self) -> Result<(), StoreError> {
        self.send(Op::CatchUp).await.map(|_| ())
    }

    /// The read-only connections.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Wait until every earlier write is committed, then end the writer and
    /// close every connection.
    pub async fn close(self) {
        // The writer last: only who may write can fold the log into the file.
        self.readers.close().await;
        // A closed channel means that the writer has ended already.
        let _ = self.send(Op::Close).await;
    }

    /// [Ask](Self::ask) for a write; the future waits for its answer too.
    fn send(&self, op: Op) -> impl Future<Output = Result<Reply, StoreError>> {
        let asked = self.ask(op);
        async move { asked.await?.await.map_err(|_| StoreError::Closed)? }
    }

    /// Ask for a write without waiting for its answer: at once where the writer's queue has room, or else when the future is
    /// polled. At once, because a future keeps what it was made with for as long as it waits.
    fn ask(&self, op: Op) -> impl Future<Output = Result<Answer, StoreError>> {
        let (answer, reply) = oneshot::channel();
        let unsent = self.ops.try_send((op, answer)).err().map(TrySendError::into_inner);
        let sending = unsent.map(|request| Box::pin(self.ops.send(request)));
        async move {
            if let Some(sending) = sending {
                sending.await.map_err(|_| StoreError::Closed)?;
            }
            Ok(reply)
        }
    }
}
