//! Which failures are meant.

use crate::rules::attempt::Class;
use crate::rules::failure::Resolution;
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};

/// Which failures are meant; what is not named does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailureFilter {
    /// Of jobs of this kind.
    pub kind: Option<String>,
    /// Of this class.
    pub class: Option<Class>,
    /// Whose fingerprint begins so.
    pub group: Option<String>,
    /// Of jobs of this import.
    pub import: Option<i64>,
    /// That failed at this time or later (ms).
    pub since: Option<Timestamp>,
    /// Whose message has this text in it; ASCII letters of either case are the same.
    pub message: Option<String>,
    /// These and no others.
    pub ids: Option<Vec<i64>>,
    /// Resolved or not; those that are not by default.
    pub which: Which,
}

/// Whether they are resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Not yet.
    #[default]
    Unresolved,
    /// By a new round.
    Resubmitted,
    /// By somebody who acknowledged it.
    Deleted,
    /// By a later job that completed.
    Superseded,
    /// All of them.
    All,
}

impl Which {
    /// Every choice.
    pub const ALL: [Self; 5] = [Self::Unresolved, Self::Resubmitted, Self::Deleted, Self::Superseded, Self::All];

    /// The name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Resubmitted => Resolution::Resubmitted.name(),
            Self::Deleted => Resolution::Deleted.name(),
            Self::Superseded => Resolution::Superseded.name(),
            Self::All => "all",
        }
    }

    /// The choice of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.name() == name)
    }
}

impl FailureFilter {
    /// Whether it leaves nothing out but by [`Which`].
    pub fn is_open(&self) -> bool {
        *self == Self { which: self.which, ..Self::default() }
    }

    /// Write the condition, without `WHERE`: one that is never empty, about columns of
    /// `failure`.
    pub fn push_where(&self, query: &mut QueryBuilder<Sqlite>) {
        // As literals, so that the partial indexes can serve.
        match self.which {
            Which::Unresolved => query.push("failure.resolution IS NULL"),
            Which::All => query.push("true"),
            which => query.push("failure.resolution = '").push(which.name()).push("'"),
        };
        if let Some(kind) = &self.kind {
            query.push(" AND failure.kind = ").push_bind(kind.clone());
        }
        if let Some(class) = self.class {
            query.push(" AND failure.class = ").push_bind(class.name());
        }
        if let Some(group) = &self.group {
            // Up to what comes behind every fingerprint that begins so: no hex digit is above `f`.
            query.push(" AND failure.fingerprint >= ").push_bind(group.clone());
            query.push(" AND failure.fingerprint < ").push_bind(format!("{group}g"));
        }
        if let Some(import) = self.import {
            query.push(" AND failure.import_id = ").push_bind(import);
        }
        if let Some(since) = self.since {
            query.push(" AND failure.failed_at >= ").push_bind(since.0);
        }
        if let Some(message) = &self.message {
            query.push(" AND instr(lower(failure.message), lower(").push_bind(message.clone()).push(")) > 0");
        }
        if let Some(ids) = &self.ids {
            // A list of numbers is always JSON.
            let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
            query.push(" AND failure.id IN (SELECT value FROM json_each(").push_bind(ids).push("))");
        }
    }
}
