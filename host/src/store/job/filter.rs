//! Which jobs are meant, by what they are: for lists and for operations on many of them.

use crate::rules::attempt::Class;
use crate::rules::job::{State, Wait};
use crate::rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};

/// Which jobs; all of what is named must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobFilter {
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Of this import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<i64>,
    /// About this subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// With this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Accepted at this time or later (ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whose last error is of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Whose last error's message has this in it; ASCII letters match in either case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Older than this id (of a list: the cursor of the page before).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Of a list at most so many, 1 to 10,000; 0 is 50.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: u32,
}

// serde gives a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(limit: &u32) -> bool {
    *limit == 0
}

impl JobFilter {
    /// Whether it names nothing, so that every job is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self { limit: self.limit, ..Self::default() }
    }

    /// What has to hold of a row, as conditions that follow another one.
    pub(in crate::store) fn push_where(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(state) = self.state {
            // As a literal, so that the partial indexes of a state can serve.
            query.push(" AND state = '").push(state.name()).push("'");
        }
        for (column, text) in [(" AND kind = ", &self.kind), (" AND queue = ", &self.queue)] {
            if let Some(text) = text {
                query.push(column).push_bind(text.clone());
            }
        }
        if let Some(import) = self.import {
            query.push(" AND import_id = ").push_bind(import);
        }
        if let Some(subject) = &self.subject {
            query.push(" AND subject = ").push_bind(subject.clone());
        }
        if let Some(tag) = &self.tag {
            query.push(" AND EXISTS (SELECT 1 FROM json_each(job.tags) AS tag WHERE tag.value = ");
            query.push_bind(tag.clone()).push(")");
        }
        if let Some(since) = self.since {
            query.push(" AND created_at >= ").push_bind(since.0);
        }
        if let Some(class) = self.class {
            query.push(" AND error_class = ").push_bind(class.name());
        }
        if let Some(message) = &self.message {
            query.push(" AND instr(lower(error_message), ").push_bind(message.to_ascii_lowercase()).push(") > 0");
        }
        if let Some(before) = self.before {
            query.push(" AND id < ").push_bind(before);
        }
    }

    /// Select this of the jobs that are meant and are in one of these states. Only the index of an import, or those
    /// of each state, are read: what else is there may be millions of rows.
    pub(in crate::store) fn push_select(&self, query: &mut QueryBuilder<Sqlite>, what: &str, states: &[State]) {
        let wanted = states.iter().filter(|state| self.state.is_none_or(|only| only == **state));
        let mut joint = "";
        if self.import.is_some() {
            let names: Vec<_> = wanted.map(|state| format!("'{}'", state.name())).collect();
            query.push(format!(
                "SELECT {what} FROM job INDEXED BY job_of_import WHERE import_id IS NOT NULL AND state IN ({})",
                names.join(", ")
            ));
            return self.push_where(query);
        }
        for (index, place) in wanted.flat_map(|state| places(*state)) {
            query.push(format!("{joint}SELECT {what} FROM job INDEXED BY {index} WHERE {place}"));
            self.push_where(query);
            joint = " UNION ALL ";
        }
        if joint.is_empty() {
            query.push(format!("SELECT {what} FROM job WHERE false"));
        }
    }
}

/// The indexes that hold the jobs of a state and nothing else, and what they are of.
fn places(state: State) -> Vec<(&'static str, &'static str)> {
    match state {
        State::Queued => Wait::ALL.into_iter().map(place).collect(),
        State::Running => vec![("job_running", "state = 'running'")],
        State::Failed => vec![("job_failed", "state = 'failed'")],
        State::Cancelled => vec![("job_cancelled", "state = 'cancelled'")],
        // Nothing is done to many of them.
        State::Completed => Vec::new(),
    }
}

fn place(wait: Wait) -> (&'static str, &'static str) {
    match wait {
        Wait::Ready => ("job_ready", "wait = 'ready'"),
        Wait::Timer => ("job_timer", "wait = 'timer'"),
        Wait::Subject => ("job_behind_subject", "wait = 'subject'"),
        Wait::Suspect => ("job_suspect", "wait = 'suspect'"),
        Wait::Key => ("job_behind_key", "wait = 'key'"),
    }
}
