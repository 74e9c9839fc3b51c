//! Taking ready jobs.
//!
//! A claim looks only at rows of the ready index, never at what waits for a
//! time, a key or its subject; lanes of a queue that is paused or full and of a kind
//! whose handler is disabled are left out whole, so that their jobs stay where they
//! are and cost nothing. Free slots are shared among lanes by
//! [`crate::rules::queue::share`]. A job whose subject is being worked on by
//! another job of its kind is parked behind it.

use super::batch::{Batch, Queued, json, parse};
use super::op::{Op, Reply};
use super::settle::{FACTS, Facts, Row};
use super::{Answer, Store, StoreError, deadline, key, queue, subject};
use crate::rules::job::{Made, State, Wait};
use crate::rules::queue::{Demand, Lane, Manner, share};
use crate::rules::time::Timestamp;
use serde::Deserialize;
use sqlx::{QueryBuilder, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who claims how many.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Free slots; never more are claimed.
    pub free: u64,
    /// The claiming boot.
    pub boot: i64,
    /// The claiming host.
    pub host: String,
    /// Now.
    pub now: Timestamp,
    /// What does which kind.
    pub routes: Arc<Routes>,
}

/// Which handler does a kind, and what it reads.
pub type Routes = BTreeMap<String, Route>;

/// One entry of [`Routes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The handler's digest.
    pub digest: String,
    /// Kinds whose current generations are pinned for an attempt.
    pub inputs: Vec<String>,
}

/// A job that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What is known of it.
    pub facts: Facts,
    /// Its payload (JSON text).
    pub payload: String,
    /// The pinned generations: kind → (lease, folder relative to the project).
    pub inputs: BTreeMap<String, (i64, String)>,
}

impl Store {
    /// Claim up to `free` jobs. Fewer may come although more are ready: those
    /// whose subject is busy are parked instead, and the pulse changes.
    ///
    /// Await this to its end: a claim whose caller has gone is written all the
    /// same, and then nobody works on its jobs until the next boot.
    ///
    /// # Errors
    /// The database said no; then none was claimed.
    pub async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        self.ask_claim(request).await?.claimed().await
    }

    /// The same without waiting for the jobs, which are for whoever waits then.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn ask_claim(&self, request: ClaimRequest) -> Result<Claim, StoreError> {
        Ok(Claim(self.ask(Op::Claim(request)).await?))
    }
}

/// A claim that was asked for.
#[derive(Debug)]
pub struct Claim(Answer);

impl Claim {
    /// Wait for its jobs: they are nobody else's.
    ///
    /// # Errors
    /// The database said no; then none was claimed.
    pub async fn claimed(self) -> Result<Vec<Claimed>, StoreError> {
        match self.0.await.map_err(|_| StoreError::Closed)?? {
            Reply::Claimed(jobs) => Ok(jobs),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

/// Serve every claim of a batch, after what became due and what keys let in.
pub(super) async fn apply(batch: &mut Batch<'_>, ops: &[Op], replies: &mut [Reply]) -> Result<(), StoreError> {
    let claims = ops.iter().filter_map(|op| if let Op::Claim(request) = op { Some(request.now) } else { None });
    if let Some(now) = claims.max() {
        batch.at(now);
        ring_timers(batch, now).await?;
        deadline::ring(batch, now).await?;
    }
    let now = batch.now();
    key::admit::release(batch, now).await?;
    for (op, reply) in ops.iter().zip(replies) {
        if let Op::Claim(request) = op {
            *reply = Reply::Claimed(claim(batch, request).await?);
        }
    }
    Ok(())
}

async fn claim(batch: &mut Batch<'_>, request: &ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
    let now = request.now;
    let mut taken = Taken::default();
    let mut free = request.free;
    if free > 0 && batch.view.suspects > 0 && batch.view.running_suspect.is_none() && !batch.view.suspects_stuck {
        free -= take_suspect(batch, &mut taken, now).await?;
    }
    let rooms = queue::rooms(batch, now);
    for (lane, slots) in share(&demands(batch, now), &rooms, free, now, batch.view.queue_limits.ageing) {
        take_ready(batch, &mut taken, &lane, slots, now).await?;
    }
    write(batch, request, &mut taken).await?;
    subject::park(batch, &taken.parked).await?;
    Ok(taken.jobs)
}

/// The lanes whose kind has a handler that may be used.
fn demands(batch: &mut Batch<'_>, now: Timestamp) -> Vec<Demand> {
    let (held, failures, imports) = (&batch.view.held, &batch.view.failures, &batch.view.imports);
    let rests = |import: i64| imports.get(&import).is_some_and(|standing| !standing.is_open());
    let open = batch.view.lanes.iter_mut().filter(|(lane, _)| !held.contains(&*lane.kind) && !rests(lane.import));
    let demand = |(lane, waiting): (&Lane, &mut super::view::Waiting)| Demand {
        lane: lane.clone(),
        ready: waiting.jobs,
        since: *waiting.since.get_or_insert(now),
        turn: waiting.turn,
        manner: Manner::after(failures.get(&*lane.kind).copied().unwrap_or(0)),
    };
    open.map(demand).collect()
}

#[derive(Default)]
struct Taken {
    jobs: Vec<Claimed>,
    subjects: BTreeSet<(String, String)>,
    parked: Vec<i64>,
}

impl Taken {
    /// Take a candidate, or park it if its subject is busy.
    fn take(&mut self, candidate: Candidate) -> Result<(), StoreError> {
        let facts = Facts::of(candidate.facts)?;
        let subject = (facts.about.subject.clone(), facts.kind.clone());
        if candidate.busy == 1 || !self.subjects.insert(subject) {
            self.parked.push(facts.running.id);
        } else {
            self.jobs.push(Claimed { facts, payload: candidate.payload, inputs: BTreeMap::new() });
        }
        Ok(())
    }
}

/// A job that could be claimed.
#[derive(Debug, Deserialize)]
struct Candidate {
    /// Whether its subject is being worked on.
    busy: u8,
    payload: String,
    facts: Row,
}

/// Timers that one claim rings at most: the first ones. After a long stop a
/// million may be due, and the claim behind this one takes the next of them.
const RUNG_AT_ONCE: i64 = 4_096;

pub(super) const RING: &str = "UPDATE job SET wait = CASE WHEN key IS NULL THEN 'ready' ELSE 'key' END WHERE id IN (
        SELECT id FROM job WHERE wait = 'timer' AND run_at <= $1 ORDER BY run_at LIMIT $2)
    RETURNING json_array(queue, kind, coalesce(import_id, 0), priority, key)";

pub(super) const NEXT_TIMER: &str = "SELECT min(run_at) FROM job WHERE wait = 'timer'";

/// Make ready what waited for a time that has come.
async fn ring_timers(batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
    if batch.view.next_timer.is_none_or(|next| next > now) {
        return Ok(());
    }
    let rung = sqlx::query(RING).bind(now.0).bind(RUNG_AT_ONCE).fetch_all(&mut *batch.conn).await?;
    for row in &rung {
        let (queue, kind, import, priority, key): (String, String, i64, i64, Option<String>) = parse(row.try_get(0)?)?;
        let lane = Lane { queue: queue.into(), kind: kind.into(), import, priority };
        let wait = if key.is_some() { Wait::Key } else { Wait::Ready };
        // Its deadline is known already.
        batch.enter(wait, Queued { lane, key: key.as_deref(), deadline: None }, now);
    }
    let next = sqlx::query(NEXT_TIMER).fetch_one(&mut *batch.conn).await?;
    batch.view.next_timer = next.try_get::<Option<i64>, _>(0)?.map(Timestamp);
    Ok(())
}

/// The candidates among `ids`, a subquery that names its column `next`, as one
/// JSON array of [`Candidate`]s.
fn candidates(ids: &'static str) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT json_group_array(json_array(
            EXISTS (SELECT 1 FROM job AS other WHERE other.subject = job.subject AND other.kind = job.kind
                    AND other.state = 'running'),
            payload, ",
    );
    query.push(FACTS).push(")) FROM (").push(ids);
    query
}

/// The first suspect in line whose kind, queue and import are not among these.
pub(super) fn next_suspect(held: &BTreeSet<String>, closed: &[&str], resting: &[i64]) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = candidates("SELECT id AS next FROM job WHERE wait = 'suspect'");
    // Reads the rows of suspects, of which there are as many as the dead host had slots.
    if !held.is_empty() {
        let mut kinds = query.push(" AND kind NOT IN (").separated(", ");
        for kind in held {
            kinds.push_bind(kind.clone());
        }
        query.push(")");
    }
    if !closed.is_empty() {
        let mut queues = query.push(" AND queue NOT IN (").separated(", ");
        for queue in closed {
            queues.push_bind((*queue).to_owned());
        }
        query.push(")");
    }
    if !resting.is_empty() {
        let mut imports = query.push(" AND coalesce(import_id, 0) NOT IN (").separated(", ");
        for import in resting {
            imports.push_bind(*import);
        }
        query.push(")");
    }
    query.push(" ORDER BY deaths, id LIMIT 1) CROSS JOIN job ON job.id = next");
    query
}

/// The jobs of a lane that are next.
pub(super) fn next_ready(lane: &Lane, slots: u64) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = candidates("SELECT id AS next FROM job WHERE wait = 'ready' AND queue = ");
    query.push_bind(lane.queue.to_string()).push(" AND kind = ").push_bind(lane.kind.to_string());
    query.push(" AND import_id IS ").push_bind((lane.import != 0).then_some(lane.import));
    query.push(" AND priority = ").push_bind(lane.priority).push(" ORDER BY id LIMIT ");
    query.push_bind(i64::try_from(slots).unwrap_or(i64::MAX)).push(") CROSS JOIN job ON job.id = next");
    query
}

async fn look(batch: &mut Batch<'_>, mut query: QueryBuilder<sqlx::Sqlite>) -> Result<Vec<Candidate>, StoreError> {
    parse(query.build().fetch_one(&mut *batch.conn).await?.try_get(0)?)
}

/// Take the suspect that is next in line; how many slots it took.
async fn take_suspect(batch: &mut Batch<'_>, taken: &mut Taken, now: Timestamp) -> Result<u64, StoreError> {
    let query = next_suspect(&batch.view.held, &queue::closed(batch.view), &batch.view.resting_imports());
    let found = look(batch, query).await?;
    if found.is_empty() {
        batch.view.suspects_stuck = true;
    }
    // A suspect whose subject is busy keeps its place in the line.
    let Some(free) = found.into_iter().find(|candidate| candidate.busy == 0) else { return Ok(0) };
    let (id, name) = (free.facts.id, free.facts.queue.clone());
    taken.take(free)?;
    batch.view.suspects -= 1;
    batch.view.running_suspect = Some(id);
    let configured = Arc::clone(&batch.view.queue_limits);
    queue::started(batch, &name, 1, now, &configured);
    Ok(1)
}

async fn take_ready(
    batch: &mut Batch<'_>,
    taken: &mut Taken,
    lane: &Lane,
    slots: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = look(batch, next_ready(lane, slots)).await?;
    let (looked_at, before) = (found.len() as u64, taken.jobs.len());
    found.into_iter().try_for_each(|candidate| taken.take(candidate))?;
    queue::began(batch, lane, (taken.jobs.len() - before) as u64, now);
    batch.view.left_ready(lane, looked_at);
    Ok(())
}

pub(super) const CLAIM: &str =
    "UPDATE job SET state = 'running', wait = NULL, attempt = attempt + 1, lease = new.value->>1,
       digest = new.value->>2, inputs = new.value->>3,
       host_id = $2, boot_id = $3, started_at = $4, finished_at = NULL, progress = NULL
    FROM jsonb_each($1) AS new WHERE job.id = new.value->>0";

/// Write leases and pins.
async fn write(batch: &mut Batch<'_>, request: &ClaimRequest, taken: &mut Taken) -> Result<(), StoreError> {
    if taken.jobs.is_empty() {
        return Ok(());
    }
    let pins = pins(batch, request, &taken.jobs).await?;
    let mut rows = Vec::with_capacity(taken.jobs.len());
    for job in &mut taken.jobs {
        let facts = &mut job.facts;
        facts.running.lease = batch.view.next_lease;
        batch.view.next_lease += 1;
        facts.running.attempt += 1;
        facts.started_at = request.now;
        facts.digest = request.routes.get(&facts.kind).map(|route| route.digest.clone());
        job.inputs = pins.get(&facts.running.id).cloned().unwrap_or_default();
        let leases: BTreeMap<&str, i64> = job.inputs.iter().map(|(kind, (lease, _))| (kind.as_str(), *lease)).collect();
        facts.inputs = if leases.is_empty() { None } else { Some(json(&leases)?) };
        rows.push((facts.running.id, facts.running.lease, facts.digest.clone(), facts.inputs.clone()));
        if let Some(key) = &facts.key {
            key::admit::started(batch, key, request.now);
        }
        let from = (State::Queued, Made::Something);
        batch.moved(&facts.kind, facts.item, from, (State::Running, Made::Something));
    }
    sqlx::query(CLAIM)
        .bind(json(&rows)?)
        .bind(&request.host)
        .bind(request.boot)
        .bind(request.now.0)
        .execute(&mut *batch.conn)
        .await?;
    Ok(())
}

pub(super) const PINS: &str = "SELECT want.value->>0, current.kind, current.lease, generation.location
    FROM jsonb_each($1) AS want
    JOIN current ON current.subject = want.value->>1 AND current.kind = want.value->>2
    JOIN generation ON generation.lease = current.lease";

/// The current generations that the claimed jobs are to read: job → kind →
/// (lease, folder).
async fn pins(
    batch: &mut Batch<'_>,
    request: &ClaimRequest,
    jobs: &[Claimed],
) -> Result<BTreeMap<i64, BTreeMap<String, (i64, String)>>, StoreError> {
    let mut wanted = Vec::new();
    for job in jobs {
        let inputs = request.routes.get(&job.facts.kind).map_or(&[][..], |route| &route.inputs);
        wanted.extend(inputs.iter().map(|kind| (job.facts.running.id, &job.facts.about.subject, kind)));
    }
    let mut pins: BTreeMap<i64, BTreeMap<String, (i64, String)>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(pins);
    }
    let rows = sqlx::query(PINS).bind(json(&wanted)?).fetch_all(&mut *batch.conn).await?;
    for row in &rows {
        pins.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?, (row.try_get(2)?, row.try_get(3)?));
    }
    Ok(pins)
}
