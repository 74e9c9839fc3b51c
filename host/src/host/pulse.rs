//! The pulse: what the last commit left, for whoever waits.

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::store::view::Pulse;
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
        Ok(Beat { pulse, in_flight })
    }
}

impl Beat {
    /// Whether nothing is left to do.
    pub const fn is_idle(&self) -> bool {
        self.pulse.queued == 0 && self.pulse.running == 0 && self.pulse.imports == 0
    }
}
