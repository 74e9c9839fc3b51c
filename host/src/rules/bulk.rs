//! Bulk operations: one act on each target of a set that was frozen when the operation began.
//!
//! A target is a job in the round that it was in when the set was frozen: one that somebody gave
//! a new round since is not what the operator saw, and is left alone. A failure is a job that failed in that round, as
//! long as nobody resolved it. Each target is counted once,
//! as done or as stale, when what becomes of it is certain; a job that runs is certain when its
//! attempt has ended. What this cannot promise: that a target is still fit when its turn comes. One
//! that is not is stale, which is a normal answer.

use super::job::{Cancel, State, Transition, cancel, retry};
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an operation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BulkState {
    /// Some of its targets are before it.
    Running,
    /// Each target is accounted for.
    Completed,
    /// Somebody stopped it; what was done stays done.
    Cancelled,
}

impl BulkState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Cancelled];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What is done to each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Cancel jobs that are open.
    Cancel,
    /// Give jobs that failed or were cancelled a new round.
    Retry,
    /// Give queued jobs this priority.
    Prioritise(i64),
    /// Give jobs whose failure nobody resolved a new round.
    Resubmit,
    /// Take note of failures that nobody resolved.
    Delete,
}

impl Act {
    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Prioritise(_) => "prioritise",
            Self::Resubmit => "resubmit",
            Self::Delete => "delete",
        }
    }

    /// The states of jobs that it acts on.
    pub const fn states(self) -> &'static [State] {
        match self {
            Self::Cancel => &[State::Queued, State::Running],
            Self::Retry => &[State::Failed, State::Cancelled],
            Self::Prioritise(_) => &[State::Queued],
            Self::Resubmit | Self::Delete => &[State::Failed],
        }
    }
}

/// A target of the frozen set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The job.
    pub target: i64,
    /// The round that it was in when the set was frozen.
    pub round: i64,
    /// The lease of the run that was asked to end.
    pub asked: Option<i64>,
}

/// What a target is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its state.
    pub state: State,
    /// Its round.
    pub round: i64,
    /// The lease of its current or last run.
    pub lease: Option<i64>,
    /// The failure of the round that was frozen, if nobody resolved it.
    pub failure: Option<i64>,
}

/// What becomes of one target in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// This transition; then it is done.
    Turn(Transition),
    /// This priority; then it is done.
    Edit(i64),
    /// This failure is taken note of; then it is done.
    Resolve(i64),
    /// The run with this lease is asked to end. It is not counted yet.
    Ask(i64),
    /// The run that was asked to end has not ended. It is not counted yet.
    Wait,
    /// What was asked has come about.
    Done,
    /// It is no longer fit.
    Stale,
}

/// What becomes of a target as it is now; nothing is found of one that is gone.
pub fn plan(act: Act, item: Item, found: Option<Found>, by: &str, now: Timestamp) -> Plan {
    let Some(found) = found.filter(|found| found.round == item.round) else { return Plan::Stale };
    match act {
        Act::Cancel => match cancel(item.target, found.state, by) {
            Cancel::Now(transition) => Plan::Turn(transition),
            Cancel::StopFirst if found.lease == item.asked => Plan::Wait,
            Cancel::StopFirst => found.lease.map_or(Plan::Stale, Plan::Ask),
            Cancel::TooLate(State::Cancelled) if item.asked.is_some() => Plan::Done,
            Cancel::TooLate(_) => Plan::Stale,
        },
        Act::Retry => retry(item.target, found.state, now).map_or(Plan::Stale, Plan::Turn),
        Act::Resubmit if found.failure.is_some() => {
            retry(item.target, found.state, now).map_or(Plan::Stale, Plan::Turn)
        }
        Act::Delete => found.failure.map_or(Plan::Stale, Plan::Resolve),
        Act::Prioritise(priority) if found.state == State::Queued => Plan::Edit(priority),
        Act::Resubmit | Act::Prioritise(_) => Plan::Stale,
    }
}

/// All that a step does, sorted by how it is done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Transitions, in the order of their targets.
    pub turns: Vec<Transition>,
    /// Targets and the priorities that they get.
    pub edits: Vec<(i64, i64)>,
    /// Targets and their failures that are taken note of.
    pub resolved: Vec<(i64, i64)>,
    /// Targets and the leases of their runs that are asked to end.
    pub asks: Vec<(i64, i64)>,
    /// Targets that need nothing more: what was asked has come about.
    pub done: Vec<i64>,
    /// Targets that are no longer fit.
    pub stale: Vec<i64>,
}

impl Step {
    /// What a step does to these targets as they are now.
    pub fn plan(act: Act, targets: &[(Item, Option<Found>)], by: &str, now: Timestamp) -> Self {
        let mut step = Self::default();
        for (item, found) in targets {
            match plan(act, *item, *found, by, now) {
                Plan::Turn(transition) => step.turns.push(transition),
                Plan::Edit(priority) => step.edits.push((item.target, priority)),
                Plan::Resolve(failure) => step.resolved.push((item.target, failure)),
                Plan::Ask(lease) => step.asks.push((item.target, lease)),
                Plan::Wait => {}
                Plan::Done => step.done.push(item.target),
                Plan::Stale => step.stale.push(item.target),
            }
        }
        step
    }
}

/// How far an operation is: `total = done + stale + remaining` at every instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Targets of the frozen set.
    pub total: u64,
    /// Those that it acted on.
    pub done: u64,
    /// Those that were no longer fit when their turn came.
    pub stale: u64,
}

impl Account {
    /// Targets that are accounted for.
    pub const fn counted(self) -> u64 {
        self.done + self.stale
    }

    /// Targets that are not accounted for.
    pub const fn remaining(self) -> u64 {
        self.total.saturating_sub(self.counted())
    }

    /// How long the rest takes at the pace so far, after so much time of work; none before there
    /// is a pace.
    pub fn left(self, worked: Millis) -> Option<Millis> {
        if self.remaining() == 0 {
            return Some(Millis(0));
        }
        let spent = u128::from(worked.0) * u128::from(self.remaining());
        let left = spent.checked_div(u128::from(self.counted()))?;
        (worked.0 > 0).then(|| Millis(u64::try_from(left).unwrap_or(u64::MAX)))
    }
}
