//! `[import]`

use super::ConfigError;
use super::range::Ranges;
use super::unit::duration;
use crate::rules::deferred::MAX_OPEN;
use crate::rules::import::{Appetite, Flow, SINGLE_JOBS};
use crate::rules::time::Millis;
use serde::Deserialize;

/// How imports are read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Import {
    /// Items per chunk. Default 10.
    pub chunk: u64,
    /// Chunks of one import that may wait to be claimed at once. Default 20.
    pub window: u64,
    /// Up to so many items are queued at once, staggered. Default 50.
    pub single_jobs: u64,
    /// The least time between two jobs of a key of such an import. Default 1 s.
    #[serde(deserialize_with = "duration")]
    pub stagger_min: Millis,
    /// The longest time between them. Default 5 s.
    #[serde(deserialize_with = "duration")]
    pub stagger_max: Millis,
    /// Items of one key that are queued at most; more wait in the list. Default 50.
    pub per_key: u64,
    /// How often imports are looked at when nothing calls for it. Default 2 min.
    #[serde(deserialize_with = "duration")]
    pub tick: Millis,
    /// Endings of the files that the import of a folder takes.
    pub extensions: Vec<String>,
}

impl Default for Import {
    fn default() -> Self {
        let extensions = ["html", "htm", "xhtml", "txt", "md", "markdown", "pdf"];
        Self {
            chunk: 10,
            window: 20,
            single_jobs: SINGLE_JOBS,
            stagger_min: Millis::seconds(1),
            stagger_max: Millis::seconds(5),
            per_key: MAX_OPEN,
            tick: Millis::seconds(120),
            extensions: extensions.map(str::to_owned).to_vec(),
        }
    }
}

impl Import {
    /// How fast an import of this chunk hands its items out.
    pub const fn flow(&self, chunk: u64) -> Flow {
        Flow { single_jobs: self.single_jobs, chunk, window: self.window }
    }

    /// How many items of an import may become jobs now.
    pub const fn room(&self, import: &Appetite) -> u64 {
        self.flow(import.chunk).room(import.total, import.ready)
    }

    pub(super) fn ranges(&self, ranges: &Ranges<'_>) -> Result<(), ConfigError> {
        ranges.number("import.chunk", self.chunk, 1, 10_000, "1 to 10000")?;
        ranges.number("import.window", self.window, 1, 10_000, "1 to 10000")?;
        ranges.number("import.single_jobs", self.single_jobs, 0, 1_000, "0 to 1000")?;
        ranges.number("import.per_key", self.per_key, 1, 10_000, "1 to 10000")?;
        let hour = Millis::seconds(3_600);
        ranges.span("import.stagger_min", self.stagger_min, Millis(0), hour, "0s to 1h")?;
        let range = "import.stagger_min to 1h";
        ranges.span("import.stagger_max", self.stagger_max, self.stagger_min, hour, range)?;
        ranges.span("import.tick", self.tick, Millis::seconds(1), hour, "1s to 1h")
    }
}
