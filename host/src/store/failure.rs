//! The failure log: which failures there are, and what they have in common.
//!
//! An entry is written in the transaction that moves its job to `failed` (`entry.rs`), and
//! says what it said then for ever; what changes is whether and how it was resolved, and
//! whether its attempts still have their detail. Looking for a text reads every entry that
//! the rest of the filter leaves; everything else is a range of an index or reads what it
//! finds.

pub(super) mod entry;
mod filter;
mod group;

use super::job::JobRow;
use super::op::{Op, Reply};
use super::settle::Applied;
use super::{Store, StoreError};
use crate::rules::attempt::Class;
use crate::rules::failure::Resolution;
use crate::rules::job::Transition;
use crate::rules::time::Timestamp;
pub use filter::{FailureFilter, Which};
pub use group::FailureGroup;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row};

/// A failure as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// Its number.
    pub id: i64,
    /// The job that failed.
    pub job_id: i64,
    /// In this round of it, from 1.
    pub round: u32,
    /// The job's kind.
    pub kind: String,
    /// Why it failed.
    pub class: Class,
    /// In its own words, one line.
    pub message: String,
    /// What it shares with failures like it: the name of its group.
    pub fingerprint: String,
    /// The guest function that it ended in, if there was a backtrace.
    pub top_frame: Option<String>,
    /// The handler; none when no attempt is to blame.
    pub digest: Option<String>,
    /// What the job is about: the subject's id.
    pub subject: String,
    /// The subject's canonical source, or empty.
    pub source: String,
    /// A title, or empty.
    pub title: String,
    /// The import that the job belongs to.
    pub import_id: Option<i64>,
    /// The position in the import's list.
    pub item: Option<i64>,
    /// When (ms).
    pub failed_at: Timestamp,
    /// The failure of the same job before this one.
    pub previous: Option<i64>,
    /// Whether the attempts of the round have their log, backtrace and details.
    pub detailed: bool,
    /// How it was resolved, if it was.
    pub resolution: Option<Resolution>,
    /// When it was resolved (ms).
    pub resolved_at: Option<Timestamp>,
    /// By whom, or by which job.
    pub resolved_by: Option<String>,
}

impl FromRow<'_, SqliteRow> for FailureRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let broken = |what: &str| sqlx::Error::Decode(format!("failure: unknown {what}").into());
        let resolution = row.try_get::<Option<&str>, _>("resolution")?;
        let resolution = resolution.map(|name| Resolution::parse(name).ok_or_else(|| broken("resolution")));
        Ok(Self {
            id: row.try_get("id")?,
            job_id: row.try_get("job_id")?,
            round: row.try_get("round")?,
            kind: row.try_get("kind")?,
            class: Class::parse(row.try_get("class")?).ok_or_else(|| broken("class"))?,
            message: row.try_get("message")?,
            fingerprint: row.try_get("fingerprint")?,
            top_frame: row.try_get("top_frame")?,
            digest: row.try_get("digest")?,
            subject: row.try_get("subject")?,
            source: row.try_get("source")?,
            title: row.try_get("title")?,
            import_id: row.try_get("import_id")?,
            item: row.try_get("item")?,
            failed_at: Timestamp(row.try_get("failed_at")?),
            previous: row.try_get("previous")?,
            detailed: row.try_get("detailed")?,
            resolution: resolution.transpose()?,
            resolved_at: row.try_get::<Option<i64>, _>("resolved_at")?.map(Timestamp),
            resolved_by: row.try_get("resolved_by")?,
        })
    }
}

/// How many failures there are that nobody resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// All of them.
    pub unresolved: i64,
    /// Of those, the newest, which have their log and backtrace.
    pub detailed: i64,
}

impl Store {
    /// Unresolved failures that keep full detail from now on; the others lose it when the
    /// next job fails.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn keep_failures(&self, keep: u64) -> Result<(), StoreError> {
        self.send(Op::KeepFailures(keep)).await.map(|_| ())
    }

    /// Give jobs that failed or were cancelled a new round; whether each was given one.
    ///
    /// # Errors
    /// The database said no; then none was given one.
    pub async fn resubmit(
        &self,
        transitions: Vec<Transition>,
        by: String,
        now: Timestamp,
    ) -> Result<Vec<Applied>, StoreError> {
        match self.send(Op::Turn { transitions, by: Some(by), now }).await? {
            Reply::Applied(applied) => Ok(applied),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Take note of failures: their jobs stay failed. Which of them were unresolved.
    ///
    /// # Errors
    /// The database said no; then nothing was changed.
    pub async fn delete_failures(&self, ids: Vec<i64>, by: String, now: Timestamp) -> Result<Vec<i64>, StoreError> {
        match self.send(Op::DeleteFailures { ids, by, now }).await? {
            Reply::Ids(ids) => Ok(ids),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// A page of failures, newest first: those before `before`.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failures(
        &self,
        filter: &FailureFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FailureRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM failure WHERE ");
        filter.push_where(&mut query);
        if let Some(before) = before {
            query.push(" AND failure.id < ").push_bind(before);
        }
        query.push(" ORDER BY failure.id DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// How many failures there are of these that are older than `before`.
    ///
    /// # Errors
    /// The database said no.
    pub async fn count_failures(&self, filter: &FailureFilter, before: Option<i64>) -> Result<u64, StoreError> {
        let mut query = QueryBuilder::new("SELECT count(*) FROM failure WHERE ");
        filter.push_where(&mut query);
        if let Some(before) = before {
            query.push(" AND failure.id < ").push_bind(before);
        }
        Ok(query.build().fetch_one(self.readers()).await?.try_get(0)?)
    }

    /// One failure.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failure(&self, id: i64) -> Result<Option<FailureRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM failure WHERE id = $1").bind(id);
        Ok(query.fetch_optional(self.readers()).await?)
    }

    /// The failures of a job that are older than `before`, newest first; so many at most.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failures_of(&self, job: i64, before: i64, limit: u32) -> Result<Vec<FailureRow>, StoreError> {
        let query = "SELECT * FROM failure WHERE job_id = $1 AND id < $2 ORDER BY round DESC LIMIT $3";
        let query = sqlx::query_as(query).bind(job).bind(before).bind(i64::from(limit));
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// The failure of a job in its round, if that one failed.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failure_of(&self, job: &JobRow) -> Result<Option<FailureRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM failure WHERE job_id = $1 AND round = $2");
        Ok(query.bind(job.id).bind(job.round).fetch_optional(self.readers()).await?)
    }

    /// How many failures there are that nobody resolved.
    ///
    /// # Errors
    /// The database said no.
    pub async fn unresolved(&self) -> Result<Unresolved, StoreError> {
        let row = sqlx::query(entry::OPEN).fetch_one(self.readers()).await?;
        Ok(Unresolved { unresolved: row.try_get(0)?, detailed: row.try_get(1)? })
    }
}
