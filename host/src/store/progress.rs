//! How far running jobs are, as they said it last.
//!
//! A column of the job: written now and then while an attempt runs, at its end with its
//! settlement, and emptied by the next claim.

use super::batch::json;
use super::op::{Op, Reply};
use super::{Store, StoreError};
use crate::rules::progress::Progress;
use sqlx::SqliteConnection;

/// What the attempt with a lease said last about its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The job.
    pub job: i64,
    /// The lease of the attempt; a later one does not listen.
    pub lease: i64,
    /// What it said.
    pub progress: Progress,
}

impl Store {
    /// Write down how far jobs are that still run under these leases.
    ///
    /// # Errors
    /// The database said no.
    pub async fn progress(&self, said: Vec<Said>) -> Result<(), StoreError> {
        self.send(Op::Progress(said)).await.map(|_| ())
    }
}

pub(super) const WRITE: &str = "UPDATE job SET progress = new.value->>2 FROM jsonb_each($1) AS new
    WHERE job.id = new.value->>0 AND job.state = 'running' AND job.lease = new.value->>1";

pub(super) async fn write(conn: &mut SqliteConnection, said: &[Said]) -> Result<Reply, StoreError> {
    let mut rows = Vec::with_capacity(said.len());
    for one in said {
        rows.push((one.job, one.lease, json(&one.progress)?));
    }
    sqlx::query(WRITE).bind(json(&rows)?).execute(conn).await?;
    Ok(Reply::Done)
}
