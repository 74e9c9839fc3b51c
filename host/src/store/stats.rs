//! Counts, as rows that change with what they count.

use super::failure::{Unresolved, entry};
use super::{Store, StoreError};
use crate::rules::job::State;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::BTreeMap;

/// How many there are of what, in one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Jobs by state.
    pub jobs: BTreeMap<State, i64>,
    /// Jobs by kind and state.
    pub kinds: BTreeMap<String, BTreeMap<State, i64>>,
    /// Queued jobs by what they wait for.
    pub waiting: BTreeMap<String, i64>,
    /// Failures that nobody resolved.
    #[serde(default)]
    pub failures: Unresolved,
    /// Attempts on record.
    pub attempts: i64,
    /// Imports by state.
    pub imports: BTreeMap<String, i64>,
    /// Subjects with artifacts.
    pub subjects: i64,
    /// Files of current generations.
    pub artifacts: i64,
    /// Their bytes.
    pub artifact_bytes: i64,
}

/// Each is counted in the index of its own that holds nothing else; a `GROUP BY wait` would read the rows as well.
pub(super) const WAITING: &str = "SELECT (SELECT count(*) FROM job WHERE wait = 'ready'),
    (SELECT count(*) FROM job WHERE wait = 'timer'),
    (SELECT count(*) FROM job WHERE wait = 'subject'),
    (SELECT count(*) FROM job WHERE wait = 'suspect'),
    (SELECT count(*) FROM job WHERE wait = 'key')";

impl Store {
    /// How many there are of what, in one snapshot.
    ///
    /// # Errors
    /// The database said no.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let mut snapshot = self.readers().begin().await?;
        let mut stats = Stats { jobs: State::ALL.into_iter().map(|state| (state, 0)).collect(), ..Stats::default() };
        for row in sqlx::query("SELECT kind, state, jobs FROM tally").fetch_all(&mut *snapshot).await? {
            let state = State::parse(row.try_get(1)?).ok_or_else(|| StoreError::Corrupt("tally state".into()))?;
            let jobs: i64 = row.try_get(2)?;
            *stats.jobs.entry(state).or_insert(0) += jobs;
            stats.kinds.entry(row.try_get(0)?).or_default().insert(state, jobs);
        }
        let waiting = sqlx::query(WAITING).fetch_one(&mut *snapshot).await?;
        for (at, wait) in ["ready", "timer", "subject", "suspect", "key"].into_iter().enumerate() {
            let jobs = waiting.try_get(at)?;
            if jobs > 0 {
                stats.waiting.insert(wait.to_owned(), jobs);
            }
        }
        let open = sqlx::query(entry::OPEN).fetch_one(&mut *snapshot).await?;
        stats.failures = Unresolved { unresolved: open.try_get(0)?, detailed: open.try_get(1)? };
        let imports = "SELECT state, count(*) FROM import GROUP BY state";
        for row in sqlx::query(imports).fetch_all(&mut *snapshot).await? {
            stats.imports.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let sums = sqlx::query(
            "SELECT (SELECT count(*) FROM attempt), (SELECT count(*) FROM subject), count(*), coalesce(sum(bytes), 0)
             FROM artifact JOIN current ON current.lease = artifact.lease",
        )
        .fetch_one(&mut *snapshot)
        .await?;
        stats.attempts = sums.try_get(0)?;
        stats.subjects = sums.try_get(1)?;
        stats.artifacts = sums.try_get(2)?;
        stats.artifact_bytes = sums.try_get(3)?;
        snapshot.commit().await?;
        Ok(stats)
    }
}
