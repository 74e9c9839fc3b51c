//! When a failed attempt is tried again.
//!
//! A delay grows from try to try by its shape, is capped, and is shortened at random
//! by its jitter: with 0.5, the default, it lies between half of and the whole of what
//! the shape says. (Why jitter: Marc Brooker, "Exponential Backoff and Jitter", AWS
//! 2015; a share is kept so that a retry never comes at once.) Each failure class may
//! have a rule of its own. What this cannot promise: `deferred`, `lost` and
//! `cancelled` follow no policy; the handler, recovery and people decide those.

use super::attempt::Class;
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// How delays grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Always `base`.
    Fixed,
    /// `base`, twice `base`, three times `base`, …
    Linear,
    /// `base`, twice that, twice that again, …
    Exponential,
}

/// How far apart tries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// How delays grow. Default exponential.
    pub shape: Shape,
    /// The first delay. Default 5 s.
    pub base: Millis,
    /// No delay is longer. Default 1 h.
    pub cap: Millis,
    /// How much of a delay is left to chance, in thousandths: 0 to 1000. Default 500.
    pub jitter: u16,
}

impl Backoff {
    /// The default.
    pub const DEFAULT: Self =
        Self { shape: Shape::Exponential, base: Millis::seconds(5), cap: Millis::seconds(3_600), jitter: 500 };
}

/// What is particular to a failure class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Charged attempts of a round after which this class is not tried again; 1 means
    /// never. Those of the job, for a class that is retried by default, without.
    pub max_attempts: Option<u32>,
    /// How far apart tries are.
    pub backoff: Backoff,
}

/// How often and how far apart one kind is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Charged attempts per round. Default 5.
    pub max_attempts: u32,
    /// How far apart tries are.
    pub backoff: Backoff,
    /// Classes with a rule of their own, in the order of [`Class::ALL`].
    pub classes: [Option<Rule>; Class::ALL.len()],
}

impl Policy {
    /// So many attempts, this far apart, whatever the class.
    pub const fn plain(max_attempts: u32, backoff: Backoff) -> Self {
        Self { max_attempts, backoff, classes: [None; Class::ALL.len()] }
    }

    /// The delay before a job is tried again that failed with this class in charged
    /// try number `tried` (from 1), of `max_attempts` that its round may have; none
    /// when it is not. `random` is uniform in 0 ≤ random < 1.
    pub fn again(&self, class: Class, tried: u32, max_attempts: u32, random: f64) -> Option<Millis> {
        let rule = if follows_policy(class) { self.classes[class as usize] } else { None };
        let by_default = if is_retried(class) { max_attempts } else { 1 };
        let most = rule.and_then(|rule| rule.max_attempts).unwrap_or(by_default);
        let own = rule.map_or(self.backoff, |rule| rule.backoff);
        (tried < most).then(|| backoff(&own, tried, random))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::plain(5, Backoff::DEFAULT)
    }
}

/// Deaths of the host with this job as the lone suspect, until it counts as `lost`.
pub const MAX_DEATHS: u32 = 3;
/// `retry-after` answers in a round, until the job fails.
pub const MAX_DEFERRALS: u32 = 20;
/// Time from the round's first `retry-after`, until the job fails: 7 days.
pub const MAX_DEFERRED_FOR: Millis = Millis::seconds(7 * 86_400);
/// The shortest `retry-after` that is kept: 1 s.
pub const MIN_DEFERRAL: Millis = Millis::seconds(1);
/// The longest `retry-after` that is kept: 24 h.
pub const MAX_DEFERRAL: Millis = Millis::seconds(86_400);

/// Whether a class is tried again when no rule of its own says otherwise.
pub const fn is_retried(class: Class) -> bool {
    match class {
        Class::Transient | Class::Deferred | Class::Trap | Class::Timeout | Class::HostFault => true,
        Class::Permanent
        | Class::CpuLimit
        | Class::MemoryLimit
        | Class::Quota
        | Class::Denied
        | Class::BadPayload
        | Class::BadOutput
        | Class::NoHandler
        | Class::Lost
        | Class::Cancelled => false,
    }
}

/// Whether a class may have a rule of its own.
pub const fn follows_policy(class: Class) -> bool {
    !matches!(class, Class::Deferred | Class::Lost | Class::Cancelled)
}

/// The delay before the try that follows charged try number `tried` (from 1).
/// `random` is uniform in 0 ≤ random < 1.
pub fn backoff(backoff: &Backoff, tried: u32, random: f64) -> Millis {
    let before = tried.saturating_sub(1);
    let factor = match backoff.shape {
        Shape::Fixed => 1,
        Shape::Linear => u64::from(before) + 1,
        Shape::Exponential => 1 << before.min(62),
    };
    let whole = backoff.base.0.saturating_mul(factor).min(backoff.cap.0);
    let loose = u128::from(whole) * u128::from(backoff.jitter.min(1_000)) / 1_000;
    // Not more than the whole, which fits.
    let loose = u64::try_from(loose).unwrap_or(whole);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let chance = (loose as f64 * random.clamp(0.0, 1.0)) as u64;
    Millis(whole - loose + chance.min(loose))
}

/// A wish to wait, brought into its bounds.
pub fn clamp_deferral(asked: Millis) -> Millis {
    asked.clamp(MIN_DEFERRAL, MAX_DEFERRAL)
}
