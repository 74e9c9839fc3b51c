//! `[failure]`: how much detail of failures is kept.

use super::ConfigError;
use super::range::Ranges;
use crate::rules::failure::KEEP;
use serde::Deserialize;

/// How much is kept of failures that nobody resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailureTable {
    /// Unresolved failures whose attempts keep log, backtrace and details, the newest ones;
    /// also how many `failure list` shows. Default 50.
    pub keep: u64,
}

impl Default for FailureTable {
    fn default() -> Self {
        Self { keep: KEEP }
    }
}

impl FailureTable {
    pub(super) fn ranges(self, ranges: &Ranges<'_>) -> Result<(), ConfigError> {
        ranges.number("failure.keep", self.keep, 1, 10_000, "1 to 10000")
    }
}
