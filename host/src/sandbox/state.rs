//! What one store holds for its guest.
//!
//! Made for one attempt and dropped with it. What a minimal guest never touches
//! (random generators, clocks, the socket tables that say no) is made on first
//! use, because making it costs more than running such a guest.

use super::board::Board;
use super::calls::Calls;
use super::command::{self, LastLine};
use super::contract::JobHandle;
use super::desk::Open;
use super::log::Tail;
use super::memory::Memory;
use super::meter::Meter;
use super::outbound::{Hooks, Outbound};
use super::quota::Quota;
use super::stop::StopSignal;
use super::traffic::Traffic;
use crate::capability::fs::Mount;
use crate::rules::limit::Limits;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Bytes of randomness per call: 64 KiB.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// What an attempt is about, as the guest sees it. Lengths and forms are as the
/// contract says; the caller has checked them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobView {
    /// The job's number.
    pub id: i64,
    /// What it asks for.
    pub kind: String,
    /// The subject's id.
    pub subject: String,
    /// The subject's canonical source, or empty.
    pub source: String,
    /// The title, or empty.
    pub title: String,
    /// The tags.
    pub tags: Vec<String>,
    /// The payload, JSON.
    pub payload: String,
    /// The operator's configuration for the kind, JSON; `{}` when there is none.
    pub config: String,
    /// Which try of the round, from 1.
    pub attempt: u32,
    /// The same in every attempt of the job.
    pub idempotency_key: String,
}

/// What the store, its streams and the attempt's poll share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) meter: Meter,
    pub(super) calls: Calls,
    /// Where it logs.
    pub(super) board: Board,
    pub(super) quota: Mutex<Quota>,
    pub(super) traffic: Mutex<Traffic>,
    pub(super) desk: Mutex<Open>,
    pub(super) stop: StopSignal,
    /// For a program: the last line of its stdout.
    pub(super) answer: Option<Mutex<LastLine>>,
}

impl Shared {
    pub(super) fn log(&self) -> MutexGuard<'_, Tail> {
        self.board.log()
    }

    /// Write to the log.
    pub(super) fn record(&self, write: impl FnOnce(&mut Tail)) {
        self.board.record(write);
    }

    pub(super) fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a program: the last line of its stdout.
    pub(super) fn answer(&self) -> Option<MutexGuard<'_, LastLine>> {
        self.answer.as_ref().map(|line| line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Say something in the attempt's log that the guest has no words for.
    pub(super) fn note(&self, message: &str) {
        self.record(|log| log.note(message));
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Open> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of a component was made in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// Not all of it, or nothing.
    Part,
    /// Its export could be called.
    Whole,
}

/// The data of a store.
pub(super) struct State {
    pub(super) job: JobView,
    pub(super) mounts: Vec<Mount>,
    pub(super) memory: Memory,
    pub(super) shared: Arc<Shared>,
    pub(super) table: ResourceTable,
    pub(super) made: Made,
    /// Core instances, when the guest has ended.
    pub(super) instances: u64,
    /// What is kept of the guest's memory when it has ended.
    pub(super) core: Option<Vec<u8>>,
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
    hooks: Hooks,
}

impl State {
    pub(super) fn new(
        job: JobView,
        mounts: Vec<Mount>,
        outbound: Option<Outbound>,
        limits: &Limits,
        shared: Arc<Shared>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(number(limits.handles));
        let hooks = Hooks { outbound, shared: Arc::clone(&shared) };
        let memory = Memory::new(limits);
        let (made, http) = (Made::Part, WasiHttpCtx::new());
        Self { job, mounts, memory, shared, table, made, instances: 0, core: None, wasi: None, http, hooks }
    }

    /// The most that was open at the same time, when the guest has ended. The table takes the places that were given
    /// back before it grows, so this is its length; it does not tell it, so it is filled up and counted.
    pub(super) fn handles(&mut self) -> u64 {
        self.table.set_max_capacity(0);
        while self.table.push(()).is_ok() {}
        self.table.iter_mut().count() as u64
    }

    /// The same before anything ran, for another store.
    pub(super) fn renewed(self, limits: &Limits) -> Self {
        Self::new(self.job, self.mounts, self.hooks.outbound, limits, self.shared)
    }

    /// What a program finds on stdin; nothing for a handler of the contract.
    pub(super) fn input(&self) -> Vec<u8> {
        self.shared.answer.as_ref().map(|_| command::input(&self.job)).unwrap_or_default()
    }

    /// The arguments of a program: its name, which is the kind.
    pub(super) fn arguments(&self) -> Vec<String> {
        self.shared.answer.iter().map(|_| self.job.kind.clone()).collect()
    }

    /// The job as the guest's function takes it: borrowed for the call.
    pub(super) fn job_handle() -> Resource<JobHandle> {
        Resource::new_own(0)
    }
}

/// Nothing but clocks and randomness: no environment, no arguments, no network.
fn wasi() -> WasiCtx {
    WasiCtx::builder()
        .allow_blocking_current_thread(true)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(MAX_RANDOM_BYTES)
        .build()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: self.wasi.get_or_insert_with(wasi), table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// The caps of a store that the engine counts itself.
pub(super) fn cap(store: &mut wasmtime::Store<State>, limits: &Limits) {
    store.set_max_component_handles(number(limits.resources));
    store.set_hostcall_fuel(number(limits.call_bytes));
    store.limiter(|state| &mut state.memory);
}

fn number(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
