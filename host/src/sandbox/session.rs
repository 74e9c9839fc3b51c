//! One store and what watches it.
//!
//! The guest's future is watched from two sides. While it computes, the engine's
//! epoch callback compares what it used with its limits every tick and makes it
//! yield when it has had the thread for 50 ms. While it waits in the host, a timer
//! and the stop signal are polled beside it.

use super::attempt::{Attempt, Report};
use super::calls::Calls;
use super::command::{self, Exit, LastLine};
use super::contract::{Failure, Success};
use super::coredump;
use super::desk::Open;
use super::engine::{Engine, Home, Prepared};
use super::fault;
use super::halt::Halt;
use super::log::Source;
use super::meter::Meter;
use super::outbox;
use super::quota::Quota;
use super::remains::Remains;
use super::state::{self, Made, Shared, State};
use super::stop::{Reason, StopSignal};
use super::traffic::Traffic;
use super::world::{Live, World};
use crate::capability::fs::Access;
use crate::rules::attempt::{Class, Fault, Outcome, Usage};
use crate::rules::coredump::Coredump;
use crate::rules::limit::Limits;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wasmtime::{PoolConcurrencyLimitError, Store, UpdateDeadline};

/// CPU time for which a guest keeps its thread while others wait: 50 ms, so that
/// short jobs run to completion in the order they came.
const SLICE: Duration = Duration::from_millis(50);

/// Which export is called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    Describe,
    Run,
}

/// What it answered.
pub(super) enum Answer {
    Described(String),
    Ran(Result<Success, Failure>),
    /// A program ended with what cannot be an answer.
    Unread(Fault),
}

/// How the call ended.
pub(super) enum End {
    Returned(wasmtime::Result<Answer>),
    Halted(Halt),
}

/// A store with its state, and where its instances come from.
pub(super) struct Begun {
    home: Home,
    store: Store<State>,
}

/// What watches a store.
pub(super) struct Session<'a> {
    engine: &'a Engine,
    prepared: &'a Prepared,
    limits: Limits,
    coredump: Coredump,
    stop: StopSignal,
    /// What the guest has between a cancellation and its end.
    grace: Duration,
    started: Instant,
    shared: Arc<Shared>,
}

impl<'a> Session<'a> {
    pub(super) fn new(engine: &'a Engine, prepared: &'a Prepared, attempt: Attempt) -> (Self, State) {
        let Attempt { job, limits, mounts, outbound, desk, coredump, stop } = attempt;
        let started = Instant::now();
        let output = mounts.iter().find(|mount| mount.access() == Access::Write).cloned();
        desk.board.begin(started, limits.log);
        let shared = Arc::new(Shared {
            meter: Meter::default(),
            calls: Calls::new(limits.host_calls, engine.ticks()),
            board: desk.board.clone(),
            quota: Mutex::new(Quota::new(output, limits.scratch_bytes, limits.scratch_files)),
            traffic: Mutex::new(Traffic::new(limits.requests, limits.traffic)),
            desk: Mutex::new(Open::new(desk, limits.checkpoint)),
            stop: stop.share(),
            answer: (prepared.world() == World::Command).then(|| Mutex::new(LastLine::new(limits.result))),
        });
        let state = State::new(job, mounts, outbound, &limits, Arc::clone(&shared));
        // Who cannot hear of it has no use for time.
        let grace = if prepared.hears_cancel() { limits.cancel_grace.duration() } else { Duration::ZERO };
        (Self { engine, prepared, limits, coredump, stop, grace, started, shared }, state)
    }

    /// Whether it was stopped before it began.
    pub(super) fn stopped(&self) -> Option<Halt> {
        self.stop.asked().map(Halt::Stop)
    }

    /// Make the store. Before the future that drives it: what is handed to a future lies in it to its end, and a
    /// store is a pointer.
    pub(super) fn begin(&self, state: State) -> Begun {
        let home = self.engine.home(self.prepared, self.limits.memory);
        Begun { home, store: self.store(home, state) }
    }

    /// Run to the end.
    pub(super) async fn drive(&self, begun: Begun, entry: Entry) -> (End, Remains) {
        let home = begun.home;
        let (end, state) = self.attempt(begun, entry).await;
        match end {
            End::Returned(Err(error)) if home == Home::Pool && error.is::<PoolConcurrencyLimitError>() => {
                let store = self.store(Home::Demand, state.renewed(&self.limits));
                let begun = Begun { home: Home::Demand, store };
                let (end, state) = self.attempt(begun, entry).await;
                (end, Remains::of(state, self.prepared.shape()))
            }
            end => (end, Remains::of(state, self.prepared.shape())),
        }
    }

    async fn attempt(&self, begun: Begun, entry: Entry) -> (End, State) {
        let Begun { home, mut store } = begun;
        let end = self.watch(pin!(self.call(&mut store, home, entry))).await;
        let core = match &end {
            End::Returned(Err(error)) => coredump::of(error, &mut store, self.coredump),
            End::Returned(Ok(_)) | End::Halted(_) => None,
        };
        let instances = self.prepared.shape().instances(&mut store, self.engine.empty(home)).await;
        let mut state = store.into_data();
        (state.core, state.instances) = (core, instances);
        (end, state)
    }

    fn store(&self, home: Home, state: State) -> Store<State> {
        let mut store = Store::new(self.engine.raw(home), state);
        state::cap(&mut store, &self.limits);
        let shared = Arc::clone(&self.shared);
        store.call_hook(move |_, hook| {
            shared.calls.edge(hook)?;
            shared.meter.edge(hook);
            Ok(())
        });
        let shared = Arc::clone(&self.shared);
        let (limits, stop, started, grace) = (self.limits, self.stop.share(), self.started, self.grace);
        self.shared.calls.expect_tick();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            shared.calls.tick();
            outbox::flush();
            shared.meter.settle();
            match judge(&shared.meter, &limits, started.elapsed(), stop.due(grace)) {
                Some(halt) => Err(halt.into()),
                None if shared.meter.since_resumed() > nanos(SLICE) => Ok(UpdateDeadline::Yield(1)),
                None => Ok(UpdateDeadline::Continue(1)),
            }
        });
        store
    }

    async fn call(&self, store: &mut Store<State>, home: Home, entry: Entry) -> wasmtime::Result<Answer> {
        let pre = self.engine.linked(self.prepared, home)?;
        // In a box, which is gone when the guest runs: it is three times as large as all that is needed from then on.
        let live = Box::pin(pre.live(store)).await?;
        store.data_mut().made = Made::Whole;
        match (live, entry) {
            (Live::Handler(handler), Entry::Describe) => Ok(Answer::Described(handler.call_describe(store).await?)),
            (Live::Handler(handler), Entry::Run) => {
                Ok(Answer::Ran(handler.call_run(store, State::job_handle()).await?))
            }
            (Live::Command(command), _) => {
                let exit = match command.wasi_cli_run().call_run(store).await {
                    Ok(ended) => ended.map_or(Exit::Bad, |()| Exit::Good),
                    Err(error) => match error.downcast_ref::<Halt>() {
                        Some(Halt::Exit(0)) => Exit::Good,
                        Some(Halt::Exit(_)) => Exit::Bad,
                        _ => return Err(error),
                    },
                };
                Ok(self.said(exit))
            }
        }
    }

    /// What a program that has ended said.
    fn said(&self, exit: Exit) -> Answer {
        let stderr = self.shared.log().stderr();
        let line = self.shared.answer();
        let answer = line.map(|line| command::answer(exit, &line, &stderr));
        answer.unwrap_or_else(|| Ok(Ok(Success::Done("null".to_owned())))).map_or_else(Answer::Unread, Answer::Ran)
    }

    async fn watch(&self, mut work: Pin<&mut impl Future<Output = wasmtime::Result<Answer>>>) -> End {
        let metered = poll_fn(|cx| {
            self.shared.meter.resume();
            let polled = work.as_mut().poll(cx);
            self.shared.meter.pause();
            polled
        });
        let left = self.limits.wall.duration().saturating_sub(self.started.elapsed());
        tokio::select! {
            biased;
            answer = metered => End::Returned(answer),
            reason = self.stop.wait(self.grace) => End::Halted(Halt::Stop(reason)),
            () = tokio::time::sleep(left) => End::Halted(Halt::Wall(self.limits.wall)),
        }
    }

    pub(super) fn report(&self, end: End, remains: Remains) -> Report {
        let result_bytes = match &end {
            End::Returned(Ok(Answer::Ran(Ok(Success::Done(text) | Success::Unchanged(text))))) => text.len() as u64,
            _ => 0,
        };
        // What is no result belongs to the log.
        if !matches!(end, End::Returned(Ok(Answer::Ran(Ok(_)))))
            && let Some(mut line) = self.shared.answer()
        {
            line.release(|text| self.shared.record(|log| log.stream(Source::Out, text)));
        }
        let mut desk = self.shared.desk();
        let outcome = desk.judged(self.outcome(end));
        let meter = &self.shared.meter;
        let tail = self.shared.board.close();
        let quota = self.shared.quota();
        let (requests, sent_bytes, received_bytes) = self.shared.traffic().used();
        let mut usage = Usage {
            cpu_us: meter.guest() / 1_000,
            host_us: meter.host() / 1_000,
            wall_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            scratch_bytes: quota.peak(),
            scratch_files: quota.made(),
            host_calls: self.shared.calls.made(),
            log_bytes: tail.written(),
            result_bytes,
            requests,
            sent_bytes,
            received_bytes,
            ..remains.usage
        };
        desk.count(&mut usage);
        Report { outcome, usage, log: tail.finish(), enqueue: desk.hand_over(), core: remains.core }
    }

    pub(super) fn outcome(&self, end: End) -> Outcome {
        let outcome = match end {
            End::Halted(halt) => fault::of_halt(halt),
            End::Returned(Ok(Answer::Ran(answer))) => {
                let told = self.stop.told().filter(|_| answer.is_err());
                fault::of_told(fault::of_answer(answer, self.limits.result), told)
            }
            End::Returned(Ok(Answer::Unread(fault))) => Outcome::Failed(fault),
            End::Returned(Ok(Answer::Described(text))) => Outcome::Done(text),
            End::Returned(Err(error)) => fault::of_error(&error, &self.shared.log().stderr(), &self.limits),
        };
        match (self.cause(), outcome) {
            (_, Outcome::Stopped) => Outcome::Stopped,
            (Some(_), Outcome::Failed(fault)) if fault.class == Class::Cancelled => Outcome::Failed(fault),
            // Whatever the guest made of the refusal: this was the cause.
            (Some(cause), Outcome::Failed(fault)) => {
                Outcome::Failed(Fault { backtrace: fault.backtrace, ..Fault::new(cause.class, cause.message) })
            }
            // It went on without the request that it was not allowed.
            (Some(cause), outcome) if cause.class == Class::Denied => outcome,
            (Some(cause), _) => Outcome::Failed(Fault::new(cause.class, cause.message)),
            (None, outcome) => outcome,
        }
    }

    /// What the guest was refused first, and the class that this is.
    fn cause(&self) -> Option<Cause> {
        let because = |class, message: String| Some(Cause { class, message });
        if let Some(exceeded) = self.shared.quota().exceeded() {
            return because(exceeded.class(), exceeded.to_string());
        }
        let traffic = self.shared.traffic();
        if let Some(exceeded) = traffic.exceeded() {
            return because(Class::Quota, exceeded.to_string());
        }
        traffic.refused().and_then(|refused| because(Class::Denied, refused.to_owned()))
    }
}

struct Cause {
    class: Class,
    message: String,
}

/// Whether a guest may go on, given what it used.
fn judge(meter: &Meter, limits: &Limits, wall: Duration, stop: Option<Reason>) -> Option<Halt> {
    if let Some(reason) = stop {
        return Some(Halt::Stop(reason));
    }
    if meter.guest() > nanos(limits.cpu.duration()) {
        return Some(Halt::Cpu(limits.cpu));
    }
    if meter.host() > nanos(limits.cpu.duration()) {
        return Some(Halt::HostCpu(limits.cpu));
    }
    (wall > limits.wall.duration()).then_some(Halt::Wall(limits.wall))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
