//! What went wrong with the items of an import, one by one.

use super::row;
use crate::host::job::{Page, limit};
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::list::{At, Invalid, Item};
use crate::rules::time::Timestamp;
use crate::service::import::list::find;
use crate::service::import::take::invalid;
use crate::store::import::{FailedItem, ImportRow};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The class of items that could not become jobs.
const INVALID: &str = "invalid";

/// List what went wrong: first the items of which a job failed, in the order of the
/// list, then those that could not become jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportErrors {
    /// The import.
    pub id: i64,
    /// Behind this (the cursor of the page before).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many; 50 without.
    #[serde(default)]
    pub limit: u32,
}

/// What went wrong with one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// Where it stood in what was imported.
    #[serde(flatten)]
    pub at: At,
    /// The class of the failure, or `invalid`.
    pub class: String,
    /// The reason.
    pub message: String,
    /// The address of the page or of the file; of what could not become a job, its
    /// beginning.
    pub url: String,
    /// Its title, or empty.
    pub title: String,
    /// The job that failed.
    pub job: Option<i64>,
    /// Its kind.
    pub kind: Option<String>,
    /// When it was given up (ms).
    pub failed_at: Option<Timestamp>,
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Failed { item: i64, job: i64 },
    Invalid(u64),
}

impl Cursor {
    const START: Self = Self::Failed { item: -1, job: 0 };

    fn parse(text: &str) -> Option<Self> {
        if let Some(skip) = text.strip_prefix("invalid-") {
            return skip.parse().ok().map(Self::Invalid);
        }
        let (item, job) = text.split_once('-')?;
        Some(Self::Failed { item: item.parse().ok()?, job: job.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed { item, job } => write!(f, "{item}-{job}"),
            Self::Invalid(skip) => write!(f, "invalid-{skip}"),
        }
    }
}

impl Verb for ImportErrors {
    const ROUTE: &'static str = "import/errors";
    type Reply = Page<ItemError>;

    async fn call(self, host: &Host) -> Result<Page<ItemError>, Refusal> {
        let limit = limit(self.limit)?;
        let import = row(host, self.id).await?;
        let cursor = match self.after.as_deref() {
            None => Cursor::START,
            Some(text) => Cursor::parse(text).ok_or_else(|| {
                let wrong = Refusal::usage(format!("{text:?} is no place in the errors of import {}", self.id));
                wrong.hint("it is what `next` of the page before says")
            })?,
        };
        let list = host.project.root().join(&import.list);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut items, mut next) = (Vec::new(), cursor);
        if let Cursor::Failed { item, job } = cursor {
            let failed = host.store.failed_items(import.id, (item, job), limit).await?;
            next = failed.last().map_or(Cursor::Invalid(0), |last| Cursor::Failed { item: last.item, job: last.job });
            items = failures(list.clone(), failed).await?;
        }
        if items.len() < most {
            let skip = if let Cursor::Invalid(skip) = cursor { skip } else { 0 };
            let more = unfit(list, &import, skip, most - items.len()).await?;
            next = Cursor::Invalid(skip + more.len() as u64);
            items.extend(more);
        }
        let is_full = items.len() == most;
        Ok(Page { items, next: is_full.then(|| next.to_string()) })
    }
}

/// Where the failed items stood is in the list.
async fn failures(list: PathBuf, failed: Vec<FailedItem>) -> Result<Vec<ItemError>, Refusal> {
    let positions: Vec<u64> = failed.iter().map(|failed| u64::try_from(failed.item).unwrap_or(0)).collect();
    // Lists begin with a line of their own, and the cursor behind it.
    let found = blocking(move || find(&list, 2, &positions)).await?;
    let of = |(failed, item): (FailedItem, Option<Item>)| ItemError {
        at: if let Some(Item::Page(page)) = item { page.at } else { At::default() },
        class: failed.class.name().to_owned(),
        message: failed.message,
        url: failed.source,
        title: failed.title,
        job: Some(failed.job),
        kind: Some(failed.kind),
        failed_at: Some(failed.failed_at),
    };
    Ok(failed.into_iter().zip(found).map(of).collect())
}

async fn unfit(list: PathBuf, import: &ImportRow, skip: u64, limit: usize) -> Result<Vec<ItemError>, Refusal> {
    if import.invalid == 0 {
        return Ok(Vec::new());
    }
    let found = blocking(move || invalid(&list, skip, limit)).await?;
    let of = |Invalid { at, message, excerpt }| ItemError {
        at,
        class: INVALID.to_owned(),
        message,
        url: excerpt,
        title: String::new(),
        job: None,
        kind: None,
        failed_at: None,
    };
    Ok(found.into_iter().map(of).collect())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::failed(error.to_string()))?;
    done.map_err(|error| Refusal::failed(format!("the import's list cannot be read: {error}")))
}
