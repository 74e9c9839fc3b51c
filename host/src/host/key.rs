//! Concurrency keys: list, set, release.

use super::job::{Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::rules::key::{MAX_INTERVAL, MAX_LIMIT, Set, name};
use crate::rules::time::Millis;
use crate::store::key::KeyChange;
pub use crate::store::key::KeyRow;
use serde::{Deserialize, Serialize};

/// The keys that have open jobs, rest, or were set, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyList {
    /// Behind this one (the cursor of the page before).
    #[serde(default)]
    pub after: Option<String>,
    /// At most so many; 50 without.
    #[serde(default)]
    pub limit: u32,
}

impl Verb for KeyList {
    const ROUTE: &'static str = "key/list";
    type Reply = Page<KeyRow>;

    async fn call(self, host: &Host) -> Result<Page<KeyRow>, Refusal> {
        let limit = limit(self.limit)?;
        let configured = host.config.now().key.configured();
        let items = host.store.keys(&configured, self.after.as_deref(), limit, clock::now()).await?;
        let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(|key| key.name.clone());
        Ok(Page { items, next })
    }
}

/// Give a key another pace; what is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// The key; it need not have been seen before.
    pub name: String,
    /// Its pace.
    pub change: Change,
}

/// How a key is paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// So.
    Set(Set),
    /// As the configuration says.
    Reset,
}

impl Verb for KeySet {
    const ROUTE: &'static str = "key/set";
    type Reply = KeyRow;

    async fn call(self, host: &Host) -> Result<KeyRow, Refusal> {
        name(&self.name).map_err(|wrong| Refusal::usage(wrong.to_string()))?;
        let change = match self.change {
            Change::Reset => {
                row(host, &self.name).await?;
                KeyChange::Reset
            }
            Change::Set(set) if set == Set::default() => {
                return Err(Refusal::usage("nothing is set").hint("name a limit or an interval, or reset both"));
            }
            Change::Set(set) => KeyChange::Set(bounded(set)?),
        };
        host.store.change_key(self.name.clone(), change, clock::now()).await?;
        row(host, &self.name).await
    }
}

fn bounded(set: Set) -> Result<Set, Refusal> {
    if let Some(limit) = set.limit.filter(|limit| !(1..=MAX_LIMIT).contains(limit)) {
        let wrong = format!("limit {limit} is out of range: 1 to {MAX_LIMIT}");
        return Err(Refusal::usage(wrong).hint("to run none of its jobs, pause their queue"));
    }
    if let Some(interval) = set.min_interval.filter(|interval| !(Millis(0)..=MAX_INTERVAL).contains(interval)) {
        return Err(Refusal::usage(format!("interval {interval} is out of range: 0s to 24h")));
    }
    Ok(set)
}

/// Let a key rest no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRelease {
    /// The key.
    pub name: String,
}

impl Verb for KeyRelease {
    const ROUTE: &'static str = "key/release";
    type Reply = KeyRow;

    async fn call(self, host: &Host) -> Result<KeyRow, Refusal> {
        row(host, &self.name).await?;
        host.store.change_key(self.name.clone(), KeyChange::Release, clock::now()).await?;
        row(host, &self.name).await
    }
}

async fn row(host: &Host, key: &str) -> Result<KeyRow, Refusal> {
    let row = host.store.key(&host.config.now().key.configured(), key, clock::now()).await?;
    row.ok_or_else(|| {
        Refusal::not_found(format!("no job has or had key {key:?}"))
            .hint("`capstan key list` shows the keys; `capstan key set` sets one before its first job")
    })
}
