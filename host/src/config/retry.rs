//! `[retry]`, `[kind.NAME.retry]`, and `[… .class.NAME]` of both.

use super::{ConfigError, Ranges, unit};
use crate::rules::attempt::Class;
use crate::rules::retry::{Backoff, Policy, Rule, Shape, follows_policy};
use crate::rules::time::Millis;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Retries; what is not named keeps its default.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryTable {
    /// Charged attempts per round.
    pub max_attempts: Option<u32>,
    /// How delays grow.
    pub backoff: Option<Shape>,
    /// The first delay.
    #[serde(deserialize_with = "unit::some_duration")]
    pub base: Option<Millis>,
    /// The longest delay.
    #[serde(deserialize_with = "unit::some_duration")]
    pub cap: Option<Millis>,
    /// How much of a delay is left to chance, 0 to 1.
    pub jitter: Option<f64>,
    /// What is particular to a failure class.
    pub class: BTreeMap<Class, ClassTable>,
}

/// Retries of one failure class; what is not named is as for the others.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassTable {
    /// Charged attempts of a round after which it is not tried again; 1 means never.
    pub max_attempts: Option<u32>,
    /// How delays grow.
    pub backoff: Option<Shape>,
    /// The first delay.
    #[serde(deserialize_with = "unit::some_duration")]
    pub base: Option<Millis>,
    /// The longest delay.
    #[serde(deserialize_with = "unit::some_duration")]
    pub cap: Option<Millis>,
    /// How much of a delay is left to chance, 0 to 1.
    pub jitter: Option<f64>,
}

impl RetryTable {
    fn common(&self) -> ClassTable {
        let Self { max_attempts, backoff, base, cap, jitter, .. } = *self;
        ClassTable { max_attempts, backoff, base, cap, jitter }
    }

    pub(super) fn ranges(&self, place: &str, check: &Ranges<'_>) -> Result<(), ConfigError> {
        self.common().ranges(place, check)?;
        for (class, table) in &self.class {
            let place = format!("{place}.class.{class}");
            check.holds(follows_policy(*class), &place, class.name(), "a class that follows a policy")?;
            table.ranges(&place, check)?;
        }
        Ok(())
    }
}

impl ClassTable {
    fn ranges(self, place: &str, check: &Ranges<'_>) -> Result<(), ConfigError> {
        let attempts = self.max_attempts.unwrap_or(1);
        check.number(&format!("{place}.max_attempts"), attempts.into(), 1, 1_000, "1 to 1000")?;
        let jitter = self.jitter.unwrap_or(0.0);
        check.holds((0.0..=1.0).contains(&jitter), &format!("{place}.jitter"), &jitter.to_string(), "0 to 1")
    }

    fn over(self, base: Backoff) -> Backoff {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() as u16;
        Backoff {
            shape: self.backoff.unwrap_or(base.shape),
            base: self.base.unwrap_or(base.base),
            cap: self.cap.unwrap_or(base.cap),
            jitter: self.jitter.map_or(base.jitter, thousandths),
        }
    }
}

/// The policy of a kind: the defaults, what holds for all, what holds for the kind, then
/// what holds for the class of all, and of the kind.
pub(super) fn policy(all: &RetryTable, kind: Option<&RetryTable>) -> Policy {
    let mut policy = Policy::default();
    for table in [Some(all), kind].into_iter().flatten() {
        policy.max_attempts = table.max_attempts.unwrap_or(policy.max_attempts);
        policy.backoff = table.common().over(policy.backoff);
    }
    for table in [Some(all), kind].into_iter().flatten() {
        for (class, own) in &table.class {
            let before = policy.classes[*class as usize];
            let Rule { max_attempts, backoff } = before.unwrap_or(Rule { max_attempts: None, backoff: policy.backoff });
            let max_attempts = own.max_attempts.or(max_attempts);
            policy.classes[*class as usize] = Some(Rule { max_attempts, backoff: own.over(backoff) });
        }
    }
    policy
}
