//! One attempt: a fresh store, one call, everything measured, the store dropped.

use super::desk::Desk;
use super::engine::{Engine, Prepared};
use super::log::Log;
use super::outbound::Outbound;
use super::remains::Remains;
use super::session::{Answer, End, Entry, Session};
use super::state::JobView;
use super::stop::{self, StopSignal};
use crate::capability::fs::Mount;
use crate::rules::attempt::{Class, Fault, Outcome, Usage};
use crate::rules::coredump::Coredump;
use crate::rules::enqueue::Wish;
use crate::rules::limit::Limits;
use crate::rules::time::Millis;

/// What `describe` may use: it only builds a document.
const DESCRIBE: Limits = Limits {
    cpu: Millis::seconds(2),
    wall: Millis::seconds(60),
    memory: 256 << 20,
    scratch_bytes: 0,
    scratch_files: 0,
    log: 16 << 10,
    result: 256 << 10,
    requests: 0,
    traffic: 0,
    checkpoint: 0,
    enqueued: 0,
    retrievals: 0,
    handles: 256,
    resources: 10_000,
    table_elements: 100_000,
    instances: 64,
    memories: 16,
    host_calls: 1_000_000,
    call_bytes: 16 << 20,
    cancel_grace: Millis(0),
};

/// What to run.
#[derive(Debug)]
pub struct Attempt {
    /// The job as the guest sees it.
    pub job: JobView,
    /// What it may use.
    pub limits: Limits,
    /// The folders it sees; one with [`Write`](crate::capability::fs::Access::Write) at most, its `/output`.
    pub mounts: Vec<Mount>,
    /// The requests it may send; none without.
    pub outbound: Option<Outbound>,
    /// What it may hand in.
    pub desk: Desk,
    /// Whether it leaves a core dump when it is ended.
    pub coredump: Coredump,
    /// How it is told to stop.
    pub stop: StopSignal,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The outcome.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// What it logged.
    pub log: Log,
    /// The jobs that it wants to be queued if it succeeded.
    pub enqueue: Vec<Wish>,
    /// Its core dump.
    pub core: Option<Vec<u8>>,
}

impl Report {
    /// An attempt that never reached its guest.
    pub fn failed(fault: Fault) -> Self {
        let (usage, log) = (Usage::default(), Log::default());
        Self { outcome: Outcome::Failed(fault), usage, log, enqueue: Vec::new(), core: None }
    }

    /// An attempt that the host could not run.
    pub(super) fn host_fault(message: String) -> Self {
        Self::failed(Fault::new(Class::HostFault, message))
    }
}

impl Engine {
    /// Ask a component what it is: one JSON document, as the component wrote it.
    /// Nothing is granted; 2 s of CPU, 256 MiB. Polls compute on the calling thread.
    pub async fn describe(&self, prepared: &Prepared) -> Result<String, Fault> {
        let (_stopper, stop) = stop::pair();
        let attempt = Attempt {
            job: JobView::default(),
            limits: DESCRIBE,
            mounts: Vec::new(),
            outbound: None,
            desk: Desk::default(),
            coredump: Coredump::Off,
            stop,
        };
        let (session, state) = Session::new(self, prepared, attempt);
        let begun = session.begin(state);
        let (end, _) = session.drive(begun, Entry::Describe).await;
        match end {
            End::Returned(Ok(Answer::Described(text))) if text.len() as u64 <= DESCRIBE.result => Ok(text),
            End::Returned(Ok(Answer::Described(text))) => {
                let message = format!("describe returned {} bytes; {} are allowed", text.len(), DESCRIBE.result);
                Err(Fault::new(Class::BadOutput, message))
            }
            end => match session.outcome(end) {
                Outcome::Failed(fault) => Err(fault),
                _ => Err(Fault::new(Class::HostFault, "describe did not answer")),
            },
        }
    }
}

/// Run one attempt. Must be polled by one thread only.
pub(super) fn run<'a>(engine: &'a Engine, prepared: &'a Prepared, attempt: Attempt) -> impl Future<Output = Report> {
    let (session, state) = Session::new(engine, prepared, attempt);
    let begun = session.stopped().map_or_else(|| Ok(session.begin(state)), Err);
    async move {
        let (end, remains) = match begun {
            Ok(begun) => session.drive(begun, Entry::Run).await,
            Err(halt) => (End::Halted(halt), Remains::default()),
        };
        session.report(end, remains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl FnOnce(&'static Engine, &'static Prepared, Attempt) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_a_guest_waits_with_is_small() {
        // It was 5,568 bytes while what is moved from one function to the next lay in the future of each.
        assert!(size(run) <= 2_048, "{} bytes", size(run));
    }
}
