//! What an operation does, and which targets match.

use crate::rules::bulk::Act;
use crate::store::failure::FailureFilter;
use crate::store::job::JobFilter;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};

/// An act, and which targets it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
pub enum What {
    /// Cancel open jobs.
    Cancel {
        /// Which.
        jobs: JobFilter,
    },
    /// Give jobs that failed or were cancelled a new round.
    Retry {
        /// Which.
        jobs: JobFilter,
    },
    /// Give queued jobs another priority.
    Prioritise {
        /// Which.
        jobs: JobFilter,
        /// The smaller is claimed first.
        priority: i64,
    },
    /// Give the jobs of unresolved failures a new round.
    Resubmit {
        /// Which.
        failures: FailureFilter,
    },
    /// Take note of unresolved failures.
    Delete {
        /// Which.
        failures: FailureFilter,
    },
}

/// Which targets are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets<'a> {
    /// Jobs.
    Jobs(&'a JobFilter),
    /// Failures.
    Failures(&'a FailureFilter),
}

impl What {
    /// What is done to each target.
    pub fn act(&self) -> Act {
        match self {
            Self::Cancel { .. } => Act::Cancel,
            Self::Retry { .. } => Act::Retry,
            Self::Prioritise { priority, .. } => Act::Prioritise(*priority),
            Self::Resubmit { .. } => Act::Resubmit,
            Self::Delete { .. } => Act::Delete,
        }
    }

    /// Which targets are meant.
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Cancel { jobs } | Self::Retry { jobs } | Self::Prioritise { jobs, .. } => Targets::Jobs(jobs),
            Self::Resubmit { failures } | Self::Delete { failures } => Targets::Failures(failures),
        }
    }

    /// Select number and round of the jobs that match now, and whatever else.
    pub(super) fn push_select(&self, query: &mut QueryBuilder<Sqlite>, what: &str) {
        match self.targets() {
            Targets::Jobs(jobs) => jobs.push_select(query, &format!("id AS target, round{what}"), self.act().states()),
            Targets::Failures(failures) => {
                let index = match failures {
                    FailureFilter { group: Some(_), .. } => "failure_group",
                    FailureFilter { import: Some(_), .. } => "failure_of_import",
                    _ => "failure_open",
                };
                let from = format!("SELECT job_id AS target, round{what} FROM failure INDEXED BY {index} WHERE ");
                failures.push_where(query.push(from));
            }
        }
    }
}
