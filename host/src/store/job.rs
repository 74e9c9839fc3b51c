//! Jobs: accepting, looking at and asking to cancel them.

mod filter;

use super::batch::json;
use super::op::{Op, Reply};
use super::unique::Accepted;
use super::{Store, StoreError};
use crate::rules::attempt::Class;
use crate::rules::job::{State, Transition};
use crate::rules::progress::Progress;
use crate::rules::subject;
use crate::rules::time::Timestamp;
use crate::rules::unique::Unique;
pub use filter::JobFilter;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, SqliteConnection};

/// A job that is to be accepted.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// What it asks for.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// What it is about.
    pub about: About,
    /// The payload (JSON text that was checked against the kind's schema).
    pub payload: String,
    /// Smaller runs first.
    pub priority: i64,
    /// Charged attempts per round.
    pub max_attempts: u32,
    /// Not before this time.
    pub run_at: Timestamp,
    /// The job whose completion queued it, and its depth.
    pub parent: Option<(i64, i64)>,
    /// The import and the position in its list.
    pub item: Option<(i64, i64)>,
    /// What it shares a limit with.
    pub key: Option<String>,
    /// When one that is there is enough.
    pub unique: Option<Unique>,
    /// It is of no use after this time.
    pub deadline: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The subject's id.
    pub subject: String,
    /// Its canonical source, or empty.
    pub source: String,
    /// Its title, or empty.
    pub title: String,
    /// Tags.
    pub tags: Vec<String>,
}

impl About {
    /// A document with this canonical source.
    pub fn source(source: impl Into<String>) -> Self {
        let source = source.into();
        Self { subject: subject::id_of_source(&source), source, title: String::new(), tags: Vec::new() }
    }

    /// Nothing but the payload itself.
    pub fn payload(kind: &str, payload: &str) -> Self {
        Self {
            subject: subject::id_of_payload(kind, payload),
            source: String::new(),
            title: String::new(),
            tags: Vec::new(),
        }
    }
}

/// A job as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub id: i64,
    /// What it asks for.
    pub kind: String,
    /// Its lane.
    pub queue: String,
    /// What it is about: the subject's id.
    pub subject: String,
    /// The subject's canonical source, or empty.
    pub source: String,
    /// A title, or empty.
    pub title: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Where it is in its life.
    pub state: State,
    /// For a queued job: what it waits for (`ready`, `timer`, `subject`, `suspect`, `key`).
    pub wait: Option<String>,
    /// For a queued job that ran before: why it is queued again.
    pub why: Option<String>,
    /// Which charged try this is, or how many there were, in this round.
    pub attempt: u32,
    /// Charged tries this round may have.
    pub max_attempts: u32,
    /// Rounds so far, from 1.
    pub round: u32,
    /// Smaller runs first.
    pub priority: i64,
    /// What it shares a limit with.
    #[serde(default)]
    pub key: Option<String>,
    /// It is of no use after this time (ms).
    #[serde(default)]
    pub deadline_at: Option<Timestamp>,
    /// Not before this time (ms).
    pub run_at: Timestamp,
    /// When it was accepted (ms).
    pub created_at: Timestamp,
    /// When the current or last attempt began (ms).
    pub started_at: Option<Timestamp>,
    /// For a running job: who has asked to cancel it. Once it is cancelled its error says who it was.
    pub cancel_by: Option<String>,
    /// When it ended (ms).
    pub finished_at: Option<Timestamp>,
    /// The import that it belongs to.
    pub import_id: Option<i64>,
    /// The position in the import's list.
    pub item: Option<i64>,
    /// The job whose completion queued it.
    pub parent_id: Option<i64>,
    /// The digest of the handler of the current or last attempt.
    pub digest: Option<String>,
    /// Whether it found that nothing had to be made.
    pub unchanged: bool,
    /// How far the current or last attempt said that it was.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// The last error.
    pub error: Option<JobError>,
}

/// The last error of a job.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct JobError {
    /// The failure class.
    pub class: Class,
    /// One line.
    pub message: String,
}

pub(super) const COLUMNS: &str = "id, kind, queue, subject, source, title, tags, state, wait, why, attempt, max_attempts, round, \
    priority, run_at, created_at, started_at, cancel_by, finished_at, import_id, item, parent_id, digest, unchanged, \
    error_class, error_message, progress, key, deadline_at";

impl FromRow<'_, SqliteRow> for JobRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let broken = |what: &str| sqlx::Error::Decode(format!("job: unknown {what}").into());
        let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|ms| ms.map(Timestamp));
        let progress = |text| serde_json::from_str(text).map_err(|_| broken("progress"));
        let error = match row.try_get::<Option<&str>, _>("error_class")? {
            None => None,
            Some(class) => Some(JobError {
                class: Class::parse(class).ok_or_else(|| broken("class"))?,
                message: row.try_get::<Option<String>, _>("error_message")?.unwrap_or_default(),
            }),
        };
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            queue: row.try_get("queue")?,
            subject: row.try_get("subject")?,
            source: row.try_get("source")?,
            title: row.try_get("title")?,
            tags: serde_json::from_str(row.try_get("tags")?).map_err(|_| broken("tags"))?,
            state: State::parse(row.try_get("state")?).ok_or_else(|| broken("state"))?,
            wait: row.try_get("wait")?,
            why: row.try_get("why")?,
            attempt: row.try_get("attempt")?,
            max_attempts: row.try_get("max_attempts")?,
            round: row.try_get("round")?,
            priority: row.try_get("priority")?,
            key: row.try_get("key")?,
            deadline_at: time("deadline_at")?,
            run_at: Timestamp(row.try_get("run_at")?),
            created_at: Timestamp(row.try_get("created_at")?),
            started_at: time("started_at")?,
            cancel_by: row.try_get("cancel_by")?,
            finished_at: time("finished_at")?,
            import_id: row.try_get("import_id")?,
            item: row.try_get("item")?,
            parent_id: row.try_get("parent_id")?,
            digest: row.try_get("digest")?,
            unchanged: row.try_get("unchanged")?,
            progress: row.try_get::<Option<&str>, _>("progress")?.map(progress).transpose()?,
            error,
        })
    }
}

impl Store {
    /// Accept jobs, all or none: their ids, or those of the jobs that are there
    /// already, in the order in which they were given.
    ///
    /// # Errors
    /// The database said no; then none was accepted.
    pub async fn add(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, StoreError> {
        Ok(self.accept(jobs).await?.into_iter().map(Accepted::id).collect())
    }

    /// Accept jobs, all or none; what became of each, in the order in which they were
    /// given.
    ///
    /// # Errors
    /// The database said no; then none was accepted.
    pub async fn accept(&self, jobs: Vec<NewJob>) -> Result<Vec<Accepted>, StoreError> {
        match self.send(Op::Add(jobs)).await? {
            Reply::Accepted(accepted) => Ok(accepted),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Write who asked to cancel jobs that run.
    ///
    /// # Errors
    /// The database said no.
    pub async fn ask_cancel(&self, jobs: Vec<i64>, by: String) -> Result<(), StoreError> {
        self.send(Op::AskCancel { jobs, by }).await.map(|_| ())
    }

    /// Apply changes to jobs that do not run; whether each was applied.
    ///
    /// # Errors
    /// The database said no; then none was applied.
    pub async fn turn(
        &self,
        transitions: Vec<Transition>,
        now: Timestamp,
    ) -> Result<Vec<super::settle::Applied>, StoreError> {
        match self.send(Op::Turn { transitions, by: None, now }).await? {
            Reply::Applied(applied) => Ok(applied),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// One job.
    ///
    /// # Errors
    /// The database said no.
    pub async fn job(&self, id: i64) -> Result<Option<JobRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM job WHERE id = ").push_bind(id);
        Ok(query.build_query_as().fetch_optional(self.readers()).await?)
    }

    /// The payload and the result of a job, as JSON text.
    ///
    /// # Errors
    /// The database said no.
    pub async fn job_documents(&self, id: i64) -> Result<Option<(String, Option<String>)>, StoreError> {
        let row = sqlx::query("SELECT payload, result FROM job WHERE id = $1").bind(id);
        let row = row.fetch_optional(self.readers()).await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM job WHERE true");
        filter.push_where(&mut query);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// The jobs that a host before this one left running.
    ///
    /// # Errors
    /// The database said no.
    pub async fn orphans(&self) -> Result<Vec<super::settle::Facts>, StoreError> {
        super::settle::Facts::running(self.readers()).await
    }
}

pub(super) const ASK_CANCEL: &str =
    "UPDATE job SET cancel_by = $2 WHERE state = 'running' AND id IN (SELECT value FROM jsonb_each($1))";

/// Write who asked to cancel jobs that run.
pub(super) async fn ask_cancel(conn: &mut SqliteConnection, jobs: &[i64], by: &str) -> Result<Reply, StoreError> {
    sqlx::query(ASK_CANCEL).bind(json(&jobs)?).bind(by).execute(conn).await?;
    Ok(Reply::Done)
}
