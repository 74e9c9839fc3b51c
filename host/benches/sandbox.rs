//! What one fresh sandbox costs in CPU, beside the bare engine in the same run.
//!
//! `cargo bench --bench sandbox`. A figure is CPU time of the process: of the guest thread and of the one that hands
//! attempts out, 64 at a time, and takes their reports; the bare loop has the same engine settings and does store +
//! instantiate + call + drop with nothing around them. Rounds of some 30 ms, one of each sort in turns: a machine that is
//! shared slows down and recovers within a second. Printed are the best round of each sort and the median of the
//! ratios of neighbours, which depends less on how fast the machine is.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use bare_guest::{HandlerPre, Nothing};
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
use wasmtime::component::{Component, Linker, Resource, ResourceTable, ResourceType};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Sandboxes of a round: of those without folders, and of those with.
const RUNS: u32 = 32 * 64;
const RUNS_WITH_OUTPUT: u32 = 4 * 64;
const ROUNDS: u32 = 60;

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

/// Microseconds of one sandbox.
#[derive(Clone, Copy)]
struct Cost {
    /// CPU of the whole process.
    cpu: f64,
    wall: f64,
}

/// What `runs` sandboxes cost.
fn round(runs: u32, work: impl FnOnce()) -> Cost {
    let (start, wall) = (cpu(ClockId::ProcessCPUTime), Instant::now());
    work();
    let runs = f64::from(runs);
    Cost { cpu: (cpu(ClockId::ProcessCPUTime) - start) / runs, wall: wall.elapsed().as_secs_f64() * 1e6 / runs }
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

/// Print the best of `rounds`, and the median of the ratios to the bare rounds beside them.
fn report(what: &str, rounds: &[Cost], bare: &[Cost]) {
    let best = |of: fn(&Cost) -> f64| rounds.iter().map(of).fold(f64::MAX, f64::min);
    let mut ratios: Vec<f64> = rounds.iter().zip(bare).map(|(round, bare)| round.cpu / bare.cpu).collect();
    ratios.sort_by(f64::total_cmp);
    let (cpu, wall, ratio) = (best(|cost| cost.cpu), best(|cost| cost.wall), ratios[ratios.len() / 2]);
    println!("{what:<58} {cpu:>8.2} µs CPU {wall:>8.2} µs wall {ratio:>6.2} × bare");
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

    let clock = round(RUNS * 10, || {
        for _ in 0..RUNS * 10 {
            std::hint::black_box(clock_gettime(ClockId::ThreadCPUTime));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scratch");
    scratch::clean(&root).unwrap();
    let bare = Bare::new();
    let empty = |runs: u32| {
        for _ in 0..runs / 64 {
            batch(&threads, &runtime, &noop, || attempt(Vec::new(), "{}"));
        }
    };
    let folders = |runs: u32, payload: &str| {
        for _ in 0..runs / 64 {
            with_output(&root, &threads, &runtime, &output, payload);
        }
    };
    let mut rounds: [Vec<Cost>; 4] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].push(round(RUNS, || runtime.block_on(bare.run(RUNS))));
        rounds[1].push(round(RUNS, || empty(RUNS)));
        rounds[2].push(round(RUNS_WITH_OUTPUT, || folders(RUNS_WITH_OUTPUT, "{}")));
        rounds[3].push(round(RUNS_WITH_OUTPUT, || folders(RUNS_WITH_OUTPUT, r#"{"write": true}"#)));
    }
    println!("one reading of the thread's CPU clock: {:.3} µs", clock.cpu);
    let names = [
        "bare engine: store + instantiate + call + drop",
        "sandbox: no /output",
        "sandbox: /output made, seen by the guest, removed",
        "sandbox: /output with one file written",
    ];
    for (name, of_sort) in names.into_iter().zip(&rounds) {
        report(name, of_sort, &rounds[0]);
    }
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

struct Data(WasiCtx, ResourceTable);

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.0, table: &mut self.1 }
    }
}

/// The same guest on the same settings of the engine, with nothing of ours around
/// it: no limits, no epochs' callback, no hooks, no log.
struct Bare {
    engine: wasmtime::Engine,
    pre: HandlerPre<Data>,
}

impl Bare {
    fn new() -> Self {
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
        let component = Component::new(&engine, capstan_test_guests::noop()).unwrap();
        let pre = HandlerPre::new(linker(&engine).instantiate_pre(&component).unwrap()).unwrap();
        Self { engine, pre }
    }

    async fn run(&self, runs: u32) {
        for _ in 0..runs {
            let mut store = Store::new(&self.engine, Data(WasiCtx::builder().build(), ResourceTable::new()));
            let handler = self.pre.instantiate_async(&mut store).await.unwrap();
            std::hint::black_box(handler.call_run(&mut store, Resource::new_own(0)).await.unwrap()).unwrap();
        }
    }
}

/// WASI and the part of the contract that the guest calls.
fn linker(engine: &wasmtime::Engine) -> Linker<Data> {
    let mut linker: Linker<Data> = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
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
    linker
}
