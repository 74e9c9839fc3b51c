//! Stats: how many there are of what.

use super::refusal::Refusal;
use super::{Host, Verb};
pub use crate::store::stats::Stats;
use serde::{Deserialize, Serialize};

/// Count everything, in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsShow {}

impl Verb for StatsShow {
    const ROUTE: &'static str = "stats/show";
    type Reply = Stats;

    async fn call(self, host: &Host) -> Result<Stats, Refusal> {
        Ok(host.store.stats().await?)
    }
}
