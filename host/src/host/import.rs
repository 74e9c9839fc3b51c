//! Imports: list, show, wait; those of more words in modules of their own.

mod errors;
mod start;
mod turn;

use super::job::{HOLD, Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::rules::import::ImportState;
use crate::rules::time::Millis;
pub use crate::service::import::take::{OnBroken, OnTorn};
pub use crate::store::import::{Existing, ImportRow};
pub use errors::{ImportErrors, ItemError};
use serde::{Deserialize, Serialize};
pub use start::{ImportStart, ImportStarted, ThenAsk};
pub use turn::{ImportCancel, ImportPause, ImportResume, ImportRetry, failed_jobs};

async fn row(host: &Host, id: i64) -> Result<ImportRow, Refusal> {
    let mut row = host.store.import(id).await?.ok_or_else(|| {
        Refusal::not_found(format!("there is no import {id}")).hint("`capstan import list` shows the imports")
    })?;
    timed(host, &mut row);
    Ok(row)
}

/// How fast an import goes that this host works on.
fn timed(host: &Host, row: &mut ImportRow) {
    if matches!(row.state, ImportState::Pending | ImportState::Processing) {
        row.pace = host.runtime.get().and_then(|runtime| runtime.paces.of(row));
    }
}

/// List imports, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportList {
    /// Older than this one (the cursor of the page before).
    #[serde(default)]
    pub before: Option<i64>,
    /// At most so many; 50 without.
    #[serde(default)]
    pub limit: u32,
}

impl Verb for ImportList {
    const ROUTE: &'static str = "import/list";
    type Reply = Page<ImportRow>;

    async fn call(self, host: &Host) -> Result<Page<ImportRow>, Refusal> {
        let limit = limit(self.limit)?;
        let mut items = host.store.imports(self.before, limit).await?;
        items.iter_mut().for_each(|row| timed(host, row));
        let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(|import| import.id.to_string());
        Ok(Page { items, next })
    }
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportShow {
    /// Its number.
    pub id: i64,
}

impl Verb for ImportShow {
    const ROUTE: &'static str = "import/show";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        row(host, self.id).await
    }
}

/// Wait until nothing of an import is before us, or something of it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportWait {
    /// Its number.
    pub id: i64,
    /// What is known: how many items remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<i64>,
    /// For so long at most (ms); never longer than [`HOLD`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Millis>,
}

impl Verb for ImportWait {
    const ROUTE: &'static str = "import/wait";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        let mut pulse = host.store.pulse();
        let end = tokio::time::sleep(self.hold.map_or(HOLD, |hold| hold.duration().min(HOLD)));
        tokio::pin!(end);
        loop {
            pulse.borrow_and_update();
            let import = row(host, self.id).await?;
            if import.is_over() || self.remaining.is_some_and(|known| known != import.remaining) {
                return Ok(import);
            }
            tokio::select! {
                changed = pulse.changed() => if changed.is_err() { return Ok(import) },
                () = &mut end => return Ok(import),
            }
        }
    }
}
