//! What is done first when a process takes the lock: nothing may stay
//! "running" that no live instance works on.

use crate::project::Predecessor;
use crate::rules::job::{Next, Transition, Why};
use crate::rules::recovery::{End, end_of, recover};
use crate::rules::time::Timestamp;
use crate::store::attempt::AttemptRecord;
use crate::store::settle::{Facts, Settlement};
use crate::store::{Store, StoreError};

/// What a recovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Jobs that were running without an instance.
    pub orphans: usize,
    /// How many of them are suspected of having killed the host.
    pub suspects: usize,
}

/// Requeue or fail every job that an earlier boot left running; `before` is what the lock says about its end.
///
/// # Errors
/// The store said no.
pub async fn run(store: &Store, before: Predecessor, machine: &str, now: Timestamp) -> Result<Recovered, StoreError> {
    let orphans = store.orphans().await?;
    let Some(last) = store.last_boot().await? else { return Ok(Recovered::default()) };
    if orphans.is_empty() {
        return Ok(Recovered::default());
    }
    // On a disk that is full it could say so only to the lock.
    let said_so = last.stopped_at.or((before == Predecessor::Ended).then_some(now));
    let end = end_of(said_so, &last.machine, machine);
    let running: Vec<_> = orphans.iter().map(|facts| facts.running.clone()).collect();
    let transitions = recover(&running, end, now);
    let found = Recovered { orphans: orphans.len(), suspects: if end == End::Died { orphans.len() } else { 0 } };
    let settlements =
        orphans.into_iter().zip(transitions).map(|(facts, to)| settlement(facts, to, last.id, now)).collect();
    store.recover(settlements).await?;
    Ok(found)
}

fn settlement(facts: Facts, transition: Transition, boot: i64, now: Timestamp) -> Settlement {
    let (outcome, message) = match &transition.next {
        Next::Queued { why: Why::Died, .. } => ("died", Some("the host died while this attempt ran".to_owned())),
        Next::Queued { .. } => ("stopped", Some("the host stopped while this attempt ran".to_owned())),
        Next::Cancelled => ("cancelled", transition.error.as_ref().map(|(_, message)| message.clone())),
        _ => ("lost", transition.error.as_ref().map(|(_, message)| message.clone())),
    };
    let attempt = AttemptRecord {
        boot,
        finished_at: now,
        outcome,
        message,
        details: None,
        backtrace: None,
        usage: None,
        limits: None,
        log: None,
        log_dropped: 0,
    };
    Settlement {
        facts,
        transition,
        attempt,
        publication: None,
        follow: Vec::new(),
        enqueue: Vec::new(),
        progress: None,
    }
}
