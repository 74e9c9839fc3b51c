//! The life cycle of a job: every change of state is a value made here.
//!
//! A function maps (what is known of the job, what happened, policy, now,
//! random) to a [`Transition`]; the store applies it only where the job is still
//! in the state, and under the lease, that the transition expects. Nothing else
//! may change a job's state. What this cannot promise: that a transition is
//! still right when it arrives; a stale one touches no row, and that is a normal
//! answer.

use super::attempt::{Class, Fault, Outcome};
use super::retry::{self, Policy};
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted; waits for a slot, a time, a key or its subject.
    Queued,
    /// A live instance of this boot works on it.
    Running,
    /// Done.
    Completed,
    /// Given up; a failure until it is resolved.
    Failed,
    /// Cancelled by someone.
    Cancelled,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The name in the store, in JSON and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the job still has something before it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What the rules know of a job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The job.
    pub id: i64,
    /// The lease of this run.
    pub lease: i64,
    /// Which charged try this is in the round, from 1.
    pub attempt: u32,
    /// Charged tries this round may have.
    pub max_attempts: u32,
    /// `retry-after` answers in this round.
    pub deferrals: u32,
    /// When the first of them came.
    pub deferred_since: Option<Timestamp>,
    /// Deaths of the host with this job as the lone suspect, in this round.
    pub deaths: u32,
    /// Whether it is being re-run after a death of the host.
    pub trust: Trust,
    /// Who had asked to cancel it, as far as whoever read its row knows.
    pub cancel_by: Option<String>,
    /// It is of no use after this time.
    pub deadline: Option<Timestamp>,
}

/// Whether a job was running when the host died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// It was not.
    Innocent,
    /// It was, and has not passed since; suspects run one at a time.
    Suspect,
}

/// The state and lease that must still hold when a transition is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Still running under this lease.
    Running {
        /// The lease.
        lease: i64,
    },
    /// Still queued.
    Queued,
    /// Still failed or cancelled.
    Ended,
}

/// Why a job waits for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// It was tried and failed; this is its backoff.
    Backoff,
    /// The handler named the time.
    Deferred,
    /// The host stopped in the middle; uncharged.
    Stopped,
    /// The host died in the middle; uncharged, and now a suspect.
    Died,
    /// Someone asked for a new round.
    Retried,
    /// Someone named another time.
    Rescheduled,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Backoff, Self::Deferred, Self::Stopped, Self::Died, Self::Retried, Self::Rescheduled];

    /// The name in the store and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backoff => "backoff",
            Self::Deferred => "deferred",
            Self::Stopped => "stopped",
            Self::Died => "died",
            Self::Retried => "retried",
            Self::Rescheduled => "rescheduled",
        }
    }

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.name() == name)
    }
}

/// What a queued job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A slot: a claim may take it.
    Ready,
    /// A time.
    Timer,
    /// Another job of its kind that works on its subject.
    Subject,
    /// Its turn among those that may have killed the host.
    Suspect,
    /// Its key.
    Key,
}

impl Wait {
    /// Everything that a job may wait for.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Timer, Self::Subject, Self::Suspect, Self::Key];

    /// The name in the store and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Timer => "timer",
            Self::Subject => "subject",
            Self::Suspect => "suspect",
            Self::Key => "key",
        }
    }

    /// What has this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wait| wait.name() == name)
    }

    /// What a job waits for that is queued until this time; one with a key has to be
    /// let in by it.
    pub fn until(run_at: Timestamp, now: Timestamp, key: Option<&str>) -> Self {
        match key {
            _ if run_at > now => Self::Timer,
            Some(_) => Self::Key,
            None => Self::Ready,
        }
    }
}

/// What a job becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Completed, with its result.
    Completed {
        /// The result document (JSON text).
        result: String,
        /// Whether anything was made.
        made: Made,
    },
    /// Queued again.
    Queued {
        /// Not before this time.
        run_at: Timestamp,
        /// Why.
        why: Why,
        /// Charged tries so far in the round.
        attempt: u32,
    },
    /// Given up, for the reason in [`Transition::error`].
    Failed,
    /// Cancelled.
    Cancelled,
}

/// Whether a completed job made anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Made {
    /// It did its work.
    Something,
    /// It found that what exists is still right.
    Nothing,
}

/// One change of a job's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The job.
    pub job: i64,
    /// What must still hold.
    pub expect: Expect,
    /// What it becomes.
    pub next: Next,
    /// The error that the job shows from now on.
    pub error: Option<(Class, String)>,
    /// What else it remembers.
    pub memory: Memory,
}

/// What a job remembers within its round, after a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// `retry-after` answers.
    pub deferrals: u32,
    /// When the first of them came.
    pub deferred_since: Option<Timestamp>,
    /// Deaths as the lone suspect.
    pub deaths: u32,
    /// Whether it is a suspect now.
    pub trust: Trust,
}

impl Memory {
    /// Nothing to remember.
    pub const CLEAN: Self = Self { deferrals: 0, deferred_since: None, deaths: 0, trust: Trust::Innocent };
}

impl State {
    /// The state that a transition leads to.
    pub const fn of(next: &Next) -> Self {
        match next {
            Next::Completed { .. } => Self::Completed,
            Next::Queued { .. } => Self::Queued,
            Next::Failed => Self::Failed,
            Next::Cancelled => Self::Cancelled,
        }
    }
}

/// What follows from the end of an attempt. `random` is uniform in 0 ≤ random < 1. A job
/// that someone had asked to cancel is not tried again, however its attempt failed.
pub fn finish(job: &Running, outcome: &Outcome, policy: &Policy, now: Timestamp, random: f64) -> Transition {
    // Whatever the answer was, the host survived it.
    let memory = Memory {
        deferrals: job.deferrals,
        deferred_since: job.deferred_since,
        deaths: job.deaths,
        trust: Trust::Innocent,
    };
    let expect = Expect::Running { lease: job.lease };
    let to = |next, error| Transition { job: job.id, expect, next, error, memory };
    match outcome {
        Outcome::Done(result) => to(Next::Completed { result: result.clone(), made: Made::Something }, None),
        Outcome::Unchanged(result) => to(Next::Completed { result: result.clone(), made: Made::Nothing }, None),
        Outcome::Failed(fault) if fault.class == Class::Cancelled => {
            to(Next::Cancelled, Some((fault.class, fault.message.clone())))
        }
        Outcome::Stopped | Outcome::Failed(_) if job.cancel_by.is_some() => {
            let by = job.cancel_by.as_deref().unwrap_or_default();
            to(Next::Cancelled, Some((Class::Cancelled, format!("cancelled by {by} while it ran"))))
        }
        Outcome::Stopped => {
            let mut stopped = to(again(now, Why::Stopped, job.attempt.saturating_sub(1)), None);
            stopped.memory.trust = job.trust;
            stopped
        }
        Outcome::Failed(fault) if fault.class == Class::Deferred => defer(job, fault, now),
        Outcome::Failed(fault) => {
            let error = Some((fault.class, fault.message.clone()));
            let delay = policy.again(fault.class, job.attempt, job.max_attempts, random);
            match delay.map(|delay| now.after(delay)) {
                // Nobody is to wait for a try that its deadline will prevent.
                Some(run_at) if job.deadline.is_none_or(|deadline| run_at < deadline) => {
                    to(again(run_at, Why::Backoff, job.attempt), error)
                }
                _ => to(Next::Failed, error),
            }
        }
    }
}

fn again(run_at: Timestamp, why: Why, attempt: u32) -> Next {
    Next::Queued { run_at, why, attempt }
}

fn defer(job: &Running, fault: &Fault, now: Timestamp) -> Transition {
    let since = job.deferred_since.unwrap_or(now);
    let deferrals = job.deferrals.saturating_add(1);
    let spent = deferrals > retry::MAX_DEFERRALS || now.since(since) > retry::MAX_DEFERRED_FOR;
    let wait = retry::clamp_deferral(fault.after.unwrap_or(Millis(0)));
    let (next, error) = if spent {
        let message = format!("{} (asked to wait {} times since the first)", fault.message, deferrals);
        (Next::Failed, (Class::Permanent, message))
    } else {
        let next = again(now.after(wait), Why::Deferred, job.attempt.saturating_sub(1));
        (next, (Class::Deferred, fault.message.clone()))
    };
    Transition {
        job: job.id,
        expect: Expect::Running { lease: job.lease },
        next,
        error: Some(error),
        memory: Memory { deferrals, deferred_since: Some(since), deaths: job.deaths, trust: Trust::Innocent },
    }
}

/// What an attempt of a job may answer when someone cancels the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancel {
    /// Apply this now.
    Now(Transition),
    /// Stop the guest first; its end cancels the job.
    StopFirst,
    /// It has ended already.
    TooLate(State),
}

/// What cancelling means for a job in this state.
pub fn cancel(id: i64, state: State, by: &str) -> Cancel {
    match state {
        State::Queued => Cancel::Now(Transition {
            job: id,
            expect: Expect::Queued,
            next: Next::Cancelled,
            error: Some((Class::Cancelled, format!("cancelled by {by}"))),
            memory: Memory::CLEAN,
        }),
        State::Running => Cancel::StopFirst,
        ended => Cancel::TooLate(ended),
    }
}

/// What becomes of a queued job whose deadline has passed.
pub fn expire(id: i64, deadline: Timestamp) -> Transition {
    Transition {
        job: id,
        expect: Expect::Queued,
        next: Next::Failed,
        error: Some((Class::Timeout, format!("deadline {} passed before it ran", deadline.rfc3339()))),
        memory: Memory::CLEAN,
    }
}

/// A new round for a job that failed or was cancelled; the state it is in, if
/// it has not ended that way.
pub fn retry(id: i64, state: State, now: Timestamp) -> Result<Transition, State> {
    match state {
        State::Failed | State::Cancelled => Ok(Transition {
            job: id,
            expect: Expect::Ended,
            next: again(now, Why::Retried, 0),
            error: None,
            memory: Memory::CLEAN,
        }),
        other => Err(other),
    }
}
