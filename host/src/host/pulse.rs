//! The pulse: what the last commit left, for whoever waits.

use super::refusal::Refusal;
use super::{Host, Verb};
pub use crate::store::pulse::Ends;
use crate::store::pulse::Pulse;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a request is held open while nothing changes.
const HOLD: Duration = Duration::from_secs(10);

/// Wait until something was committed after this commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PulseWait {
    /// The `commits` of the pulse that is known already.
    pub after: Option<u64>,
}

/// A pulse, and whether this host works on jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// What the last commit left.
    #[serde(flatten)]
    pub pulse: Pulse,
    /// Attempts that run in this very moment.
    pub in_flight: u64,
    /// Whether imports wait only for jobs that nothing takes up: their handler is disabled,
    /// or their queue is paused.
    pub is_stuck: bool,
}

impl Verb for PulseWait {
    const ROUTE: &'static str = "pulse/wait";
    type Reply = Beat;

    async fn call(self, host: &Host) -> Result<Beat, Refusal> {
        let mut pulse = host.store.pulse();
        let is_known = |pulse: &Pulse| Some(pulse.commits) == self.after;
        // Neither the end of the time nor of the store is an error: the caller sees the numbers.
        let _ = tokio::time::timeout(HOLD, pulse.wait_for(|pulse| !is_known(pulse))).await;
        let pulse = *pulse.borrow();
        let in_flight = host.runtime.get().map_or(0, |runtime| runtime.running.stoppers().len() as u64);
        let looks_stuck = pulse.queued > 0 && (pulse.queued == pulse.held || pulse.is_still());
        let is_stuck = looks_stuck && !can_dispatch(host).await? && is_newest(host, &pulse).await?;
        Ok(Beat { pulse, in_flight, is_stuck })
    }
}

/// Whether nothing was committed after this pulse: what an import dispatched a moment ago is in the next one.
async fn is_newest(host: &Host, pulse: &Pulse) -> Result<bool, Refusal> {
    host.store.caught_up().await?;
    Ok(host.store.pulse().borrow().commits == pulse.commits)
}

/// Whether an import has items that may become jobs now.
async fn can_dispatch(host: &Host) -> Result<bool, Refusal> {
    let config = host.config.now();
    let dispatching = host.store.dispatching();
    for import in host.store.undispatched().await? {
        let appetite = dispatching.get(&import.id);
        let has_room = appetite.is_some_and(|import| config.import.room(import) > 0);
        if has_room
            && (import.has_unread() || !host.store.refills(import.id, config.import.per_key / 2).await?.is_empty())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Beat {
    /// Whether nothing is left that can be done: jobs of a disabled handler and of a
    /// paused queue are left.
    pub fn is_idle(&self) -> bool {
        let Pulse { queued, held, running, imports, ending, bulks, .. } = self.pulse;
        let has_ended = running == 0 && ending == 0 && bulks == 0;
        has_ended && (queued == held || self.pulse.is_still()) && (imports == 0 || self.is_stuck)
    }
}
