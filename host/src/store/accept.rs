//! Accepting jobs: numbering and inserting them.

use super::StoreError;
use super::batch::{Batch, Queued, json, list};
use super::job::{JobRow, NewJob};
use super::key;
use super::op::{Op, Reply};
use super::unique::{self, Accepted};
use crate::rules::job::{State, Wait};
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;

/// Insert the jobs of every `Add` in a batch.
pub(super) async fn insert(batch: &mut Batch<'_>, ops: &[Op], replies: &mut [Reply]) -> Result<(), StoreError> {
    let jobs: Vec<&NewJob> = ops.iter().flat_map(new_jobs).collect();
    if jobs.is_empty() && !ops.iter().any(|op| matches!(op, Op::Add(_))) {
        return Ok(());
    }
    let accepted = if jobs.iter().any(|job| job.unique.is_some()) {
        unique::insert(batch, &jobs).await?
    } else {
        let first = batch.view.next_job;
        insert_rows(batch, &jobs).await?;
        (first..batch.view.next_job).map(Accepted::Added).collect()
    };
    let mut accepted = accepted.into_iter();
    for (op, reply) in ops.iter().zip(replies) {
        if let Op::Add(new) = op {
            *reply = Reply::Accepted(accepted.by_ref().take(new.len()).collect());
        }
    }
    Ok(())
}

fn new_jobs(op: &Op) -> &[NewJob] {
    match op {
        Op::Add(new) => new,
        _ => &[],
    }
}

/// A job to insert, with what was made of it before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) job: &'a NewJob,
    /// What [`NewJob::page`] made of it; `None` when it is to be written as a whole.
    page: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// A job of its own.
    pub(super) const fn of(job: &'a NewJob) -> Self {
        Self { job, page: None }
    }

    /// A job of an import, of which [`NewJob::page`] made this.
    pub(super) const fn with(job: &'a NewJob, page: &'a str) -> Self {
        Self { job, page: Some(page) }
    }
}

/// What the jobs of a chunk share: no row says it again, for each value of a row costs SQLite
/// a look into its JSON text, and a job has twenty.
#[derive(Debug, PartialEq, Eq)]
struct Alike<'a> {
    lane: (&'a str, &'a str, i64, u32),
    import: i64,
}

impl<'a> Alike<'a> {
    /// What this job may share with others; nothing if it says more than its page.
    fn of(job: &'a NewJob) -> Option<Self> {
        let (import, _) = job.item?;
        let is_plain = job.parent.is_none() && job.unique.is_none() && job.deadline.is_none();
        let lane = (job.kind.as_str(), job.queue.as_str(), job.priority, job.max_attempts);
        is_plain.then_some(Self { lane, import })
    }

    /// What all of these share.
    fn all(entries: &[Entry<'a>]) -> Option<Self> {
        let first = Self::of(entries.first()?.job)?;
        let is_like = |entry: &Entry<'a>| entry.page.is_some() && Self::of(entry.job).as_ref() == Some(&first);
        entries.iter().all(is_like).then_some(first)
    }
}

pub(super) const INSERT_ALIKE: &str = "INSERT INTO job (id, wait, run_at, created_at, kind, queue, priority,
                     max_attempts, subject, source, title, tags, payload, depth, import_id, item, key,
                     state, round, attempt)
    SELECT value->>0, value->>1, value->>2, value->>3, $2, $3, $4, $5, value->>4, value->>5, value->>6, value->>7,
           value->>8, 0, $6, value->>9, value->>10, 'queued', 1, 0
    FROM jsonb_each($1)";

pub(super) const INSERT: &str = "INSERT INTO job (id, wait, run_at, created_at, kind, queue, priority, max_attempts,
                     subject, source, title, tags, payload, parent_id, depth, import_id, item,
                     key, unique_key, deadline_at, state, round, attempt)
    SELECT value->>'$[0]', value->>'$[1]', value->>'$[2]', value->>'$[3]',
           value->>'$[4][0][0]', value->>'$[4][0][1]', value->>'$[4][0][2]', value->>'$[4][0][3]',
           value->>'$[4][1][0]', value->>'$[4][1][1]', value->>'$[4][1][2]', value->>'$[4][1][3]', value->>'$[4][2]',
           value->>'$[4][3][0]', coalesce(value->>'$[4][3][1]', 0), value->>'$[4][4][0]', value->>'$[4][4][1]',
           value->>'$[4][5][0]', value->>'$[4][5][1]', value->>'$[4][5][2]',
           'queued', 1, 0
    FROM jsonb_each($1)";

/// Insert jobs, numbering them in their order; those whose key has room are let in.
pub(super) async fn insert_rows(batch: &mut Batch<'_>, jobs: &[&NewJob]) -> Result<(), StoreError> {
    insert_entries(batch, &jobs.iter().map(|job| Entry::of(job)).collect::<Vec<_>>()).await
}

/// The same for jobs of which something was made before.
pub(super) async fn insert_entries(batch: &mut Batch<'_>, entries: &[Entry<'_>]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let let_in = key::admit::at_once(batch, &entries.iter().map(|entry| entry.job).collect::<Vec<_>>()).await?;
    let alike = Alike::all(entries);
    let mut rows = Vec::with_capacity(entries.len());
    for (at, Entry { job, page }) in entries.iter().enumerate() {
        let id = batch.view.next_job;
        batch.view.next_job += 1;
        batch.at(job.now);
        batch.added(job);
        if !batch.view.queues.contains_key(job.queue.as_str()) {
            // So that it is known from its first job on, whatever becomes of that.
            batch.view.queue(&job.queue);
            batch.queue_changed(&job.queue);
        }
        let key = job.key.as_deref().filter(|_| !let_in.contains(&at));
        let wait = Wait::until(job.run_at, job.now, key);
        batch.enter(wait, job.queued(), job.run_at);
        let (wait, run_at, now) = (wait.name(), job.run_at.0, job.now.0);
        rows.push(match page.filter(|_| alike.is_some()) {
            Some(page) => format!("[{id},\"{wait}\",{run_at},{now},{page}]"),
            None => format!("[{id},\"{wait}\",{run_at},{now},{}]", job.row()?),
        });
    }
    let rows = list(rows.iter().map(String::as_str));
    let query = match &alike {
        Some(Alike { lane: (kind, queue, priority, max_attempts), import }) => {
            let query = sqlx::query(INSERT_ALIKE).bind(rows).bind(*kind).bind(*queue);
            query.bind(*priority).bind(*max_attempts).bind(*import)
        }
        None => sqlx::query(INSERT).bind(rows),
    };
    query.execute(&mut *batch.conn).await?;
    Ok(())
}

impl NewJob {
    /// What its row says once it is accepted under this number, without a look at the store.
    /// Of a job with a key only the store knows whether it was let in at once: then this
    /// says that it waits.
    pub fn accepted(&self, id: i64) -> JobRow {
        JobRow {
            id,
            kind: self.kind.clone(),
            queue: self.queue.clone(),
            subject: self.about.subject.clone(),
            source: self.about.source.clone(),
            title: self.about.title.clone(),
            tags: self.about.tags.clone(),
            state: State::Queued,
            wait: Some(Wait::until(self.run_at, self.now, self.key.as_deref()).name().to_owned()),
            why: None,
            attempt: 0,
            max_attempts: self.max_attempts,
            round: 1,
            priority: self.priority,
            key: self.key.clone(),
            deadline_at: self.deadline,
            run_at: self.run_at,
            created_at: self.now,
            started_at: None,
            cancel_by: None,
            finished_at: None,
            import_id: self.item.map(|(import, _)| import),
            item: self.item.map(|(_, item)| item),
            parent_id: self.parent.map(|(parent, _)| parent),
            digest: None,
            unchanged: false,
            progress: None,
            error: None,
        }
    }

    /// Its row as [`INSERT`] reads it, but for what is known when it is inserted: its number,
    /// its wait and its times.
    pub(super) fn row(&self) -> Result<String, StoreError> {
        let lane = (&self.kind, &self.queue, self.priority, self.max_attempts);
        let about = (&self.about.subject, &self.about.source, &self.about.title, json(&self.about.tags)?);
        json(&(lane, about, &self.payload, self.parent.unzip(), self.item.unzip(), self.terms()))
    }

    /// What of its row [`INSERT_ALIKE`] reads from behind its number, its wait and its times: what it does
    /// not share with the other jobs of its chunk.
    pub(super) fn page(&self) -> Result<String, StoreError> {
        let (item, about) = (self.item.map(|(_, item)| item), &self.about);
        let page = (&about.subject, &about.source, &about.title, json(&about.tags)?, &self.payload, item, &self.key);
        let page = json(&page)?;
        Ok(page.strip_prefix('[').and_then(|page| page.strip_suffix(']')).unwrap_or(&page).to_owned())
    }

    /// How its place is counted.
    fn queued(&self) -> Queued<'_> {
        let lane = Lane {
            queue: self.queue.as_str().into(),
            kind: self.kind.as_str().into(),
            import: self.item.map_or(0, |(import, _)| import),
            priority: self.priority,
        };
        Queued { lane, key: self.key.as_deref(), deadline: self.deadline }
    }

    /// What few jobs have: a key, what it is unique by, a deadline.
    fn terms(&self) -> Option<(Option<&str>, Option<&str>, Option<Timestamp>)> {
        let terms = (self.key.as_deref(), self.unique.as_ref().map(|unique| unique.hash.as_str()), self.deadline);
        (terms != (None, None, None)).then_some(terms)
    }
}
