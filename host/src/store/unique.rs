//! Jobs of which one is enough: looking for the same before they are inserted.

use super::batch::{Batch, json};
use super::edit::{self, Edit};
use super::job::NewJob;
use super::{StoreError, accept};
use crate::rules::job::State;
use crate::rules::time::Timestamp;
use crate::rules::unique::{Same, Verdict, judge};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "became", content = "id", rename_all = "lowercase")]
pub enum Accepted {
    /// It is this one.
    Added(i64),
    /// This one has what it brought.
    Replaced(i64),
    /// This one is there already and is the answer.
    Existing(i64),
    /// This one is there already, and nothing was done.
    Skipped(i64),
}

impl Accepted {
    /// The job.
    pub const fn id(self) -> i64 {
        match self {
            Self::Added(id) | Self::Replaced(id) | Self::Existing(id) | Self::Skipped(id) => id,
        }
    }
}

pub(super) const SAME: &str = "SELECT wanted.value->>0, job.id, job.state, job.created_at
    FROM jsonb_each($1) AS wanted
    JOIN job ON job.id = (SELECT max(id) FROM job WHERE unique_key = wanted.value->>0 AND state = wanted.value->>1)";

/// The newest job of each state that counts, by hash.
async fn same(batch: &mut Batch<'_>, jobs: &[&NewJob]) -> Result<BTreeMap<String, Vec<Same>>, StoreError> {
    let uniques = jobs.iter().filter_map(|job| job.unique.as_ref());
    let wanted: BTreeSet<(&str, &str)> =
        uniques.flat_map(|unique| unique.states.iter().map(|state| (unique.hash.as_str(), state.name()))).collect();
    let rows = sqlx::query(SAME).bind(json(&wanted)?).fetch_all(&mut *batch.conn).await?;
    let mut same: BTreeMap<String, Vec<Same>> = BTreeMap::new();
    for row in &rows {
        let state = State::parse(row.try_get(2)?).ok_or_else(|| StoreError::Corrupt("job state".into()))?;
        let found = Same { id: row.try_get(1)?, state, created_at: Timestamp(row.try_get(3)?) };
        same.entry(row.try_get(0)?).or_default().push(found);
    }
    Ok(same)
}

/// Insert jobs of which some are unique, each judged against those before it.
pub(super) async fn insert(batch: &mut Batch<'_>, jobs: &[&NewJob]) -> Result<Vec<Accepted>, StoreError> {
    let mut same = same(batch, jobs).await?;
    let first = batch.view.next_job;
    let mut new: Vec<Cow<'_, NewJob>> = Vec::with_capacity(jobs.len());
    let (mut edits, mut accepted, mut now) = (Vec::new(), Vec::with_capacity(jobs.len()), Timestamp(0));
    for job in jobs {
        now = now.max(job.now);
        let met = job.unique.as_ref().map(|unique| (unique, same.entry(unique.hash.clone()).or_default()));
        let verdict = met.as_ref().map_or(Verdict::Accept, |(unique, same)| judge(unique, same, job.now));
        accepted.push(match verdict {
            Verdict::Accept => {
                let id = first + i64::try_from(new.len()).unwrap_or(i64::MAX);
                if let Some((_, same)) = met {
                    same.push(Same { id, state: State::Queued, created_at: job.now });
                }
                new.push(Cow::Borrowed(*job));
                Accepted::Added(id)
            }
            Verdict::Skip(id) => Accepted::Skipped(id),
            Verdict::Existing(id) => Accepted::Existing(id),
            Verdict::Replace(id) => {
                let place = usize::try_from(id - first).ok().and_then(|at| new.get_mut(at));
                match place {
                    Some(earlier) => replace(earlier.to_mut(), job),
                    None => edits.push(edit_of(id, job)),
                }
                Accepted::Replaced(id)
            }
        });
    }
    edit::edit(batch, &edits, now).await?;
    accept::insert_rows(batch, &new.iter().map(AsRef::as_ref).collect::<Vec<_>>()).await?;
    Ok(accepted)
}

/// What a new job brings for one that is queued.
fn edit_of(id: i64, job: &NewJob) -> Edit {
    Edit {
        id,
        payload: Some(job.payload.clone()),
        priority: Some(job.priority),
        run_at: Some(job.run_at),
        tags: Some(job.about.tags.clone()),
        ..Edit::default()
    }
}

/// The same for one that is about to be inserted.
fn replace(earlier: &mut NewJob, job: &NewJob) {
    earlier.payload.clone_from(&job.payload);
    earlier.about.tags.clone_from(&job.about.tags);
    (earlier.priority, earlier.run_at) = (job.priority, job.run_at);
}
