//! Taking ready jobs.
//!
//! A claim looks only at rows of the ready index, never at what waits for a
//! time, a key, a queue or its subject; a queue whose kind has a disabled handler is
//! left out whole, so that its jobs stay where they are and cost nothing. Free slots are shared among queues by
//! [`crate::rules::queue::share`]. A job whose subject is being worked on by
//! another job of its kind is parked behind it.

use super::batch::{Batch, json, parse};
use super::op::{Op, Reply};
use super::settle::{FACTS, Facts, Row};
use super::{Store, StoreError};
use crate::rules::job::{Made, State};
use crate::rules::queue::{Demand, share};
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
        match self.send(Op::Claim(request)).await? {
            Reply::Claimed(jobs) => Ok(jobs),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

/// Serve every claim of a batch.
pub(super) async fn apply(batch: &mut Batch<'_>, ops: &[Op], replies: &mut [Reply]) -> Result<(), StoreError> {
    for (op, reply) in ops.iter().zip(replies) {
        if let Op::Claim(request) = op {
            *reply = Reply::Claimed(claim(batch, request).await?);
        }
    }
    Ok(())
}

async fn claim(batch: &mut Batch<'_>, request: &ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
    batch.at(request.now);
    ring_timers(batch, request.now).await?;
    let mut taken = Taken::default();
    let mut free = request.free;
    if free > 0 && batch.view.suspects > 0 && batch.view.running_suspect.is_none() {
        free -= take_suspect(batch, &mut taken).await?;
    }
    let demands: Vec<Demand> = batch
        .view
        .ready
        .iter()
        .filter(|(queue, ready)| **ready > 0 && !batch.view.held.contains(*queue))
        .map(|(queue, ready)| Demand { queue: queue.clone(), ready: *ready, room: u64::MAX })
        .collect();
    let shares = share(&demands, free, batch.view.last_served.as_deref());
    for (queue, slots) in &shares.slots {
        take_ready(batch, &mut taken, queue, *slots).await?;
    }
    batch.view.last_served = shares.last_served;
    write(batch, request, &mut taken).await?;
    park(batch, &taken).await?;
    Ok(taken.jobs)
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

pub(super) const RING: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT id FROM job WHERE wait = 'timer' AND run_at <= $1 ORDER BY run_at LIMIT $2)
    RETURNING queue";

pub(super) const NEXT_TIMER: &str = "SELECT min(run_at) FROM job WHERE wait = 'timer'";

/// Make ready what waited for a time that has come.
async fn ring_timers(batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
    if batch.view.next_timer.is_none_or(|next| next > now) {
        return Ok(());
    }
    let rung = sqlx::query(RING).bind(now.0).bind(RUNG_AT_ONCE).fetch_all(&mut *batch.conn).await?;
    for row in &rung {
        batch.view.made_ready(row.try_get(0)?, 1);
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

/// The first suspect in line whose kind is not held.
pub(super) fn next_suspect(held: &BTreeSet<String>) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = candidates("SELECT id AS next FROM job WHERE wait = 'suspect'");
    if !held.is_empty() {
        // Reads the rows of suspects, of which there are as many as the dead host had slots.
        let mut kinds = query.push(" AND queue NOT IN (").separated(", ");
        for kind in held {
            kinds.push_bind(kind.clone());
        }
        query.push(")");
    }
    query.push(" ORDER BY deaths, id LIMIT 1) CROSS JOIN job ON job.id = next");
    query
}

pub(super) fn next_ready(queue: &str, slots: u64) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = candidates("SELECT id AS next FROM job WHERE wait = 'ready' AND queue = ");
    query.push_bind(queue.to_owned()).push(" ORDER BY priority, id LIMIT ");
    query.push_bind(i64::try_from(slots).unwrap_or(i64::MAX)).push(") CROSS JOIN job ON job.id = next");
    query
}

async fn look(batch: &mut Batch<'_>, mut query: QueryBuilder<sqlx::Sqlite>) -> Result<Vec<Candidate>, StoreError> {
    parse(query.build().fetch_one(&mut *batch.conn).await?.try_get(0)?)
}

/// Take the suspect that is next in line; how many slots it took.
async fn take_suspect(batch: &mut Batch<'_>, taken: &mut Taken) -> Result<u64, StoreError> {
    let query = next_suspect(&batch.view.held);
    let found = look(batch, query).await?;
    // A suspect whose subject is busy keeps its place in the line.
    let Some(free) = found.into_iter().find(|candidate| candidate.busy == 0) else { return Ok(0) };
    let id = free.facts.id;
    taken.take(free)?;
    batch.view.suspects -= 1;
    batch.view.running_suspect = Some(id);
    Ok(1)
}

async fn take_ready(batch: &mut Batch<'_>, taken: &mut Taken, queue: &str, slots: u64) -> Result<(), StoreError> {
    let found = look(batch, next_ready(queue, slots)).await?;
    batch.view.made_ready(queue, -i64::try_from(found.len()).unwrap_or(0));
    found.into_iter().try_for_each(|candidate| taken.take(candidate))
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

pub(super) const PARK: &str = "UPDATE job SET wait = 'subject' WHERE id IN (SELECT value FROM jsonb_each($1))";

/// Park ready jobs whose subject is busy; the end of what keeps it wakes them.
async fn park(batch: &mut Batch<'_>, taken: &Taken) -> Result<(), StoreError> {
    if taken.parked.is_empty() {
        return Ok(());
    }
    sqlx::query(PARK).bind(json(&taken.parked)?).execute(&mut *batch.conn).await?;
    batch.view.behind_subject += taken.parked.len() as u64;
    Ok(())
}
