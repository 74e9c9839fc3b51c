//! What one fresh sandbox costs in CPU, beside the bare engine in the same run.
//!
//! `cargo bench --bench sandbox`. Each figure is the CPU time of the process, of the guest thread
//! and of the one that hands attempts out, 64 at a time, and takes their reports, divided by the
//! sandboxes, the best of five rounds; the bare loop has the same engine settings and does store +
//! instantiate + call + drop with nothing around them. On a machine that does other work the best
//! round is still honest about CPU, not about wall time.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use capstan::artifact::scratch::{self, Scratch};
use capstan::capability::fs::Mount;
use capstan::rules::attempt::Outcome;
use capstan::rules::coredump::Coredump;
use capstan::rules::limit::Limits;
use capstan::sandbox::{Attempt, Desk, Engine, EngineOptions, GuestThreads, JobView, Prepared, pair};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const RUNS: u32 = 20_000;
const ROUNDS: u32 = 5;

fn cpu(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    #[allow(clippy::cast_precision_loss)]
    let micros = time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3;
    micros
}

fn job(payload: &str) -> JobView {
    JobView {
        id: 1,
        kind: "noop".into(),
        subject: "00112233445566778899aabbccddeeff".into(),
        payload: payload.into(),
        config: "{}".into(),
        attempt: 1,
        idempotency_key: "bench".into(),
        ..JobView::default()
    }
}

fn attempt(mounts: Vec<Mount>, payload: &str) -> Attempt {
    let (_, stop) = pair();
    Attempt {
        job: job(payload),
        limits: Limits::default(),
        mounts,
        outbound: None,
        desk: Desk::default(),
        coredump: Coredump::Off,
        stop,
    }
}

fn prepare(engine: &Engine, wasm: &[u8]) -> Prepared {
    let compiled = engine.compile(wasm).unwrap();
    // SAFETY: compiled a line above, by the same engine.
    unsafe { engine.load(&compiled) }.unwrap()
}

/// Microseconds of CPU of the whole process, and of wall, for one `step`.
fn measure(runs: u32, mut step: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (start, wall) = (cpu(ClockId::ProcessCPUTime), Instant::now());
        for _ in 0..runs {
            step();
        }
        let used = (cpu(ClockId::ProcessCPUTime) - start) / f64::from(runs);
        best = (best.0.min(used), best.1.min(wall.elapsed().as_secs_f64() * 1e6 / f64::from(runs)));
    }
    best
}

/// Start a batch at once and wait for all: what a full worker does.
fn batch(threads: &GuestThreads, runtime: &tokio::runtime::Runtime, prepared: &Prepared, make: impl Fn() -> Attempt) {
    const BATCH: usize = 64;
    let running: Vec<_> = (0..BATCH)
        .map(|_| {
            let attempt = make();
            threads.run(prepared.clone(), || Ok(attempt))
        })
        .collect();
    runtime.block_on(async {
        for report in running {
            let report = report.await;
            assert!(matches!(report.outcome, Outcome::Done(_)), "{report:?}");
        }
    });
}

fn report(what: &str, (cpu, wall): (f64, f64), bare: f64) {
    println!("{what:<58} {cpu:>8.2} µs CPU {wall:>8.2} µs wall {:>6.2} × bare", cpu / bare);
}

fn with_output(
    root: &Path,
    threads: &GuestThreads,
    runtime: &tokio::runtime::Runtime,
    prepared: &Prepared,
    payload: &str,
) {
    let scratches: Vec<_> = (0..64).map(|lease| Scratch::create(root, lease + 1).unwrap()).collect();
    let running: Vec<_> = scratches
        .iter()
        .map(|scratch| {
            let mounts = vec![Mount::output(Arc::clone(scratch.dir()))];
            let attempt = attempt(mounts, payload);
            threads.run(prepared.clone(), || Ok(attempt))
        })
        .collect();
    runtime.block_on(async {
        for report in running {
            let report = report.await;
            assert!(matches!(report.outcome, Outcome::Done(_)), "{report:?}");
        }
    });
}

fn main() {
    let engine = Engine::new(&EngineOptions::default()).unwrap();
    let threads = GuestThreads::start(&engine, 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let noop = prepare(&engine, capstan_test_guests::noop());
    let output = prepare(&engine, capstan_test_guests::noop_output());

    let (clock, _) = measure(RUNS * 10, || {
        std::hint::black_box(clock_gettime(ClockId::ThreadCPUTime));
    });
    let bare = runtime.block_on(bare());
    println!("one reading of the thread's CPU clock: {clock:.3} µs");
    report("bare engine: store + instantiate + call + drop", bare, bare.0);
    let per = |(cpu, wall): (f64, f64)| (cpu / 64.0, wall / 64.0);
    let runs = RUNS / 64;
    let plain = per(measure(runs, || batch(&threads, &runtime, &noop, || attempt(Vec::new(), "{}"))));
    report("sandbox: no /output", plain, bare.0);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scratch");
    scratch::clean(&root).unwrap();
    let unused = per(measure(runs / 8, || with_output(&root, &threads, &runtime, &output, "{}")));
    report("sandbox: /output made, seen by the guest, removed", unused, bare.0);
    let written = per(measure(runs / 8, || with_output(&root, &threads, &runtime, &output, r#"{"write": true}"#)));
    report("sandbox: /output with one file written", written, bare.0);
}

/// The contract for the bare loop, where a job is nothing.
mod bare_guest {
    #![allow(unreachable_pub)]
    pub struct Nothing;
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "handler",
        exports: { default: async },
        with: { "capstan:handler/jobs.job": Nothing },
    });
}

/// The same guest on the same settings of the engine, with nothing of ours around
/// it: no limits, no epochs' callback, no hooks, no log.
async fn bare() -> (f64, f64) {
    use wasmtime::component::{Component, Linker, Resource, ResourceTable, ResourceType};
    use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    use bare_guest::{HandlerPre, Nothing};
    struct Data(WasiCtx, ResourceTable);
    impl WasiView for Data {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.0, table: &mut self.1 }
        }
    }
    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .max_memory_size(256 << 20)
        .total_memories(64)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.concurrency_support(false).async_stack_size(1 << 20).max_wasm_stack(512 << 10);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = wasmtime::Engine::new(&config).unwrap();
    let mut linker: Linker<Data> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let component = Component::new(&engine, capstan_test_guests::noop()).unwrap();
    linker.root().resource("job", ResourceType::host::<Nothing>(), |_, _| Ok(())).unwrap();
    let mut jobs = linker.instance("capstan:handler/jobs@0.1.0").unwrap();
    jobs.resource("job", ResourceType::host::<Nothing>(), |_, _| Ok(())).unwrap();
    for name in ["kind", "subject", "source", "title", "payload", "config", "idempotency-key"] {
        jobs.func_wrap(&format!("[method]job.{name}"), |_, (_,): (Resource<Nothing>,)| Ok(("{}".to_owned(),))).unwrap();
    }
    jobs.func_wrap("[method]job.id", |_, (_,): (Resource<Nothing>,)| Ok((1_u64,))).unwrap();
    jobs.func_wrap("[method]job.attempt", |_, (_,): (Resource<Nothing>,)| Ok((1_u32,))).unwrap();
    jobs.func_wrap("[method]job.tags", |_, (_,): (Resource<Nothing>,)| Ok((Vec::<String>::new(),))).unwrap();
    linker.instance("capstan:handler/outcomes@0.1.0").unwrap();
    let pre = HandlerPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (start, wall) = (cpu(ClockId::ProcessCPUTime), Instant::now());
        for _ in 0..RUNS {
            let mut store = Store::new(&engine, Data(WasiCtx::builder().build(), ResourceTable::new()));
            let handler = pre.instantiate_async(&mut store).await.unwrap();
            std::hint::black_box(handler.call_run(&mut store, Resource::new_own(0)).await.unwrap()).unwrap();
        }
        let used = (cpu(ClockId::ProcessCPUTime) - start) / f64::from(RUNS);
        best = (best.0.min(used), best.1.min(wall.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS)));
    }
    best
}
