//! Queues: list, pause, resume, drain, set.

use super::job::{HOLD, Page};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::rules::queue::{MAX_CONCURRENCY, Own, QueueState, Set, name};
pub use crate::store::queue::QueueRow;
use crate::store::queue::{Queue, QueueChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every queue, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueList {}

impl Verb for QueueList {
    const ROUTE: &'static str = "queue/list";
    type Reply = Page<QueueRow>;

    async fn call(self, host: &Host) -> Result<Page<QueueRow>, Refusal> {
        Ok(Page { items: all(host).await?.into_values().collect(), next: None })
    }
}

/// Let the jobs of a queue wait; those that run go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuePause {
    /// The queue.
    pub name: String,
}

impl Verb for QueuePause {
    const ROUTE: &'static str = "queue/pause";
    type Reply = QueueRow;

    async fn call(self, host: &Host) -> Result<QueueRow, Refusal> {
        change(host, &self.name, QueueChange::Pause).await
    }
}

/// Let the jobs of a queue run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueResume {
    /// The queue.
    pub name: String,
}

impl Verb for QueueResume {
    const ROUTE: &'static str = "queue/resume";
    type Reply = QueueRow;

    async fn call(self, host: &Host) -> Result<QueueRow, Refusal> {
        change(host, &self.name, QueueChange::Resume).await
    }
}

/// Start nothing more of a queue; it is paused when what runs has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueDrain {
    /// The queue.
    pub name: String,
}

impl Verb for QueueDrain {
    const ROUTE: &'static str = "queue/drain";
    type Reply = QueueRow;

    async fn call(self, host: &Host) -> Result<QueueRow, Refusal> {
        change(host, &self.name, QueueChange::Drain).await
    }
}

/// Wait until a queue drains no longer, for [`HOLD`] at most; the row as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueWait {
    /// The queue.
    pub name: String,
}

impl Verb for QueueWait {
    const ROUTE: &'static str = "queue/wait";
    type Reply = QueueRow;

    async fn call(self, host: &Host) -> Result<QueueRow, Refusal> {
        let mut pulse = host.store.pulse();
        let end = tokio::time::sleep(HOLD);
        tokio::pin!(end);
        loop {
            pulse.borrow_and_update();
            let queue = row(host, &self.name).await?;
            if queue.state != QueueState::Draining {
                return Ok(queue);
            }
            tokio::select! {
                changed = pulse.changed() => if changed.is_err() { return Ok(queue) },
                () = &mut end => return Ok(queue),
            }
        }
    }
}

/// Limit a queue; what is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSet {
    /// The queue.
    pub name: String,
    /// Its limits.
    pub change: Change,
}

/// How a queue is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// By these limits.
    Set(Set),
    /// As the configuration says.
    Reset,
}

impl Verb for QueueSet {
    const ROUTE: &'static str = "queue/set";
    type Reply = QueueRow;

    async fn call(self, host: &Host) -> Result<QueueRow, Refusal> {
        let set = match self.change {
            Change::Reset => return change(host, &self.name, QueueChange::Reset).await,
            Change::Set(set) => set,
        };
        if set == Set::default() {
            return Err(Refusal::usage("no limit is named").hint("name a concurrency, a rate or tokens, or reset them"));
        }
        if let Some(Own::Limit(most)) = set.concurrency
            && !(1..=MAX_CONCURRENCY).contains(&most)
        {
            let wrong = format!("concurrency {most} is out of range: 1 to {MAX_CONCURRENCY}");
            return Err(Refusal::usage(wrong).hint("to run none of its jobs, pause the queue"));
        }
        change(host, &self.name, QueueChange::Set(set)).await
    }
}

async fn change(host: &Host, queue: &str, change: QueueChange) -> Result<QueueRow, Refusal> {
    // One that nobody knows is a slip of the pen.
    row(host, queue).await?;
    host.store.change_queue(queue.to_owned(), change).await?;
    row(host, queue).await
}

async fn row(host: &Host, queue: &str) -> Result<QueueRow, Refusal> {
    let hint = "`capstan queue list` shows the queues; a kind, a job or [queue.NAME] in capstan.toml makes one";
    name(queue).map_err(|wrong| Refusal::usage(wrong.to_string()).hint(hint))?;
    let found = all(host).await?.remove(queue);
    found.ok_or_else(|| Refusal::not_found(format!("there is no queue {queue:?}")).hint(hint))
}

/// Those that the store knows, and those of the kinds that a handler does.
async fn all(host: &Host) -> Result<BTreeMap<String, QueueRow>, Refusal> {
    let (config, now) = (host.config.now(), clock::now());
    let configured = config.queue.configured();
    let mut queues = host.store.queues(&configured, now).await?;
    for kind in host.store.kinds().await? {
        let queue = config.queue(&kind);
        let fresh = || Queue::default().row(queue.clone(), 0, &configured, now);
        queues.entry(queue.clone()).or_insert_with(fresh);
    }
    Ok(queues)
}
