//! What failed of an import, item by item.

use crate::rules::attempt::Class;
use crate::rules::time::Timestamp;
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::Row;

/// A job of an import that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedItem {
    /// The number of the item in the list, from 0.
    pub item: i64,
    /// The job.
    pub job: i64,
    /// Its kind: an item whose page was fetched may fail later.
    pub kind: String,
    /// How it failed.
    pub class: Class,
    /// In its own words.
    pub message: String,
    /// What the item is: the address of the page or of the file.
    pub source: String,
    /// Its title, or empty.
    pub title: String,
    /// When it was given up (ms).
    pub failed_at: Timestamp,
}

pub(in crate::store) const FAILED: &str =
    "SELECT job.item, job.id, job.kind, job.error_class, job.error_message, job.source,
       job.title, coalesce(job.finished_at, 0)
    FROM item CROSS JOIN job ON job.import_id = item.import_id AND job.item = item.item AND job.state = 'failed'
    WHERE item.import_id = $1 AND item.item >= $2 AND item.failed > 0 AND (job.item, job.id) > ($2, $3)
    ORDER BY job.item, job.id LIMIT $4";

impl Store {
    /// The failed jobs of an import behind this (item, job), in the order of its list.
    ///
    /// # Errors
    /// The database said no.
    pub async fn failed_items(
        &self,
        import: i64,
        after: (i64, i64),
        limit: u32,
    ) -> Result<Vec<FailedItem>, StoreError> {
        let query = sqlx::query(FAILED).bind(import).bind(after.0).bind(after.1).bind(i64::from(limit));
        let rows = query.fetch_all(self.readers()).await?;
        rows.iter()
            .map(|row| {
                let class: Option<&str> = row.try_get(3)?;
                let class = class
                    .and_then(Class::parse)
                    .ok_or_else(|| StoreError::Corrupt("a failed job without class".into()))?;
                Ok(FailedItem {
                    item: row.try_get(0)?,
                    job: row.try_get(1)?,
                    kind: row.try_get(2)?,
                    class,
                    message: row.try_get::<Option<String>, _>(4)?.unwrap_or_default(),
                    source: row.try_get(5)?,
                    title: row.try_get(6)?,
                    failed_at: Timestamp(row.try_get(7)?),
                })
            })
            .collect()
    }
}
