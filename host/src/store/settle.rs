//! Changes of state, guarded by what they expect.
//!
//! The end of an attempt is one [`Settlement`]: the transition, the attempt row,
//! what was published and which kinds follow, committed together or not at all.
//! Settlements whose job is no longer running under their lease touch nothing
//! and are answered [`Applied::Stale`].

pub(super) mod end;

use super::artifact::{self, Publication};
use super::attempt::AttemptRecord;
use super::batch::{Batch, Queued, parse};
use super::job::{self, NewJob};
use super::op::{Op, Reply};
use super::pipeline::{self, Follow};
use super::{Store, StoreError, checkpoint, failure, queue, subject};
use crate::rules::job::{Made, Next, Running, State, Transition, Trust, Why};
use crate::rules::progress::Progress;
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use end::{Ended, made, running_under, wait};
use serde::Deserialize;
use sqlx::{QueryBuilder, Row as _, SqlitePool};

/// What does not change about a job while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What the rules know.
    pub running: Running,
    /// Its kind.
    pub kind: String,
    /// Its lane.
    pub queue: String,
    /// What it is about.
    pub about: job::About,
    /// How many parents it has.
    pub depth: i64,
    /// Smaller runs first.
    pub priority: i64,
    /// What it shares a limit with.
    pub key: Option<String>,
    /// Its place in an import.
    pub item: Option<(i64, i64)>,
    /// Rounds so far.
    pub round: u32,
    /// When the attempt was claimed.
    pub started_at: Timestamp,
    /// The handler that was to do it.
    pub digest: Option<String>,
    /// The pinned generations, as JSON text.
    pub inputs: Option<String>,
}

/// A row of `job` as one JSON array, in the order of [`Row`]. One value a row
/// instead of two dozen: the driver copies and locks for each value.
pub(super) const FACTS: &str = "json_array(id, coalesce(lease, 0), attempt, max_attempts, deferrals, deferred_since, \
    deaths, suspect, cancel_by, kind, queue, subject, source, title, tags, depth, priority, import_id, item, round, \
    coalesce(started_at, 0), digest, inputs, key, deadline_at)";

/// What [`FACTS`] holds.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) id: i64,
    lease: i64,
    attempt: u32,
    max_attempts: u32,
    deferrals: u32,
    deferred_since: Option<Timestamp>,
    deaths: u32,
    suspect: u8,
    cancel_by: Option<String>,
    kind: String,
    pub(super) queue: String,
    subject: String,
    source: String,
    title: String,
    tags: String,
    depth: i64,
    priority: i64,
    import_id: Option<i64>,
    item: Option<i64>,
    round: u32,
    started_at: Timestamp,
    digest: Option<String>,
    inputs: Option<String>,
    key: Option<String>,
    deadline: Option<Timestamp>,
}

impl Facts {
    /// The lane that the job waits in when it is ready.
    pub(super) fn lane(&self) -> Lane {
        Lane {
            queue: self.queue.as_str().into(),
            kind: self.kind.as_str().into(),
            import: self.item.map_or(0, |(import, _)| import),
            priority: self.priority,
        }
    }

    /// The facts in what [`FACTS`] gave.
    pub(super) fn of(row: Row) -> Result<Self, StoreError> {
        let running = Running {
            id: row.id,
            lease: row.lease,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            deferrals: row.deferrals,
            deferred_since: row.deferred_since,
            deaths: row.deaths,
            trust: if row.suspect == 0 { Trust::Innocent } else { Trust::Suspect },
            cancel_by: row.cancel_by,
            deadline: row.deadline,
        };
        let tags = if row.tags == "[]" { Vec::new() } else { parse(&row.tags)? };
        Ok(Self {
            running,
            kind: row.kind,
            queue: row.queue,
            about: job::About { subject: row.subject, source: row.source, title: row.title, tags },
            depth: row.depth,
            priority: row.priority,
            key: row.key,
            item: row.import_id.zip(row.item),
            round: row.round,
            started_at: row.started_at,
            digest: row.digest,
            inputs: row.inputs,
        })
    }

    pub(super) async fn running(pool: &SqlitePool) -> Result<Vec<Self>, StoreError> {
        let rows = orphans().build().fetch_all(pool).await?;
        rows.iter().map(|row| Self::of(parse(row.try_get(0)?)?)).collect()
    }
}

/// What runs, by its index and then sorted: without the hint the whole table is
/// read in the order of the ids.
pub(super) fn orphans() -> QueryBuilder<sqlx::Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(FACTS).push(" FROM job INDEXED BY job_running WHERE state = 'running' ORDER BY id");
    query
}

/// The end of one attempt.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The job.
    pub facts: Facts,
    /// What becomes of it.
    pub transition: Transition,
    /// How the attempt went.
    pub attempt: AttemptRecord,
    /// What it published.
    pub publication: Option<Publication>,
    /// The kinds that follow when it completed.
    pub follow: Vec<Follow>,
    /// The jobs that it queued when it completed.
    pub enqueue: Vec<NewJob>,
    /// How far it said that it was.
    pub progress: Option<Progress>,
}

/// Whether a transition was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was.
    Yes,
    /// The job was no longer what the transition expected.
    Stale,
}

impl Store {
    /// Apply the end of an attempt. It is asked for at once where the writer's queue has room, or else when the future is
    /// polled.
    ///
    /// # Errors
    /// The database said no; then nothing was applied.
    pub fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<Applied, StoreError>> {
        let sent = Ended::of(settlement).map(|end| self.send(Op::Settle(vec![end])));
        async move {
            match sent?.await? {
                Reply::Applied(applied) => {
                    applied.first().copied().ok_or_else(|| StoreError::Corrupt("no answer".into()))
                }
                other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
            }
        }
    }

    /// Requeue or fail the jobs that a dead host left running.
    ///
    /// # Errors
    /// The database said no; then nothing was applied.
    pub async fn recover(&self, settlements: Vec<Settlement>) -> Result<Vec<Applied>, StoreError> {
        let settlements = settlements.into_iter().map(Ended::of).collect::<Result<_, _>>()?;
        match self.send(Op::Recover { settlements }).await? {
            Reply::Applied(applied) => Ok(applied),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

/// Apply every settlement of a batch.
pub(super) async fn apply(batch: &mut Batch<'_>, ops: &[Op], replies: &mut [Reply]) -> Result<(), StoreError> {
    let all: Vec<&Ended> = ops.iter().flat_map(settlements).collect();
    if all.is_empty() {
        return Ok(());
    }
    let mut held = end::write(batch, &all).await?;
    let mut answers = Vec::with_capacity(all.len());
    let mut applied = Vec::with_capacity(all.len());
    for Ended { settlement, .. } in all {
        // Taken out, so that the same end given twice counts once.
        if running_under(settlement).is_some_and(|lease| held.remove(&lease)) {
            count(batch, settlement);
            applied.push(settlement);
            answers.push(Applied::Yes);
        } else {
            answers.push(Applied::Stale);
        }
    }
    failure::entry::settled(batch, &applied).await?;
    artifact::insert(batch, &applied).await?;
    pipeline::follow(batch, &applied).await?;
    checkpoint::drop_completed(batch, &applied).await?;
    let free: Vec<(&str, &str)> =
        applied.iter().map(|s| (s.facts.about.subject.as_str(), s.facts.kind.as_str())).collect();
    subject::release(batch, &free).await?;
    let mut answers = answers.into_iter();
    for (op, reply) in ops.iter().zip(replies) {
        if matches!(op, Op::Settle(_) | Op::Recover { .. }) {
            *reply = Reply::Applied(answers.by_ref().take(settlements(op).len()).collect());
        }
    }
    Ok(())
}

fn settlements(op: &Op) -> &[Ended] {
    match op {
        Op::Settle(settlements) | Op::Recover { settlements } => settlements,
        _ => &[],
    }
}

/// What a settlement changes in counts.
fn count(batch: &mut Batch<'_>, settlement: &Settlement) {
    let (facts, transition) = (&settlement.facts, &settlement.transition);
    let now = settlement.attempt.finished_at;
    batch.at(now);
    if batch.view.running_suspect == Some(transition.job) {
        batch.view.running_suspect = None;
    }
    let to = (State::of(&transition.next), made(&transition.next));
    batch.moved(&facts.kind, facts.item, (State::Running, Made::Something), to);
    if let Some(item) = facts.item.filter(|_| facts.depth == 0 && facts.round == 1 && !to.0.is_open()) {
        batch.first_end(item);
    }
    batch.view.did(&facts.kind, settlement.attempt.outcome);
    let tokens = settlement.attempt.usage.map_or(0, |usage| usage.tokens);
    queue::ended(batch, &facts.queue, tokens, now);
    let key = facts.key.as_deref();
    if let Some(key) = key {
        let moves = batch.key(key);
        moves.running -= 1;
        if let Next::Queued { run_at, why: Why::Deferred, .. } = transition.next {
            // Whoever shares the key was told to wait as well.
            moves.rest = moves.rest.max(run_at);
        }
    }
    if let (Next::Queued { run_at, .. }, Some(wait)) = (&transition.next, wait(transition, now, key)) {
        batch.enter(wait, Queued { lane: facts.lane(), key, deadline: facts.running.deadline }, *run_at);
    }
}
