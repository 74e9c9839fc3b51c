//! Attempts that ended because somebody cancelled their job say who did.

use super::{Runtime, ServiceError};
use crate::rules::attempt::{Class, Outcome};
use crate::sandbox::Report;
use crate::store::settle::Facts;

/// Whether an attempt that did not succeed had been asked to stop because its job is cancelled: its end may
/// be a limit that it met in its grace.
pub(super) fn was_asked(runtime: &Runtime, facts: &Facts, outcome: &Outcome) -> bool {
    let asked = || runtime.running.stopper(facts.running.id).is_some_and(|stopper| stopper.has_cancelled());
    matches!(outcome, Outcome::Stopped | Outcome::Failed(_)) && asked()
}

/// Say who asked: the request was on record before the guest was asked to stop.
///
/// # Errors
/// The store said no.
pub(super) async fn name(runtime: &Runtime, facts: &mut Facts, report: &mut Report) -> Result<(), ServiceError> {
    facts.running.cancel_by = runtime.store.job(facts.running.id).await?.and_then(|job| job.cancel_by);
    if let (Outcome::Failed(fault), Some(by)) = (&mut report.outcome, &facts.running.cancel_by)
        && fault.class == Class::Cancelled
    {
        fault.message = fault.message.replacen("cancelled", &format!("cancelled by {by}"), 1);
    }
    Ok(())
}
