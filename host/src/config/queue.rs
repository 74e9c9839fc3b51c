//! `[queue]` and `[queue.NAME]`.

use super::unit::{self, Span};
use super::{ConfigError, Ranges};
use crate::rules::queue::{AGEING, Configured, Limits, MAX_CONCURRENCY, MAX_NAME, name};
use crate::rules::rate::{MAX_NUMBER, Rate};
use crate::rules::time::Millis;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;

/// How queues share slots, and what each may do at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSection {
    /// A job that waits gains a level of priority for each of these. Default 1 min.
    pub ageing: Millis,
    /// `[queue.NAME]`
    pub named: BTreeMap<String, QueueTable>,
}

impl Default for QueueSection {
    fn default() -> Self {
        Self { ageing: AGEING, named: BTreeMap::new() }
    }
}

/// What one queue may do at most; what is not named has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "`ageing`, or the table [queue.NAME] of a queue")]
pub struct QueueTable {
    /// Jobs that run at once.
    pub concurrency: Option<u64>,
    /// Jobs that begin per time.
    #[serde(deserialize_with = "unit::some_rate")]
    pub rate: Option<Rate>,
    /// Jobs that may begin at once. By default what the rate gives in a second.
    pub burst: Option<u64>,
    /// Tokens per time that its handlers report.
    #[serde(deserialize_with = "unit::some_rate")]
    pub tokens: Option<Rate>,
}

impl<'de> Deserialize<'de> for QueueSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;

        impl<'de> Visitor<'de> for Section {
            type Value = QueueSection;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the table [queue]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<QueueSection, A::Error> {
                let mut section = QueueSection::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "ageing" {
                        section.ageing = map.next_value::<Span>()?.0;
                    } else {
                        section.named.insert(key, map.next_value()?);
                    }
                }
                Ok(section)
            }
        }

        deserializer.deserialize_map(Section)
    }
}

impl QueueSection {
    pub(super) fn ranges(&self, check: &Ranges<'_>) -> Result<(), ConfigError> {
        check.span("queue.ageing", self.ageing, Millis(1_000), Millis::seconds(30 * 86_400), "1s to 720h")?;
        for (queue, table) in &self.named {
            check.holds(
                name(queue).is_ok(),
                "queue",
                queue,
                "a name of 1 to 64 lower-case letters, digits, '-', '_' and '.'",
            )?;
            let most = table.concurrency.unwrap_or(1);
            check.number(&format!("queue.{queue}.concurrency"), most, 1, MAX_CONCURRENCY, "1 to 10000")?;
            let burst = table.burst.unwrap_or(1);
            check.number(&format!("queue.{queue}.burst"), burst, 1, MAX_NUMBER, "1 to 1000000000")?;
            let is_alone = table.burst.is_some() && table.rate.is_none();
            check.holds(!is_alone, &format!("queue.{queue}.burst"), &burst.to_string(), "beside a rate")?;
        }
        Ok(())
    }

    /// As the rules know it.
    pub fn configured(&self) -> Configured {
        let limits = |table: &QueueTable| Limits {
            concurrency: table.concurrency,
            // Both are in range when the configuration was read.
            rate: table.rate.map(|rate| table.burst.and_then(|burst| rate.with_burst(burst).ok()).unwrap_or(rate)),
            tokens: table.tokens,
        };
        Configured {
            ageing: self.ageing,
            limits: self.named.iter().map(|(name, table)| (name.clone(), limits(table))).collect(),
        }
    }
}

const _: () = assert!(MAX_NAME == 64, "the range in words");
