//! `[coredump]`: how many core dumps are kept, and for how long.

use super::unit;
use crate::rules::coredump::Keeping;
use crate::rules::time::Millis;
use serde::Deserialize;

/// How much is kept of the guests that leave a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoredumpTable {
    /// For how long. Default 7 days.
    #[serde(deserialize_with = "unit::duration")]
    pub keep: Millis,
    /// How many. Default 20.
    pub files: u64,
    /// How large they may be together, and the memory of a guest that leaves one. Default 1 GiB.
    #[serde(deserialize_with = "unit::size")]
    pub bytes: u64,
}

impl Default for CoredumpTable {
    fn default() -> Self {
        let Keeping { keep, files, bytes } = Keeping::default();
        Self { keep, files, bytes }
    }
}

impl CoredumpTable {
    /// For the rules.
    pub const fn keeping(&self) -> Keeping {
        Keeping { keep: self.keep, files: self.files, bytes: self.bytes }
    }
}
