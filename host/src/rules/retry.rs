//! When a failed attempt is tried again.
//!
//! Exponential backoff with full jitter below the last doubling: the delay of
//! try *n* lies between half of and the whole of `base · 2ⁿ⁻¹`, capped. (Why
//! jitter: Marc Brooker, "Exponential Backoff and Jitter", AWS 2015; the lower
//! half is kept so that a retry never comes at once.)

use super::attempt::Class;
use super::time::Millis;

/// How often and how far apart one kind is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Charged attempts per round. Default 5.
    pub max_attempts: u32,
    /// The first delay. Default 5 s.
    pub base: Millis,
    /// No delay is longer. Default 1 h.
    pub cap: Millis,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_attempts: 5, base: Millis::seconds(5), cap: Millis::seconds(3_600) }
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

/// Whether a class may be tried again at all.
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

/// The delay before the try that follows charged try number `tried` (from 1).
/// `random` is uniform in 0 ≤ random < 1.
pub fn backoff(policy: &Policy, tried: u32, random: f64) -> Millis {
    let doublings = tried.saturating_sub(1).min(62);
    let whole = policy.base.0.saturating_mul(1 << doublings).min(policy.cap.0);
    let half = whole / 2;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let jitter = ((whole - half) as f64 * random.clamp(0.0, 1.0)) as u64;
    Millis(half + jitter.min(whole - half))
}

/// A wish to wait, brought into its bounds.
pub fn clamp_deferral(asked: Millis) -> Millis {
    asked.clamp(MIN_DEFERRAL, MAX_DEFERRAL)
}
