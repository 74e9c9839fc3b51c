//! What an explanation has to know beyond a job's own row.
//!
//! Every look is a range of an index that ends after so many rows, so asking why costs
//! the same before a million jobs. What this cannot promise: that the numbers are of one
//! moment, or that a job that followed far behind (more than [`FAR`] ids) is found.

use super::job::JobRow;
use super::queue::Queue;
use super::{Store, StoreError};
use crate::rules::explain::{self, Handler, KeyFacts, Line, MOST, Queued, Worker};
use crate::rules::import::ImportState;
use crate::rules::job::{Wait, Why};
use crate::rules::key::Key;
use crate::rules::time::Timestamp;
use crate::rules::{key, queue};
use sqlx::Row;

/// How many ids behind a job of no import those that followed it are looked for.
const FAR: i64 = 20_000;
/// Rows of the ready index that are looked at for more urgent jobs.
const LOOK: i64 = 10_000;
/// Jobs that followed which are named at most.
const NAMED: i64 = 5;

/// What the configuration says of queues and keys.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Of queues.
    pub queues: queue::Configured,
    /// Of keys.
    pub keys: key::Configured,
}

pub(super) const MEMORY: &str = "SELECT deferrals, deaths FROM job WHERE id = $1";
pub(super) const WORKS: &str = "SELECT id FROM job WHERE subject = $1 AND kind = $2 AND state = 'running'";
pub(super) const TRIED: &str =
    "SELECT id FROM job INDEXED BY job_running WHERE state = 'running' AND suspect = 1 LIMIT 1";
pub(super) const BEFORE_IN_KEY: &str = "SELECT count(*) FROM (
    SELECT 1 FROM job WHERE wait = 'key' AND key = $1 AND (priority, id) < ($2, $3) LIMIT $4)";
pub(super) const OLDER: &str = "SELECT count(*) FROM (SELECT 1 FROM job
    WHERE wait = 'ready' AND queue = $1 AND kind = $2 AND import_id IS $3 AND priority = $4 AND id < $5 LIMIT $6)";
pub(super) const URGENT: &str = "SELECT count(*) FROM (
    SELECT priority FROM job WHERE wait = 'ready' AND queue = $1 LIMIT $3) WHERE priority < $2";
pub(super) const QUEUE: &str = "SELECT name, state, own, rate_at, tokens_at FROM queue WHERE name = $1";
pub(super) const QUEUE_RUNS: &str =
    "SELECT count(*) FROM job INDEXED BY job_running WHERE state = 'running' AND queue = $1";
pub(super) const HANDLER: &str = "SELECT handler.name, handler.state FROM route
    JOIN handler ON handler.digest = route.digest WHERE route.kind = $1";
pub(super) const MADE: &str = "SELECT count(*), coalesce(sum(bytes), 0) FROM artifact
    WHERE lease = (SELECT lease FROM job WHERE id = $1)";
pub(super) const FOLLOWED_IN_IMPORT: &str = "SELECT id, kind FROM job
    WHERE import_id = $2 AND item = $3 AND parent_id = $1 ORDER BY id LIMIT $4";
pub(super) const FOLLOWED: &str = "SELECT id, kind FROM job
    WHERE id > $1 AND id <= $1 + $2 AND parent_id = $1 ORDER BY id LIMIT $3";

impl Store {
    /// What matters of a job that waits.
    ///
    /// # Errors
    /// The database said no.
    pub async fn waiting(
        &self,
        job: &JobRow,
        configured: &Configured,
        worker: Option<Worker>,
        now: Timestamp,
    ) -> Result<Queued, StoreError> {
        let memory = sqlx::query(MEMORY).bind(job.id).fetch_one(self.readers()).await?;
        let wait = job.wait.as_deref().and_then(Wait::parse).unwrap_or(Wait::Ready);
        Ok(Queued {
            wait,
            why: job.why.as_deref().and_then(Why::parse),
            run_at: job.run_at,
            deferrals: memory.try_get(0)?,
            deaths: memory.try_get(1)?,
            key: if wait == Wait::Key { self.key_of(job, configured, now).await? } else { None },
            other: self.other(job, wait).await?,
            handler: self.handler_of(&job.kind).await?,
            import: self.resting_import(job.import_id).await?,
            queue: self.queue_of(&job.queue, configured).await?,
            worker,
            line: if wait == Wait::Ready { self.line(job).await? } else { Line::default() },
        })
    }

    /// Its key, and how many wait before it.
    async fn key_of(
        &self,
        job: &JobRow,
        configured: &Configured,
        now: Timestamp,
    ) -> Result<Option<(KeyFacts, u64)>, StoreError> {
        let Some(name) = &job.key else { return Ok(None) };
        let Some(row) = self.key(&configured.keys, name, now).await? else { return Ok(None) };
        let before = sqlx::query(BEFORE_IN_KEY).bind(name).bind(job.priority).bind(job.id).bind(most());
        let before = before.fetch_one(self.readers()).await?.try_get(0)?;
        let next_at = row.next_at.unwrap_or_default();
        let key = Key { idle: row.idle, running: row.running, waiting: row.waiting, next_at };
        Ok(Some((KeyFacts { name: row.name, key, pace: row.pace }, before)))
    }

    /// The job that keeps it, if one does.
    async fn other(&self, job: &JobRow, wait: Wait) -> Result<Option<i64>, StoreError> {
        let query = match wait {
            Wait::Subject => sqlx::query(WORKS).bind(&job.subject).bind(&job.kind),
            Wait::Suspect => sqlx::query(TRIED),
            Wait::Ready | Wait::Timer | Wait::Key => return Ok(None),
        };
        let found = query.fetch_optional(self.readers()).await?;
        Ok(found.map(|row| row.try_get(0)).transpose()?)
    }

    /// The import of a job, if nothing of it begins.
    async fn resting_import(&self, id: Option<i64>) -> Result<Option<(i64, ImportState)>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        let import = self.import(id).await?;
        let rests = |state| matches!(state, ImportState::Paused | ImportState::Cancelled);
        Ok(import.filter(|import| rests(import.state)).map(|import| (id, import.state)))
    }

    async fn handler_of(&self, kind: &str) -> Result<Handler, StoreError> {
        let found = sqlx::query(HANDLER).bind(kind).fetch_optional(self.readers()).await?;
        let Some(row) = found else {
            let why = format!("no handler does kind {kind:?}: `capstan handler add FILE` adds one");
            return Ok(Handler::Missing(why));
        };
        let (name, state): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(match state.as_str() {
            "disabled" => Handler::Disabled(name),
            "broken" => Handler::Missing(format!("handler {name} cannot be used: add it again")),
            _ => Handler::Ready,
        })
    }

    async fn queue_of(&self, name: &str, configured: &Configured) -> Result<explain::Queue, StoreError> {
        let row = sqlx::query(QUEUE).bind(name).fetch_optional(self.readers()).await?;
        let queue = row.as_ref().map(Queue::of).transpose()?.unwrap_or_default();
        let limits = queue.limits(name, &configured.queues);
        let running = sqlx::query(QUEUE_RUNS).bind(name).fetch_one(self.readers()).await?.try_get(0)?;
        let used = queue::Used { running, ..queue.used };
        Ok(explain::Queue { name: name.to_owned(), state: queue.state, limits, used })
    }

    /// Who is before it among those that are ready.
    async fn line(&self, job: &JobRow) -> Result<Line, StoreError> {
        let older = sqlx::query(OLDER).bind(&job.queue).bind(&job.kind).bind(job.import_id);
        let older = older.bind(job.priority).bind(job.id).bind(most()).fetch_one(self.readers()).await?.try_get(0)?;
        let urgent = sqlx::query(URGENT).bind(&job.queue).bind(job.priority).bind(LOOK);
        let urgent: u64 = urgent.fetch_one(self.readers()).await?.try_get(0)?;
        Ok(Line { priority: job.priority, older, urgent: urgent.min(MOST) })
    }

    /// The handler that a job runs on, by name and the beginning of its digest.
    ///
    /// # Errors
    /// The database said no.
    pub async fn handler_called(&self, digest: &str) -> Result<String, StoreError> {
        let found = sqlx::query("SELECT name FROM handler WHERE digest = $1").bind(digest);
        let name: Option<String> = found.fetch_optional(self.readers()).await?.map(|row| row.try_get(0)).transpose()?;
        let short = digest.get(..12).unwrap_or(digest);
        Ok(format!("{} (sha256:{short}…)", name.as_deref().unwrap_or("that is gone")))
    }

    /// Files and bytes that the last run of a job published.
    ///
    /// # Errors
    /// The database said no.
    pub async fn made(&self, job: i64) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(MADE).bind(job).fetch_one(self.readers()).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// The first jobs that a job's completion queued, with their kinds.
    ///
    /// # Errors
    /// The database said no.
    pub async fn followed(&self, job: &JobRow) -> Result<Vec<(i64, String)>, StoreError> {
        let query = match job.import_id.zip(job.item) {
            Some((import, item)) => sqlx::query(FOLLOWED_IN_IMPORT).bind(job.id).bind(import).bind(item).bind(NAMED),
            None => sqlx::query(FOLLOWED).bind(job.id).bind(FAR).bind(NAMED),
        };
        let rows = query.fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

fn most() -> i64 {
    i64::try_from(MOST).unwrap_or(i64::MAX)
}
