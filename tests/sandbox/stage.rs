//! What the tests of this folder share: one engine, guests compiled once, attempts
//! that differ in few words.

use capstan::capability::fs::Mount;
use capstan::rules::attempt::{Class, Fault, Outcome};
use capstan::rules::coredump::Coredump;
use capstan::rules::limit::Limits;
use capstan::rules::time::Millis;
use capstan::sandbox::{
    Attempt, Desk, Engine, EngineOptions, GuestThreads, JobView, Prepared, Report, StopSignal, pair,
};
use std::sync::{Arc, OnceLock};

/// One engine for all tests of this process.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&EngineOptions::default()).unwrap())
}

/// Compile and load for one engine.
pub(super) fn prepare(engine: &Engine, wasm: &[u8]) -> Prepared {
    let compiled = engine.compile(wasm).unwrap();
    // SAFETY: compiled a line above, by the same engine.
    unsafe { engine.load(&compiled) }.unwrap()
}

pub(super) fn odd() -> Prepared {
    static ODD: OnceLock<Prepared> = OnceLock::new();
    ODD.get_or_init(|| prepare(engine(), capstan_test_guests::odd())).clone()
}

pub(super) fn clerk_itself() -> Prepared {
    static CLERK: OnceLock<Prepared> = OnceLock::new();
    CLERK.get_or_init(|| prepare(engine(), capstan_test_guests::clerk())).clone()
}

/// Limits that a test reaches soon.
pub(super) fn limits() -> Limits {
    Limits { cpu: Millis(300), wall: Millis::seconds(20), memory: 64 << 20, ..Limits::default() }
}

pub(super) fn job(payload: &str) -> JobView {
    JobView {
        id: 7,
        kind: "odd".into(),
        subject: "00112233445566778899aabbccddeeff".into(),
        payload: payload.into(),
        config: "{}".into(),
        attempt: 1,
        idempotency_key: "key-7".into(),
        ..JobView::default()
    }
}

pub(super) fn attempt(payload: &str, limits: Limits) -> Attempt {
    let (_, stop) = pair();
    stoppable(payload, limits, stop)
}

pub(super) fn stoppable(payload: &str, limits: Limits, stop: StopSignal) -> Attempt {
    let (desk, coredump) = (Desk::default(), Coredump::Off);
    Attempt { job: job(payload), limits, mounts: Vec::new(), outbound: None, desk, coredump, stop }
}

/// An attempt that needs nothing to be made.
pub(super) fn ready(attempt: Attempt) -> impl FnOnce() -> Result<Attempt, Fault> + Send + 'static {
    move || Ok(attempt)
}

/// An empty `/output`.
pub(super) fn output() -> (tempfile::TempDir, Mount) {
    let folder = tempfile::tempdir().unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
    (folder, Mount::output(Arc::new(dir)))
}

/// Wait for an attempt from a plain test.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Run `odd` with this payload on a thread of its own.
pub(super) fn run(payload: &str) -> Report {
    run_attempt(attempt(payload, limits()))
}

pub(super) fn run_attempt(attempt: Attempt) -> Report {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    wait(threads.run(odd(), ready(attempt)))
}

/// Run `odd` with an `/output`.
pub(super) fn run_with_output(payload: &str, limits: Limits) -> (tempfile::TempDir, Report) {
    let (folder, mount) = output();
    let attempt = Attempt { mounts: vec![mount], ..attempt(payload, limits) };
    (folder, run_attempt(attempt))
}

pub(super) fn fault(report: &Report) -> &Fault {
    match &report.outcome {
        Outcome::Failed(fault) => fault,
        other => panic!("expected a fault, got {other:?}; log:\n{}", report.log.text),
    }
}

pub(super) fn ended(report: &Report) -> (Class, &str) {
    let fault = fault(report);
    (fault.class, &fault.message)
}

pub(super) fn done(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Done(result) => result,
        other => panic!("expected done, got {other:?}; log:\n{}", report.log.text),
    }
}
