//! The one writer.
//!
//! A task that owns the only write connection: it takes everything that waits
//! in its queue, applies it in one `BEGIN IMMEDIATE` transaction with a handful
//! of set-based statements, commits once, and then answers everyone. A batch
//! that fails is rolled back and its halves are tried alone, so one operation
//! that cannot be applied never takes its neighbours with it. Nothing else is
//! awaited while the transaction is open. What this cannot promise: to tell a
//! full disk from one operation too many; both fail every half that they meet.

use super::StoreError;
use super::batch::Batch;
use super::import::Origin;
use super::job::NewJob;
use super::line::Line;
use super::op::{Op, Reply};
use super::pulse::{Dispatching, Pulse};
use super::view::View;
use crate::crash;
use crate::rules::import::Turn;
use crate::rules::time::Timestamp;
use crate::rules::unique::Conflict;
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

/// Operations that may wait for the writer before callers are held up.
const QUEUE: usize = 4_096;
/// Operations in one transaction at most.
const BATCH: usize = 1_024;

pub(super) type Answer = oneshot::Sender<Result<Reply, StoreError>>;
type Request = (Op, Answer);

/// Where a writer takes operations, and what it says of each batch.
type Ends = (mpsc::Sender<Request>, watch::Receiver<Pulse>, watch::Receiver<Dispatching>);

/// Where the writer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On a thread of its own: each of its statements is a message to the connection's
    /// thread, and behind the answer it would stand in line with all that attempts do.
    Thread,
    /// As a task of the runtime that starts it.
    Runtime,
}

/// Start the writer on its connection.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(conn: SqliteConnection, view: View, place: Place) -> std::io::Result<Ends> {
    let (ops, queue) = mpsc::channel(QUEUE);
    let (pulse, seen) = watch::channel(view.pulse());
    let (dispatching, imports) = watch::channel(view.dispatching());
    let run = Writer { conn, view, pulse, dispatching, line: Line::default() }.run(queue);
    match place {
        Place::Thread => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            std::thread::Builder::new().name("capstan-writer".to_owned()).spawn(move || runtime.block_on(run))?;
        }
        Place::Runtime => drop(tokio::spawn(run)),
    }
    Ok((ops, seen, imports))
}

struct Writer {
    conn: SqliteConnection,
    view: View,
    pulse: watch::Sender<Pulse>,
    dispatching: watch::Sender<Dispatching>,
    line: Line,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut waiting = Vec::with_capacity(BATCH);
        let mut closed = None;
        while closed.is_none() && self.gather(&mut queue, &mut waiting).await {
            let mut ops = Vec::with_capacity(waiting.len());
            let mut answers = Vec::with_capacity(waiting.len());
            for (op, answer) in waiting.drain(..) {
                match op {
                    Op::Close => closed = Some(answer),
                    Op::Configure { queues, keys } => {
                        self.view.configure(queues, keys);
                        // Whoever asked may be gone; it holds all the same.
                        let _ = answer.send(Ok(Reply::Done));
                    }
                    Op::KeepFailures(keep) => {
                        self.view.failure_log.keep = keep;
                        let _ = answer.send(Ok(Reply::Done));
                    }
                    Op::CatchUp => drop(answer.send(Ok(Reply::Done))),
                    Op::Chunk(chunk) if chunk.window.is_some() => self.line.join(chunk, answer),
                    op => {
                        self.line.note(&op);
                        ops.push(op);
                        answers.push(answer);
                    }
                }
            }
            for (chunk, answer) in self.line.take(&self.view) {
                ops.push(Op::Chunk(chunk));
                answers.push(answer);
            }
            let replies = self.apply(&ops).await;
            self.tell();
            for (answer, reply) in answers.into_iter().zip(replies) {
                // Whoever asked may be gone; the write stands all the same.
                let _ = answer.send(reply);
            }
        }
        if let Err(error) = self.conn.close().await {
            tracing::warn!(%error, "closing the database");
        }
        if let Some(answer) = closed {
            let _ = answer.send(Ok(Reply::Done));
        }
    }

    /// Take what waits, or wait for something unless a chunk has room; whether there is more to do.
    async fn gather(&self, queue: &mut mpsc::Receiver<Request>, waiting: &mut Vec<Request>) -> bool {
        if !self.line.has_room(&self.view) {
            return queue.recv_many(waiting, BATCH).await > 0;
        }
        while waiting.len() < BATCH
            && let Ok(request) = queue.try_recv()
        {
            waiting.push(request);
        }
        true
    }

    /// Say what the batch left; the imports first, for whoever reads them when the pulse changes.
    fn tell(&self) {
        let dispatching = self.view.dispatching();
        self.dispatching.send_if_modified(|seen| {
            let is_new = *seen != dispatching;
            *seen = dispatching;
            is_new
        });
        let pulse = self.view.pulse();
        self.pulse.send_if_modified(|seen| std::mem::replace(seen, pulse) != pulse);
    }

    /// Apply operations, all in one transaction if that can be.
    async fn apply(&mut self, ops: &[Op]) -> Vec<Result<Reply, StoreError>> {
        let mut replies: Vec<Option<Result<Reply, StoreError>>> = ops.iter().map(|_| None).collect();
        let mut open: Vec<_> = std::iter::once(0..ops.len()).collect();
        while let Some(range) = open.pop() {
            if range.is_empty() {
                continue;
            }
            match self.transact(&ops[range.clone()]).await {
                Ok(done) => {
                    for (slot, reply) in replies[range].iter_mut().zip(done) {
                        *slot = Some(Ok(reply));
                    }
                }
                Err(Refusal::Batch(_)) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    open.push(middle..range.end);
                    open.push(range.start..middle);
                }
                Err(Refusal::Begin(error) | Refusal::Batch(error)) => {
                    replies[range].fill_with(|| Some(Err(error.clone())));
                }
            }
        }
        replies.into_iter().map(|reply| reply.unwrap_or(Err(StoreError::Closed))).collect()
    }

    /// One transaction; after an error everything is as it was before.
    async fn transact(&mut self, ops: &[Op]) -> Result<Vec<Reply>, Refusal> {
        // Not sqlx's own transactions: SQLite ends a transaction by itself when the
        // disk is full, and sqlx would then believe for ever that it is still open.
        self.conn.execute("BEGIN IMMEDIATE").await.map_err(|error| Refusal::Begin(error.into()))?;
        let before = self.view.clone();
        match self.commit(ops).await {
            Ok(replies) => {
                // A claim that found nothing must not wake whoever claims.
                if self.view != before || !ops.iter().all(|op| matches!(op, Op::Claim(_) | Op::Recount)) {
                    self.view.commits += 1;
                }
                Ok(replies)
            }
            Err(error) => {
                self.view = before;
                // It fails where SQLite has rolled back already.
                let _ = self.conn.execute("ROLLBACK").await;
                Err(Refusal::Batch(error))
            }
        }
    }

    async fn commit(&mut self, ops: &[Op]) -> Result<Vec<Reply>, StoreError> {
        let marks = Marks::of(ops, &self.view);
        let replies = Batch::new(&mut self.conn, &mut self.view).apply(ops).await?;
        marks.before();
        self.conn.execute("COMMIT").await?;
        marks.after();
        Ok(replies)
    }
}

/// Why a transaction was not committed.
enum Refusal {
    /// It could not begin: no operation is to blame, and fewer would not help.
    Begin(StoreError),
    /// One of its operations, or all of them together.
    Batch(StoreError),
}

/// Which of the named crash points a batch passes.
struct Marks(Vec<Points>);

/// Before and after the commit of a step.
type Points = (&'static str, &'static str);

impl Marks {
    /// Looked for only when somebody waits for one of them.
    fn of(ops: &[Op], view: &View) -> Self {
        let mut points: Vec<Points> = Vec::new();
        if crash::is_armed() {
            for passed in ops.iter().flat_map(|op| step(op).into_iter().chain(rung(op, view))) {
                if !points.contains(&passed) {
                    points.push(passed);
                }
            }
        }
        Self(points)
    }

    fn before(&self) {
        self.0.iter().for_each(|(before, _)| crash::point(before));
    }

    fn after(&self) {
        self.0.iter().for_each(|(_, after)| crash::point(after));
    }
}

/// The points of an operation itself.
fn step(op: &Op) -> Option<Points> {
    Some(match op {
        Op::Import(_) => ("list.before_commit", "list.after_commit"),
        Op::Chunk(new) if matches!(new.chunk().from, Origin::Range { .. }) => {
            ("deferred.before_commit", "deferred.after_commit")
        }
        Op::Chunk(_) => ("import.before_commit", "import.after_commit"),
        Op::TurnImport { turn: Turn::Pause, .. } => ("pause.before_commit", "pause.after_commit"),
        Op::TurnImport { turn: Turn::Resume, .. } => ("resume.before_commit", "resume.after_commit"),
        Op::TurnImport { turn: Turn::Cancel, .. } => ("abandon.before_commit", "abandon.after_commit"),
        Op::Checkpoint(_) => ("checkpoint.before_commit", "checkpoint.after_commit"),
        Op::Handler(_) => ("handler.before_commit", "handler.after_commit"),
        Op::RollBack { .. } => ("rollback.before_commit", "rollback.after_commit"),
        Op::RemoveSubject(_) => ("removal.before_commit", "removal.after_commit"),
        Op::Stand { .. } => ("stand.before_commit", "stand.after_commit"),
        Op::Settle(_) => ("apply.before_commit", "apply.after_commit"),
        Op::Recover { .. } => ("recover.before_commit", "recover.after_commit"),
        Op::Claim(_) => ("claim.before_commit", "claim.after_commit"),
        Op::Queue { .. } => ("queue.before_commit", "queue.after_commit"),
        Op::Key { .. } => ("key.before_commit", "key.after_commit"),
        Op::DeleteFailures { .. } => ("failure.before_commit", "failure.after_commit"),
        Op::Turn { .. } => ("turn.before_commit", "turn.after_commit"),
        Op::AskCancel { .. } => ("cancel.before_commit", "cancel.after_commit"),
        Op::Freeze(_) => ("freeze.before_commit", "freeze.after_commit"),
        Op::BulkStep(_) => ("bulk.before_commit", "bulk.after_commit"),
        Op::CancelBulk { .. } => ("halt.before_commit", "halt.after_commit"),
        Op::Edit { .. } => ("edit.before_commit", "edit.after_commit"),
        Op::Add(jobs) if jobs.iter().any(replaces) => ("replace.before_commit", "replace.after_commit"),
        Op::Add(_) => ("add.before_commit", "add.after_commit"),
        _ => return None,
    })
}

fn replaces(job: &NewJob) -> bool {
    job.unique.as_ref().is_some_and(|unique| unique.conflict == Conflict::Replace)
}

/// The points of what a claim finds due.
fn rung(op: &Op, view: &View) -> impl Iterator<Item = Points> {
    let now = if let Op::Claim(request) = op { Some(request.now) } else { None };
    let is_due = move |at: Option<Timestamp>| at.zip(now).is_some_and(|(at, now)| at <= now);
    [
        (view.next_timer, ("timer.before_commit", "timer.after_commit")),
        (view.next_deadline, ("deadline.before_commit", "deadline.after_commit")),
        (view.next_key, ("admit.before_commit", "admit.after_commit")),
    ]
    .into_iter()
    .filter_map(move |(at, points)| is_due(at).then_some(points))
}
