//! Failures that share a fingerprint.

use super::FailureFilter;
use crate::rules::attempt::Class;
use crate::rules::failure::normalise;
use crate::rules::time::Timestamp;
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row};

/// Failures that share a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureGroup {
    /// The fingerprint.
    pub fingerprint: String,
    /// How many there are.
    pub failures: i64,
    /// The kind of their jobs.
    pub kind: String,
    /// Their class.
    pub class: Class,
    /// Their message, with placeholders for what differs.
    pub pattern: String,
    /// The guest function that they ended in, if there were backtraces.
    pub top_frame: Option<String>,
    /// The handler; none when no attempt is to blame.
    pub digest: Option<String>,
    /// The oldest of them.
    pub first: i64,
    /// When it failed (ms).
    pub first_at: Timestamp,
    /// The newest of them.
    pub last: i64,
    /// When it failed (ms).
    pub last_at: Timestamp,
}

impl FromRow<'_, SqliteRow> for FailureGroup {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let class = Class::parse(row.try_get("class")?);
        Ok(Self {
            fingerprint: row.try_get("fingerprint")?,
            failures: row.try_get("failures")?,
            kind: row.try_get("kind")?,
            class: class.ok_or_else(|| sqlx::Error::Decode("failure: unknown class".into()))?,
            pattern: normalise(row.try_get("message")?),
            top_frame: row.try_get("top_frame")?,
            digest: row.try_get("digest")?,
            first: row.try_get("first")?,
            first_at: Timestamp(row.try_get("first_at")?),
            last: row.try_get("last")?,
            last_at: Timestamp(row.try_get("last_at")?),
        })
    }
}

impl Store {
    /// A page of groups, the largest first: those behind one with so many failures and
    /// this fingerprint.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failure_groups(
        &self,
        filter: &FailureFilter,
        after: Option<&(i64, String)>,
        limit: u32,
    ) -> Result<Vec<FailureGroup>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT part.*, newest.kind, newest.class, newest.message, newest.top_frame, newest.digest,
                    oldest.failed_at AS first_at, newest.failed_at AS last_at
             FROM (SELECT fingerprint, count(*) AS failures, min(id) AS first, max(id) AS last FROM failure WHERE ",
        );
        filter.push_where(&mut query);
        query.push(" GROUP BY fingerprint");
        if let Some((failures, fingerprint)) = after {
            query.push(" HAVING (-count(*), fingerprint) > (").push_bind(-failures);
            query.push(", ").push_bind(fingerprint.clone()).push(")");
        }
        query.push(" ORDER BY failures DESC, fingerprint LIMIT ").push_bind(i64::from(limit));
        query.push(
            ") AS part JOIN failure AS newest ON newest.id = part.last JOIN failure AS oldest ON oldest.id = part.first
             ORDER BY part.failures DESC, part.fingerprint",
        );
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// The fingerprints that begin so, of these failures; two at most.
    ///
    /// # Errors
    /// The database said no.
    pub async fn fingerprints(&self, filter: &FailureFilter) -> Result<Vec<String>, StoreError> {
        let mut query = QueryBuilder::new("SELECT DISTINCT fingerprint FROM failure WHERE ");
        filter.push_where(&mut query);
        query.push(" ORDER BY fingerprint LIMIT 2");
        let rows = query.build().fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }
}
