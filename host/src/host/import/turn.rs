//! Pausing, resuming and cancelling imports.

use super::row;
use crate::clock;
use crate::host::bulk::{self, BulkStarted, What};
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::import::{ImportState, Turn};
use crate::rules::job::State;
use crate::service::import::end;
use crate::store::import::ImportRow;
use crate::store::job::JobFilter;
use crate::store::settle::Applied;
use serde::{Deserialize, Serialize};

/// Let nothing more of an import begin; what runs goes on to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportPause {
    /// Its number.
    pub id: i64,
}

/// Let a paused import go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportResume {
    /// Its number.
    pub id: i64,
}

/// End an import: what is not done yet is cancelled, what runs is stopped, and what is
/// done stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportCancel {
    /// Its number.
    pub id: i64,
}

impl Verb for ImportPause {
    const ROUTE: &'static str = "import/pause";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        turn(host, self.id, Turn::Pause).await
    }
}

impl Verb for ImportResume {
    const ROUTE: &'static str = "import/resume";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        turn(host, self.id, Turn::Resume).await
    }
}

impl Verb for ImportCancel {
    const ROUTE: &'static str = "import/cancel";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        turn(host, self.id, Turn::Cancel).await?;
        // The loop of a host that works goes on with what runs; here it begins at once.
        let running = host.runtime.get().map(|runtime| &runtime.running);
        end(&host.store, running, self.id).await?;
        row(host, self.id).await
    }
}

/// Give the failed jobs of an import a new round: an operation on all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRetry {
    /// Its number.
    pub id: i64,
    /// Who wants it.
    pub by: String,
}

impl Verb for ImportRetry {
    const ROUTE: &'static str = "import/retry";
    type Reply = BulkStarted;

    async fn call(self, host: &Host) -> Result<BulkStarted, Refusal> {
        row(host, self.id).await?;
        Ok(BulkStarted { operation: bulk::start(host, failed_jobs(self.id), self.by).await? })
    }
}

/// What retrying an import means.
pub fn failed_jobs(import: i64) -> What {
    What::Retry { jobs: JobFilter { import: Some(import), state: Some(State::Failed), ..JobFilter::default() } }
}

/// Turn an import, whatever else happens to it meanwhile.
async fn turn(host: &Host, id: i64, turn: Turn) -> Result<ImportRow, Refusal> {
    loop {
        let import = row(host, id).await?;
        match turn.of(import.state) {
            Ok(None) => return Ok(import),
            Ok(Some(_)) => {
                if host.store.turn_import(id, import.state, turn, clock::now()).await? == Applied::Yes {
                    return row(host, id).await;
                }
            }
            Err(state) => return Err(refused(id, turn, state)),
        }
    }
}

fn refused(id: i64, turn: Turn, state: ImportState) -> Refusal {
    let wrong = format!("import {id} is {} and cannot be {}", state.name(), turn.done());
    Refusal::failed(wrong).hint(match state {
        ImportState::Failed => format!("its list cannot be read: `capstan import show {id}` says why"),
        _ => format!("`capstan import show {id}` shows where its items are; `capstan import retry {id}` retries those that failed"),
    })
}
