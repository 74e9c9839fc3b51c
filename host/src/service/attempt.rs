//! One attempt: prepare, run, check, publish, settle.
//!
//! Whatever goes wrong becomes an outcome of the attempt; only a store that says
//! no is an error, and ends the host.

pub(super) mod prepared;

use super::handler::Ready;
use super::import::root::Roots;
use super::{Runtime, ServiceError, cancel, coredump, deadline, desk, pipeline};
use crate::artifact::collect::{Allowance, CollectError};
use crate::artifact::name::Name;
use crate::artifact::publish::{Order, PublishError, Published};
use crate::artifact::spare::Spare;
use crate::clock;
use crate::handler::loaded::Checks;
use crate::rules::attempt::{Class, Fault, Outcome, Usage};
use crate::rules::job::{self, Next};
use crate::rules::limit::Limits;
use crate::rules::margin;
use crate::rules::progress::Progress;
use crate::sandbox::{Attempt, Board, Report, StopSignal};
use crate::store::artifact::{Publication, PublishedFile};
use crate::store::attempt::AttemptRecord;
use crate::store::claim::Claimed;
use crate::store::settle::{Facts, Settlement};
use prepared::{Kept, Prepared, prepare};
use std::sync::Arc;

/// What goes between an attempt and those who watch it.
pub(super) struct Told {
    /// How it is told to stop.
    pub(super) stop: StopSignal,
    /// Where it tells how far it is.
    pub(super) board: Board,
}

/// Run a claimed job to the end of its attempt; what it used. `ready` is the handler
/// that it was claimed for, or why there is none.
///
/// # Errors
/// The store said no.
pub(super) async fn run(
    runtime: &Arc<Runtime>,
    roots: &Roots,
    claimed: Box<Claimed>,
    ready: Result<Arc<Ready>, String>,
    told: Told,
) -> Result<Usage, ServiceError> {
    let Told { stop, board } = told;
    let mut facts = claimed.facts.clone();
    let prepared = prepare(runtime, roots, claimed, ready, board.clone()).await;
    // In a box, for what is moved between futures lies in each of them, and this is what waits for the guest.
    let performed = |prepared| Box::pin(perform(runtime, &facts, prepared, stop));
    let Performed { mut report, publication, limits } = match prepared.map(performed) {
        Ok(performed) => performed.await,
        Err(fault) => Performed { report: Report::failed(fault), publication: None, limits: None },
    };
    if cancel::was_asked(runtime, &facts, &report.outcome) {
        // In a box: a question to the database is larger than all the rest, and hardly an attempt asks it.
        Box::pin(cancel::name(runtime, &mut facts, &mut report)).await?;
    }
    let usage = report.usage;
    let mut settlement = settlement(runtime, facts, report, publication, board.read());
    settlement.attempt.limits = limits;
    runtime.store.settle(settlement).await?;
    Ok(usage)
}

/// What came of an attempt.
struct Performed {
    report: Report,
    publication: Option<Publication>,
    /// The limits, where the row keeps them.
    limits: Option<Limits>,
}

/// Work that waits for the disk, away from the loops.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let lost = |error: tokio::task::JoinError| Fault::new(Class::HostFault, format!("the host failed: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(lost)
}

/// Run the guest, check what it answered and publish what it made.
fn perform(
    runtime: &Arc<Runtime>,
    facts: &Facts,
    prepared: Prepared,
    stop: StopSignal,
) -> impl Future<Output = Performed> {
    let Prepared { ready, view, folders, outbound, limits, wall, desk } = prepared;
    let kept = Kept::default();
    let make = {
        let (runtime, lease, kept) = (Arc::clone(runtime), facts.running.lease, kept.clone());
        let coredump = runtime.config.now().coredump(&ready.loaded.description.name);
        move || {
            let mounts = folders.open(&runtime, lease, &kept)?;
            Ok(Attempt { job: view, limits, mounts, outbound, desk, coredump, stop })
        }
    };
    let running = runtime.guests.run(ready.loaded.prepared.clone(), make);
    async move {
        let mut report = running.await;
        deadline::name(&mut report, wall);
        coredump::keep(runtime, facts.running.lease, report.core.take()).await;
        let scratch = keep_spare(runtime, kept.take(), &report.usage);
        let published = match (&report.outcome, ready.checks(&facts.kind)) {
            (Outcome::Done(result), Some(checks)) => {
                Box::pin(finish(runtime, facts, checks, result, scratch, &limits)).await
            }
            (Outcome::Unchanged(result), Some(checks)) => {
                discard(scratch).await;
                checks.result(result).map(|()| None).map_err(|wrong| bad_result(&wrong))
            }
            _ => {
                discard(scratch).await;
                Ok(None)
            }
        };
        let publication = published.unwrap_or_else(|fault| {
            report.outcome = Outcome::Failed(fault);
            None
        });
        let limits = margin::kept(&report.outcome, &report.usage, &limits);
        Performed { report, publication, limits }
    }
}

/// Remove what an attempt made that is not to be published.
async fn discard(scratch: Option<Spare>) {
    if let Some(spare) = scratch {
        // What cannot be removed now is removed at the next start.
        let _ = blocking(move || drop(spare)).await;
    }
}

/// Give back a scratch in which nothing was made.
fn keep_spare(runtime: &Runtime, scratch: Option<Spare>, usage: &Usage) -> Option<Spare> {
    if usage.scratch_files > 0 {
        return scratch;
    }
    if let Some(spare) = scratch {
        runtime.spares.put(spare);
    }
    None
}

fn bad_result(wrong: &str) -> Fault {
    Fault::new(Class::BadOutput, format!("the result does not match the handler's schema: {wrong}"))
}

async fn finish(
    runtime: &Arc<Runtime>,
    facts: &Facts,
    checks: &Checks,
    result: &str,
    scratch: Option<Spare>,
    limits: &Limits,
) -> Result<Option<Publication>, Fault> {
    checks.result(result).map_err(|wrong| bad_result(&wrong))?;
    let Some(scratch) = scratch else { return Ok(None) };
    let name = Name::new(&facts.about.subject, &facts.kind, facts.running.lease)
        .map_err(|error| Fault::new(Class::HostFault, error.to_string()))?;
    let allowance = Allowance { bytes: limits.scratch_bytes, files: limits.scratch_files };
    let media_types = checks.artifacts.clone();
    let runtime = Arc::clone(runtime);
    let publish = move || {
        runtime.publisher.publish(scratch.into_scratch(), &Order { name: &name, allowance, media_types: &media_types })
    };
    let published = blocking(publish).await?;
    let title = title(facts, result);
    Ok(published.map_err(|error| unpublished(&error))?.map(|published| publication(published, title)))
}

/// Whose fault it is that something could not be published.
fn unpublished(error: &PublishError) -> Fault {
    let class = match error {
        PublishError::Collect(CollectError::Quota { .. }) => Class::Quota,
        PublishError::Collect(CollectError::Io { .. }) | PublishError::Exists(_) | PublishError::Io { .. } => {
            Class::HostFault
        }
        PublishError::Collect(_) => Class::BadOutput,
    };
    Fault::new(class, error.to_string())
}

/// A `title` in the result of a job that has none becomes its subject's.
fn title(facts: &Facts, result: &str) -> String {
    if !facts.about.title.is_empty() {
        return facts.about.title.clone();
    }
    let result: serde_json::Value = serde_json::from_str(result).unwrap_or_default();
    result.get("title").and_then(|title| title.as_str()).unwrap_or_default().to_owned()
}

fn publication(published: Published, title: String) -> Publication {
    let files = published.files.into_iter().map(|file| PublishedFile {
        path: file.path,
        bytes: file.bytes,
        sha256: file.sha256,
        media_type: file.media_type,
    });
    Publication { location: published.location, title, files: files.collect() }
}

fn settlement(
    runtime: &Runtime,
    facts: Facts,
    report: Report,
    publication: Option<Publication>,
    progress: Option<Progress>,
) -> Settlement {
    let now = clock::now();
    let policy = runtime.config.now().policy(&facts.kind);
    let transition = job::finish(&facts.running, &report.outcome, &policy, now, fastrand::f64());
    let (follow, enqueue) = match transition.next {
        Next::Completed { .. } => {
            let jobs = report.enqueue.into_iter().map(|wish| desk::job(runtime, &facts, wish, now));
            (pipeline::follow(runtime, &facts), jobs.collect())
        }
        _ => (Vec::new(), Vec::new()),
    };
    let text = |text: String| (!text.is_empty()).then_some(text);
    let mut record = AttemptRecord {
        boot: runtime.boot,
        finished_at: now,
        outcome: "stopped",
        message: None,
        details: None,
        backtrace: None,
        usage: Some(report.usage),
        limits: None,
        log: text(report.log.text),
        log_dropped: report.log.dropped,
    };
    match report.outcome {
        Outcome::Done(_) => record.outcome = "done",
        Outcome::Unchanged(_) => record.outcome = "unchanged",
        Outcome::Stopped => {}
        Outcome::Failed(fault) => {
            record.outcome = fault.class.name();
            record.message = Some(fault.message);
            record.details = fault.details;
            record.backtrace = text(fault.backtrace);
        }
    }
    Settlement { facts, transition, attempt: record, publication, follow, enqueue, progress }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Handler = Result<Arc<Ready>, String>;

    fn attempt<F>(_: impl FnOnce(&'static Arc<Runtime>, &'static Roots, Box<Claimed>, Handler, Told) -> F) -> usize {
        size_of::<F>()
    }

    fn beside<F>(_: impl FnOnce(&'static Arc<Runtime>, &'static Facts, Prepared, StopSignal) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_an_attempt_waits_with_is_small() {
        // It was 6,424 bytes while what is moved from one function to the next lay in the future of each.
        assert!(attempt(run) <= 2_048, "{} bytes", attempt(run));
        assert!(beside(perform) <= 1_024, "{} bytes", beside(perform));
    }
}
