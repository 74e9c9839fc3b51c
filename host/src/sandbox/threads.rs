//! The threads on which guests run, and nothing else does.
//!
//! Each thread has a scheduler of its own: an attempt starts and ends on one
//! thread, so its CPU clock is that thread's, and a guest that computes slows only
//! those that share its thread. New attempts go to the thread with the fewest.
//!
//! Guest threads yield to the host's own: they run at a lower priority, so that a
//! processor full of guests does not keep the queue waiting. Where the system does
//! not allow that, they compete as equals.
//!
//! Waking a thread costs a fifth of the smallest attempt, so attempts are handed over by
//! an [`Inbox`] and reports by an [`outbox`], which do it for several at once.

use super::attempt::{self, Attempt, Report};
use super::begin::{Task, begin};
use super::engine::{Engine, Prepared};
use super::inbox::Inbox;
use super::outbox;
use crate::rules::attempt::Fault;
use rustix::process::setpriority_process;
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};

/// Threads beside a guest thread for work that would hold it up: look-ups of names.
/// They are started when needed and end after ten idle seconds.
const HELPERS: usize = 32;

/// How much nicer guest threads are than the rest of the host: a third of its share
/// of a contended processor.
const NICE: i32 = 5;

/// Why there are no guest threads.
#[derive(Debug, thiserror::Error)]
#[error("guest thread {index} cannot start: {source}")]
pub struct ThreadsError {
    index: usize,
    source: std::io::Error,
}

struct Worker {
    inbox: Arc<Inbox<Task>>,
    load: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Threads that run attempts until they are dropped; attempts that have not ended
/// by then are dropped with them, and their callers get a `host-fault`.
pub struct GuestThreads {
    engine: Engine,
    workers: Vec<Worker>,
    line: Arc<Line>,
}

/// The attempts that wait for their thread.
#[derive(Default)]
struct Line {
    waiting: AtomicUsize,
    /// Rings when the last of them begins.
    begun: Notify,
}

/// Counts an attempt for as long as it waits for its thread.
struct InLine(Arc<Line>);

impl InLine {
    fn new(line: &Arc<Line>) -> Self {
        line.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(line))
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.begun.notify_one();
        }
    }
}

/// Counts an attempt for as long as it lives, however it ends.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn new(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl GuestThreads {
    /// Start so many threads, at least one.
    pub fn start(engine: &Engine, threads: usize) -> Result<Self, ThreadsError> {
        let workers = (0..threads.max(1))
            .map(|index| worker(index).map_err(|source| ThreadsError { index, source }))
            .collect::<Result<_, _>>()?;
        Ok(Self { engine: engine.clone(), workers, line: Arc::default() })
    }

    /// Attempts that wait for their thread to begin with them.
    pub fn waiting(&self) -> usize {
        self.line.waiting.load(Ordering::Relaxed)
    }

    /// Wait until none waits for its thread any more; a moment that passed since this was
    /// asked last counts. For one caller at a time.
    pub async fn begun(&self) {
        self.line.begun.notified().await;
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Start an attempt now and answer when it has ended. `make` is called when the
    /// thread gets to it, so what it opens is open only while its guest runs; its
    /// fault is then the outcome. Dropping the answer does not stop the guest; its
    /// stop signal does.
    pub fn run<M>(&self, prepared: Prepared, make: M) -> impl Future<Output = Report> + Send + use<M>
    where
        M: FnOnce() -> Result<Attempt, Fault> + Send + 'static,
    {
        let (told, report) = oneshot::channel();
        if let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed)) {
            let engine = self.engine.clone();
            let load = Load::new(&worker.load);
            let waiting = InLine::new(&self.line);
            // In a box that goes with the call, for what it holds would lie in the attempt's task to its end.
            let make: Box<dyn FnOnce() -> Result<Attempt, Fault> + Send> = Box::new(make);
            let run = async move {
                drop(waiting);
                // In a box, so that what is handed to the thread stays small.
                match make().map(|attempt| Box::pin(attempt::run(&engine, &prepared, attempt))) {
                    Ok(running) => running.await,
                    Err(fault) => Report::failed(fault),
                }
            };
            worker.inbox.put(Box::pin(async move {
                let report = caught(pin!(run)).await;
                drop(load);
                outbox::put(told, report);
            }));
        }
        async move { report.await.unwrap_or_else(|_| Report::host_fault("its guest thread has ended".to_owned())) }
    }
}

/// The report of an attempt, also when the host panicked in it: that ends the attempt, and neither its thread nor others.
async fn caught(mut running: Pin<&mut impl Future<Output = Report>>) -> Report {
    // It is not polled again after a panic, and what it shares with others is written in whole values.
    let polled = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
        Ok(polled) => polled,
        Err(panic) => Poll::Ready(Report::host_fault(format!("the sandbox failed: {}", words(&*panic)))),
    });
    polled.await
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

fn worker(index: usize) -> std::io::Result<Worker> {
    // Intervals of one: new attempts and a due timer are seen after each poll of a
    // task, however long the guests of this thread compute.
    let runtime = Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .max_blocking_threads(HELPERS)
        .global_queue_interval(1)
        .event_interval(1)
        .on_thread_park(outbox::flush)
        .build()?;
    let inbox = Arc::new(Inbox::default());
    let taken = Arc::clone(&inbox);
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("capstan-guest-{index}")).spawn(move || {
        if let Err(error) = setpriority_process(None, NICE) {
            tracing::debug!(%error, "a guest thread keeps the priority of the host");
        }
        runtime.block_on(begin(&taken, stopped));
        outbox::flush();
    })?;
    Ok(Worker { inbox, load: Arc::default(), stop: Some(stop), thread: Some(thread) })
}

impl Drop for GuestThreads {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            drop(worker.stop.take());
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A panic of an attempt was answered to its caller.
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rules::attempt::{Class, Outcome};
    use std::panic::resume_unwind;

    #[test]
    fn a_panic_of_the_host_is_the_outcome_of_its_attempt() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let ended = |panic: Box<dyn Any + Send>| runtime.block_on(caught(pin!(async { resume_unwind(panic) })));
        for (panic, words) in [
            (Box::new("no luck") as Box<dyn Any + Send>, "no luck"),
            (Box::new("no luck today".to_owned()), "no luck today"),
            (Box::new(7), "a panic without words"),
        ] {
            let Outcome::Failed(fault) = ended(panic).outcome else { panic!("it did not fail") };
            assert_eq!(fault.class, Class::HostFault);
            assert_eq!(fault.message, format!("the sandbox failed: {words}"));
        }
    }
}
