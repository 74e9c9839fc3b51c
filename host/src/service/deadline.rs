//! Attempts that ended because of their job's deadline say so.

use crate::rules::attempt::{Class, Outcome};
use crate::rules::limit::Wall;
use crate::sandbox::Report;

/// Say that it was the deadline, where it was.
pub(super) fn name(report: &mut Report, wall: Wall) {
    let Wall::Deadline { at, left } = wall else { return };
    let is_over = u128::from(report.usage.wall_us) >= left.duration().as_micros();
    if let Outcome::Failed(fault) = &mut report.outcome
        && fault.class == Class::Timeout
        && is_over
    {
        fault.message = format!("deadline {} passed while it ran, {left} after it began", at.rfc3339());
    }
}
