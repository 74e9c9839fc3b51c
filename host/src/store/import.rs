//! Imports: the list's cursor, the items' trees and the account.
//!
//! A chunk's jobs, the cursor behind it and its items are one commit, so an item
//! is dispatched exactly once however often the host dies.

mod account;
mod advance;
mod errors;
mod row;
mod turn;

use super::accept::Entry;
use super::batch::{Batch, json};
use super::job::NewJob;
use super::op::{Op, Reply};
use super::settle::Applied;
use super::{Answer, Store, StoreError};
use crate::rules::deferred::Range;
use crate::rules::import::{ImportState, Turn};
use crate::rules::time::Timestamp;
pub(super) use account::{ACCOUNT, Accounts, Advance, COMPLETE, Moved, account, accounted, reload, write_cursors};
#[cfg(test)]
pub(super) use account::{KNOWN_ITEMS, NEW_ITEMS, OPEN, OTHER_ITEMS};
pub(super) use advance::advance;
#[cfg(test)]
pub(super) use advance::{DRAIN, EXISTING};
#[cfg(test)]
pub(super) use errors::FAILED;
pub use errors::FailedItem;
pub use row::ImportRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{QueryBuilder, Row};
pub(super) use turn::reopen;
#[cfg(test)]
pub(super) use turn::{QUEUED, REOPEN};
pub(super) use turn::{break_off, turn};

/// An import whose list lies on the disk.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Its number, which is in the name of its list.
    pub id: i64,
    /// The kind of job that items become.
    pub kind: String,
    /// What was imported, for people.
    pub source: String,
    /// In which form it came.
    pub format: String,
    /// The folder that jobs see as `/imports`.
    pub root: Option<String>,
    /// The list, relative to the project.
    pub list: String,
    /// Its length in bytes.
    pub list_bytes: u64,
    /// Offset of the first item.
    pub cursor: u64,
    /// Items per chunk.
    pub chunk: u64,
    /// Items in the list, invalid ones included.
    pub total: u64,
    /// Items that can never become a job.
    pub invalid: u64,
    /// Items that are in the list twice: the later ones.
    pub duplicate: u64,
    /// What becomes of items whose document exists.
    pub existing: Existing,
    /// The job that follows when it is done.
    pub then: Option<Then>,
    /// Now.
    pub now: Timestamp,
}

/// What becomes of items whose document exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// They become jobs, which find out whether something changed.
    #[default]
    Again,
    /// They are skipped.
    Skip,
}

impl Existing {
    const fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Skip => "skip",
        }
    }

    fn of(name: &str) -> Self {
        if name == Self::Skip.name() { Self::Skip } else { Self::Again }
    }
}

/// The job that follows when an import is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Then {
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Its payload.
    pub payload: Value,
    /// Charged tries that it may have.
    pub max_attempts: u32,
}

/// Items of a list that become jobs, or wait.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The import.
    pub import: i64,
    /// Where they come from.
    pub from: Origin,
    /// The jobs that the items become.
    pub jobs: Vec<NewJob>,
    /// The others, by their keys.
    pub deferred: Vec<Range>,
    /// Now.
    pub now: Timestamp,
}

/// Where items of a list were read from, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From the import's cursor.
    Cursor {
        /// Where the cursor was.
        from: u64,
        /// Where the next item begins; the length of the list behind the last one.
        to: u64,
        /// How many items were read.
        items: u64,
    },
    /// From the first range of a key.
    Range {
        /// The range as it was.
        was: Range,
        /// What is left of it; none when nothing is.
        left: Option<Range>,
    },
}

/// A range whose key has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    /// The first range of the key.
    pub range: Range,
    /// How many jobs of the key are queued or run.
    pub open: u64,
}

/// A chunk with the pages of its jobs' rows, which are made by whoever hands it out, before
/// there is room for it.
#[derive(Debug, Clone)]
pub struct Dispatch {
    chunk: Chunk,
    pages: Vec<String>,
    /// It stands in line until with its own no more than so many jobs could be claimed.
    pub(super) window: Option<u64>,
}

impl Dispatch {
    /// A chunk that can be dispatched.
    ///
    /// # Errors
    /// A job cannot be written as a row.
    pub fn of(chunk: Chunk) -> Result<Self, StoreError> {
        let pages = chunk.jobs.iter().map(NewJob::page).collect::<Result<_, _>>()?;
        Ok(Self { chunk, pages, window: None })
    }

    /// It stands in line until with its own no more than so many jobs of the import could be
    /// claimed.
    #[must_use]
    pub fn within(self, window: u64) -> Self {
        Self { window: Some(window), ..self }
    }

    /// The chunk.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// It is dispatched no earlier than now: its jobs are as old as that, and none runs before.
    pub fn not_before(&mut self, now: Timestamp) {
        if self.chunk.now >= now {
            return;
        }
        self.chunk.now = now;
        for job in &mut self.chunk.jobs {
            (job.now, job.run_at) = (now, job.run_at.max(now));
        }
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.chunk.jobs.iter().zip(&self.pages).map(|(job, page)| Entry::with(job, page))
    }
}

/// Chunks that are on their way to the disk.
#[derive(Debug)]
pub struct Sent(Vec<Answer>);

impl Sent {
    /// Wait until they are there; whether each was where it was read.
    ///
    /// # Errors
    /// The database said no; those before may have been written.
    pub async fn applied(self) -> Result<bool, StoreError> {
        let mut all = true;
        for answer in self.0 {
            let reply = answer.await.map_err(|_| StoreError::Closed)??;
            all &= matches!(reply, Reply::Applied(applied) if applied == [Applied::Yes]);
        }
        Ok(all)
    }
}

impl Store {
    /// Accept an import whose list lies on the disk.
    ///
    /// # Errors
    /// The database said no.
    pub async fn add_import(&self, new: NewImport) -> Result<i64, StoreError> {
        match self.send(Op::Import(new)).await? {
            Reply::Id(id) => Ok(id),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Dispatch items of an import; nothing if its cursor or the range has moved.
    ///
    /// # Errors
    /// The database said no.
    pub async fn advance(&self, chunk: Chunk) -> Result<Applied, StoreError> {
        self.applied(Op::Chunk(Dispatch::of(chunk)?)).await
    }

    /// Send chunks that follow each other to the writer, where those with a window stand in
    /// line for room.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn dispatch(&self, chunks: Vec<Dispatch>) -> Result<Sent, StoreError> {
        let mut answers = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            answers.push(self.ask(Op::Chunk(chunk)).await?);
        }
        Ok(Sent(answers))
    }

    /// Pause, resume or cancel an import that is in this state; what waits of a
    /// cancelled one is counted as cancelled, and its open jobs are left to the caller.
    ///
    /// # Errors
    /// The database said no.
    pub async fn turn_import(
        &self,
        id: i64,
        was: ImportState,
        turn: Turn,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.applied(Op::TurnImport { id, was, turn, now }).await
    }

    async fn applied(&self, op: Op) -> Result<Applied, StoreError> {
        match self.send(op).await? {
            Reply::Applied(applied) => applied.first().copied().ok_or_else(|| StoreError::Corrupt("no answer".into())),
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }

    /// Give an import up because its list cannot be read.
    ///
    /// # Errors
    /// The database said no.
    pub async fn break_import(&self, id: i64, error: String, now: Timestamp) -> Result<(), StoreError> {
        self.send(Op::BreakImport { id, error, now }).await.map(|_| ())
    }

    /// The number that the next import gets.
    ///
    /// # Errors
    /// The database said no.
    pub async fn next_import(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT coalesce(max(id), 0) + 1 FROM import").fetch_one(self.readers()).await?;
        Ok(row.try_get(0)?)
    }

    /// One import.
    ///
    /// # Errors
    /// The database said no.
    pub async fn import(&self, id: i64) -> Result<Option<ImportRow>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM import WHERE id = $1").bind(id);
        Ok(query.fetch_optional(self.readers()).await?)
    }

    /// A page of imports, newest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn imports(&self, before: Option<i64>, limit: u32) -> Result<Vec<ImportRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM import WHERE true");
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// The imports that are open, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn open_imports(&self) -> Result<Vec<ImportRow>, StoreError> {
        let query = "SELECT * FROM import WHERE state IN ('pending', 'processing', 'paused') ORDER BY id";
        Ok(sqlx::query_as(query).fetch_all(self.readers()).await?)
    }

    /// The imports that still have items to dispatch, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn undispatched(&self) -> Result<Vec<ImportRow>, StoreError> {
        Ok(sqlx::query_as(UNDISPATCHED).fetch_all(self.readers()).await?)
    }
}

pub(super) const UNDISPATCHED: &str = "SELECT * FROM import
    WHERE state IN ('pending', 'processing', 'paused') AND state <> 'paused' AND (cursor < list_bytes OR deferred > 0)
    ORDER BY id";

pub(super) async fn insert(batch: &mut Batch<'_>, new: &NewImport) -> Result<i64, StoreError> {
    sqlx::query(
        "INSERT INTO import (id, state, kind, source, format, root, list, list_bytes, chunk, cursor, dispatched, total,
                             invalid, duplicate, existing, then_job, created_at)
         VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14, $15)",
    )
    .bind(new.id)
    .bind(&new.kind)
    .bind(&new.source)
    .bind(&new.format)
    .bind(&new.root)
    .bind(&new.list)
    .bind(number(new.list_bytes))
    .bind(number(new.chunk))
    .bind(number(new.cursor))
    .bind(number(new.total))
    .bind(number(new.invalid))
    .bind(number(new.duplicate))
    .bind(new.existing.name())
    .bind(new.then.as_ref().map(json).transpose()?)
    .bind(new.now.0)
    .execute(&mut *batch.conn)
    .await?;
    account::complete(batch, &[new.id], new.now).await?;
    reload(batch).await?;
    Ok(new.id)
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
