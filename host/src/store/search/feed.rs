//! What was published since somebody looked last.
//!
//! Leases only grow, but attempts end in any order. So how far somebody has read is the last lease that was given out
//! then, and those of them that ran: whatever is published later has a lease behind the former or is one of the latter.
//! Reading costs what is new, whatever there is.

use crate::store::batch::json;
use crate::store::{Store, StoreError};
use serde::Serialize;
use sqlx::{FromRow, Row};
use std::collections::BTreeSet;

/// How far somebody has read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Position {
    /// Leases up to this one were looked at.
    pub upto: i64,
    /// But for these, which ran.
    pub open: BTreeSet<i64>,
    /// The kinds whose generations were looked at.
    pub kinds: Vec<String>,
}

/// Where attempts stand now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Horizon {
    /// The last lease that was given out.
    pub last: i64,
    /// Those that run.
    pub running: BTreeSet<i64>,
}

/// A generation that is current.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct News {
    /// Its lease.
    pub lease: i64,
    /// What it is about.
    pub subject: String,
    /// The kind that made it.
    pub kind: String,
    /// The canonical source of the subject.
    pub source: String,
    /// The title of the subject.
    pub title: String,
}

/// A subject that was removed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Removal {
    /// When, in the order of leases.
    pub lease: i64,
    /// Which.
    pub subject: String,
}

impl Position {
    /// Nothing of these kinds was read.
    pub fn start(kinds: [&str; 2]) -> Self {
        Self { kinds: kinds.map(str::to_owned).to_vec(), ..Self::default() }
    }

    /// Whether it can be gone on from: it is about these kinds, and of no future. (An older copy of the project's
    /// database may have been put back.)
    pub fn goes_on(&self, kinds: [&str; 2], horizon: &Horizon) -> bool {
        self.upto <= horizon.last && (self.kinds == kinds || *self == Self::default())
    }

    /// Whether nothing can be new.
    pub fn is_at(&self, horizon: &Horizon) -> bool {
        self.upto == horizon.last && self.open.iter().all(|lease| horizon.running.contains(lease))
    }

    /// The leases that ran when somebody looked and have ended since.
    pub fn ended(&self, horizon: &Horizon) -> Vec<i64> {
        self.open.difference(&horizon.running).copied().collect()
    }

    /// After what has ended was read.
    #[must_use]
    pub fn without_ended(&self, horizon: &Horizon) -> Self {
        Self { open: self.open.intersection(&horizon.running).copied().collect(), ..self.clone() }
    }

    /// After everything up to this lease was read as well.
    #[must_use]
    pub fn through(&self, lease: i64, horizon: &Horizon) -> Self {
        let mut open = self.open.clone();
        open.extend(horizon.running.range(self.upto + 1..).take_while(|running| **running <= lease));
        Self { upto: lease.max(self.upto), open, kinds: self.kinds.clone() }
    }
}

pub(in crate::store) const PUBLISHED: &str = "SELECT generation.lease, generation.subject, generation.kind,
       coalesce(subject.source, '') AS source, coalesce(subject.title, '') AS title
    FROM generation
    JOIN current ON current.subject = generation.subject AND current.kind = generation.kind
         AND current.lease = generation.lease
    LEFT JOIN subject ON subject.id = generation.subject
    WHERE generation.lease > $1 AND generation.lease <= $2 AND generation.kind IN ($3, $4)
    ORDER BY generation.lease LIMIT $5";

pub(in crate::store) const NAMED: &str = "SELECT generation.lease, generation.subject, generation.kind,
       coalesce(subject.source, '') AS source, coalesce(subject.title, '') AS title
    FROM jsonb_each($1) AS wanted
    JOIN generation ON generation.lease = wanted.value
    JOIN current ON current.subject = generation.subject AND current.kind = generation.kind
         AND current.lease = generation.lease
    LEFT JOIN subject ON subject.id = generation.subject
    WHERE generation.kind IN ($2, $3)";

impl Store {
    /// Where attempts stand.
    ///
    /// # Errors
    /// The database said no.
    pub async fn horizon(&self) -> Result<Horizon, StoreError> {
        let both = "SELECT (SELECT next - 1 FROM sequence WHERE name = 'lease'),
            (SELECT json_group_array(lease) FROM job INDEXED BY job_running WHERE state = 'running')";
        let row = sqlx::query(both).fetch_one(self.readers()).await?;
        Ok(Horizon { last: row.try_get(0)?, running: crate::store::batch::parse(row.try_get(1)?)? })
    }

    /// Current generations of two kinds with leases in this range, the lower ones first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn published(
        &self,
        kinds: [&str; 2],
        range: std::ops::RangeInclusive<i64>,
        limit: u32,
    ) -> Result<Vec<News>, StoreError> {
        let query = sqlx::query_as(PUBLISHED).bind(range.start() - 1).bind(*range.end());
        let query = query.bind(kinds[0]).bind(kinds[1]).bind(i64::from(limit));
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// Those of these leases that are current generations of two kinds.
    ///
    /// # Errors
    /// The database said no.
    pub async fn published_by(&self, kinds: [&str; 2], leases: &[i64]) -> Result<Vec<News>, StoreError> {
        let query = sqlx::query_as(NAMED).bind(json(&leases)?).bind(kinds[0]).bind(kinds[1]);
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// Subjects that were removed in this range of leases.
    ///
    /// # Errors
    /// The database said no.
    pub async fn removals(&self, range: std::ops::RangeInclusive<i64>) -> Result<Vec<Removal>, StoreError> {
        let query = "SELECT lease, subject FROM removal WHERE lease BETWEEN $1 AND $2 ORDER BY lease";
        let query = sqlx::query_as(query).bind(*range.start()).bind(*range.end());
        Ok(query.fetch_all(self.readers()).await?)
    }
}
