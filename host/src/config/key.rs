//! `[key]` and `[key."NAME"]`.

use super::unit::Span;
use super::{ConfigError, Ranges};
use crate::rules::key::{Configured, MAX_INTERVAL, MAX_LIMIT, Pace, Set, name};
use crate::rules::time::Millis;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;

/// How many jobs of a key at once, and how far apart they begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySection {
    /// Of every key: jobs at once (default 4), and the least time between two beginnings
    /// (default 0).
    pub common: Pace,
    /// `[key."NAME"]`
    pub named: BTreeMap<String, KeyTable>,
}

/// The pace of one key; what is not named is as in `[key]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "`limit`, `min_interval`, or the table [key.\"NAME\"] of a key")]
pub struct KeyTable {
    /// Jobs at once.
    pub limit: Option<u64>,
    /// The least time between two beginnings.
    pub min_interval: Option<Span>,
}

impl<'de> Deserialize<'de> for KeySection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;

        impl<'de> Visitor<'de> for Section {
            type Value = KeySection;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the table [key]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeySection, A::Error> {
                let mut section = KeySection::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "limit" => section.common.limit = map.next_value()?,
                        "min_interval" => section.common.min_interval = map.next_value::<Span>()?.0,
                        _ => drop(section.named.insert(key, map.next_value()?)),
                    }
                }
                Ok(section)
            }
        }

        deserializer.deserialize_map(Section)
    }
}

impl KeySection {
    pub(super) fn ranges(&self, check: &Ranges<'_>) -> Result<(), ConfigError> {
        let named = self.named.iter().map(|(key, table)| (format!("key.{key:?}"), self.pace(table)));
        for (place, pace) in named.chain([("key".to_owned(), self.common)]) {
            check.number(&format!("{place}.limit"), pace.limit, 1, MAX_LIMIT, "1 to 10000")?;
            check.span(&format!("{place}.min_interval"), pace.min_interval, Millis(0), MAX_INTERVAL, "0s to 24h")?;
        }
        for key in self.named.keys() {
            check.holds(name(key).is_ok(), "key", key, "a name of 1 to 256 bytes without control characters")?;
        }
        Ok(())
    }

    fn pace(&self, table: &KeyTable) -> Pace {
        Set { limit: table.limit, min_interval: table.min_interval.map(|span| span.0) }.over(self.common)
    }

    /// As the rules know it.
    pub fn configured(&self) -> Configured {
        let named = self.named.iter().map(|(name, table)| (name.clone(), self.pace(table)));
        Configured { common: self.common, named: named.collect() }
    }
}
