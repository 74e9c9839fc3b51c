//! Each target of an operation is counted once, whatever happens to it meanwhile.

use super::cases;
use capstan::rules::bulk::{Account, Act, Found, Item, Plan, Step, plan};
use capstan::rules::job::{Next, State};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Cancel),
        Just(Act::Retry),
        Just(Act::Resubmit),
        Just(Act::Delete),
        (-100_i64..=100).prop_map(Act::Prioritise)
    ]
}

/// A job of the world around an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    state: State,
    round: i64,
    lease: i64,
    /// Somebody took note that it failed.
    is_noted: bool,
}

impl Job {
    fn found(self) -> Found {
        let failure = (self.state == State::Failed && !self.is_noted).then_some(9);
        Found { state: self.state, round: self.round, lease: (self.lease > 0).then_some(self.lease), failure }
    }
}

/// What may happen between two steps.
#[derive(Debug, Clone)]
enum Event {
    /// A job is claimed, if it is queued.
    Claim(Index),
    /// A job ends so, if it runs.
    End(Index, State),
    /// Somebody gives a job that failed or was cancelled a new round.
    Retry(Index),
    /// The operation takes a step of so many targets; given twice, as by a driver that died before it saw the answer.
    Step { chunk: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let end = prop_oneof![Just(State::Completed), Just(State::Failed), Just(State::Cancelled), Just(State::Queued)];
    prop_oneof![
        2 => any::<Index>().prop_map(Event::Claim),
        2 => (any::<Index>(), end).prop_map(|(at, to)| Event::End(at, to)),
        1 => any::<Index>().prop_map(Event::Retry),
        3 => (1_usize..5).prop_map(|chunk| Event::Step { chunk }),
    ]
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let job = (0..State::ALL.len(), 1_i64..3).prop_map(|(at, round)| {
        let state = State::ALL[at];
        Job { state, round, lease: i64::from(state != State::Queued), is_noted: false }
    });
    prop::collection::vec(job, 0..12)
}

/// An operation as the store keeps it.
struct Operation {
    act: Act,
    items: BTreeMap<i64, Item>,
    cursor: i64,
    account: Account,
}

impl Operation {
    /// Freeze those that are fit.
    fn new(act: Act, jobs: &[Job]) -> Self {
        let fit = jobs.iter().zip(0..).filter(|(job, _)| act.states().contains(&job.state));
        let items: BTreeMap<i64, Item> =
            fit.map(|(job, at)| (at, Item { target: at, round: job.round, asked: None })).collect();
        let account = Account { total: items.len() as u64, ..Account::default() };
        Self { act, items, cursor: -1, account }
    }

    /// Take a step from this cursor; each target that it counts.
    fn step(&mut self, cursor: i64, chunk: usize, jobs: &mut [Job]) -> Vec<i64> {
        if cursor != self.cursor {
            return Vec::new();
        }
        let behind = self.items.range(..=cursor).filter(|(_, item)| item.asked.is_some());
        let next: Vec<Item> = self.items.range(cursor + 1..).take(chunk).map(|(_, item)| *item).collect();
        let all: Vec<(Item, Option<Found>)> = behind
            .map(|(_, item)| *item)
            .chain(next.iter().copied())
            .map(|item| (item, Some(jobs[item.target as usize].found())))
            .collect();
        self.cursor = next.last().map_or(cursor, |item| item.target);
        let step = Step::plan(self.act, &all, "somebody", Timestamp(5));
        for transition in &step.turns {
            let job = &mut jobs[transition.job as usize];
            job.round += i64::from(matches!(transition.next, Next::Queued { .. }));
            job.state = State::of(&transition.next);
        }
        for (target, _) in &step.resolved {
            jobs[*target as usize].is_noted = true;
        }
        for (target, lease) in &step.asks {
            self.items.entry(*target).and_modify(|item| item.asked = Some(*lease));
        }
        self.account.done += (step.turns.len() + step.edits.len() + step.resolved.len() + step.done.len()) as u64;
        self.account.stale += step.stale.len() as u64;
        let turns = step.turns.iter().map(|transition| transition.job);
        let counted: Vec<i64> = turns
            .chain(step.edits.iter().chain(&step.resolved).map(|(target, _)| *target))
            .chain(step.done)
            .chain(step.stale)
            .collect();
        self.items.retain(|target, _| !counted.contains(target));
        counted
    }
}

fn happens(event: &Event, jobs: &mut [Job], leases: &mut i64) {
    match event {
        Event::Claim(at) => {
            let job = at.get(jobs);
            if job.state == State::Queued {
                *leases += 1;
                let at = at.index(jobs.len());
                (jobs[at].state, jobs[at].lease) = (State::Running, *leases);
            }
        }
        Event::End(at, to) => {
            let at = at.index(jobs.len());
            if jobs[at].state == State::Running {
                jobs[at].state = *to;
            }
        }
        Event::Retry(at) => {
            let at = at.index(jobs.len());
            if matches!(jobs[at].state, State::Failed | State::Cancelled) {
                (jobs[at].state, jobs[at].round) = (State::Queued, jobs[at].round + 1);
            }
        }
        Event::Step { .. } => {}
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn each_target_is_counted_once_and_the_account_adds_up_at_every_instant(
        act in act(), jobs in jobs(), events in prop::collection::vec(event(), 0..60),
    ) {
        let (mut jobs, mut leases) = (jobs, 1);
        let rounds: Vec<i64> = jobs.iter().map(|job| job.round).collect();
        let mut operation = Operation::new(act, &jobs);
        let frozen: Vec<i64> = operation.items.keys().copied().collect();
        let (mut counted, mut retried) = (Vec::new(), vec![0; jobs.len()]);
        for event in events.iter().filter(|_| !frozen.is_empty()) {
            if let Event::Step { chunk } = event {
                let (cursor, before) = (operation.cursor, jobs.clone());
                counted.extend(operation.step(cursor, *chunk, &mut jobs));
                for (at, (is, was)) in jobs.iter().zip(&before).enumerate() {
                    retried[at] += is.round - was.round;
                }
                if operation.cursor != cursor {
                    prop_assert_eq!(operation.step(cursor, *chunk, &mut jobs), Vec::<i64>::new());
                }
            } else {
                happens(event, &mut jobs, &mut leases);
            }
            prop_assert_eq!(operation.account.remaining(), operation.items.len() as u64);
            prop_assert_eq!(operation.account.counted(), counted.len() as u64);
        }
        // Whoever still runs ends, and the rest is done.
        for _ in 0..2 {
            jobs.iter_mut().filter(|job| job.state == State::Running).for_each(|job| job.state = State::Cancelled);
            let cursor = operation.cursor;
            counted.extend(operation.step(cursor, jobs.len() + 1, &mut jobs));
        }
        prop_assert_eq!(operation.account.remaining(), 0);
        counted.sort_unstable();
        prop_assert_eq!(counted, frozen.clone());
        // Nobody but those of the set was touched, and none of them got two rounds from it.
        for (at, more) in retried.iter().enumerate() {
            prop_assert!(*more <= i64::from(frozen.contains(&(at as i64)) && matches!(act, Act::Retry | Act::Resubmit)), "{rounds:?} {jobs:?}");
        }
    }

    #[test]
    fn a_target_in_another_round_is_left_alone(
        act in act(), state in 0..State::ALL.len(), round in 1_i64..5, other in 1_i64..5, asked in prop::option::of(1_i64..5),
    ) {
        let item = Item { target: 1, round, asked };
        let failure = (State::ALL[state] == State::Failed).then_some(9);
        let found = Found { state: State::ALL[state], round: other, lease: Some(3), failure };
        let planned = plan(act, item, Some(found), "somebody", Timestamp(5));
        if round == other {
            let is_fit = act.states().contains(&State::ALL[state]);
            prop_assert_eq!(!matches!(planned, Plan::Done | Plan::Stale), is_fit);
        } else {
            prop_assert_eq!(planned, Plan::Stale);
        }
        prop_assert_eq!(plan(act, item, None, "somebody", Timestamp(5)), Plan::Stale);
    }

    #[test]
    fn what_is_left_takes_as_long_as_the_pace_says(
        total in 0_u64..1_000_000, done in 0_u64..1_000_000, stale in 0_u64..1_000_000, worked in 0_u64..100_000_000,
    ) {
        let account = Account { total: total.max(done + stale), done, stale };
        let left = account.left(Millis(worked));
        if account.remaining() == 0 {
            prop_assert_eq!(left, Some(Millis(0)));
        } else if done + stale == 0 || worked == 0 {
            prop_assert_eq!(left, None);
        } else {
            #[allow(clippy::cast_precision_loss)]
            let wanted = worked as f64 * account.remaining() as f64 / account.counted() as f64;
            #[allow(clippy::cast_precision_loss)]
            let left = left.unwrap().0 as f64;
            prop_assert!((left - wanted).abs() <= 1.0 + wanted * 1e-9, "{left} {wanted}");
        }
    }
}

#[test]
fn a_run_that_was_asked_to_end_is_counted_by_how_it_ended() {
    let plan = |state, lease, asked| {
        let item = Item { target: 7, round: 1, asked };
        plan(
            Act::Cancel,
            item,
            Some(Found { state, round: 1, lease: Some(lease), failure: None }),
            "somebody",
            Timestamp(5),
        )
    };
    assert_eq!(plan(State::Running, 3, None), Plan::Ask(3));
    assert_eq!(plan(State::Running, 3, Some(3)), Plan::Wait);
    // It failed by itself before it was told, and runs again.
    assert_eq!(plan(State::Running, 4, Some(3)), Plan::Ask(4));
    assert!(matches!(plan(State::Queued, 3, Some(3)), Plan::Turn(_)));
    assert_eq!(plan(State::Cancelled, 3, Some(3)), Plan::Done);
    assert_eq!(plan(State::Completed, 3, Some(3)), Plan::Stale);
    // Somebody else cancelled it before its turn came.
    assert_eq!(plan(State::Cancelled, 3, None), Plan::Stale);
}
