//! The end of an attempt leads to exactly one next state, and never charges what it must not.

use super::{cases, first_try, running};
use capstan::rules::attempt::{Class, Fault, Outcome};
use capstan::rules::job::{
    Cancel, Expect, Made, Memory, Next, Running, State, Trust, Why, cancel, expire, finish, retry,
};
use capstan::rules::limit::{Wall, wall};
use capstan::rules::retry::{Backoff, Shape};
use capstan::rules::retry::{MAX_DEFERRAL, MAX_DEFERRALS, MAX_DEFERRED_FOR, MIN_DEFERRAL, Policy, is_retried};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

fn outcome() -> impl Strategy<Value = Outcome> {
    let fault = (0..Class::ALL.len(), "[a-z ]{0,20}", proptest::option::of(any::<u64>())).prop_map(|(at, said, ms)| {
        let mut fault = Fault::new(Class::ALL[at], said);
        fault.after = ms.map(Millis);
        Outcome::Failed(fault)
    });
    prop_oneof![
        1 => Just(Outcome::Done("{}".into())),
        1 => Just(Outcome::Unchanged("{}".into())),
        1 => Just(Outcome::Stopped),
        4 => fault,
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    (1_u32..12, 1_u64..100_000, 1_u64..10_000_000).prop_map(|(max_attempts, base, cap)| {
        let backoff = Backoff { shape: Shape::Exponential, base: Millis(base), cap: Millis(cap), jitter: 500 };
        Policy::plain(max_attempts, backoff)
    })
}

fn class_of(outcome: &Outcome) -> Option<Class> {
    match outcome {
        Outcome::Failed(fault) => Some(fault.class),
        _ => None,
    }
}

/// The state that the documentation promises.
fn promised(job: &Running, outcome: &Outcome, now: Timestamp) -> State {
    match outcome {
        Outcome::Done(_) | Outcome::Unchanged(_) => State::Completed,
        // Whoever asked to cancel it is not told that it will be tried again.
        Outcome::Stopped | Outcome::Failed(_) if job.cancel_by.is_some() => State::Cancelled,
        Outcome::Stopped => State::Queued,
        Outcome::Failed(fault) => match fault.class {
            Class::Cancelled => State::Cancelled,
            Class::Deferred => {
                let since = job.deferred_since.unwrap_or(now);
                let is_spent = job.deferrals >= MAX_DEFERRALS || now.since(since) > MAX_DEFERRED_FOR;
                if is_spent { State::Failed } else { State::Queued }
            }
            class if is_retried(class) && job.attempt < job.max_attempts => State::Queued,
            _ => State::Failed,
        },
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_outcome_leads_to_the_one_state_that_is_promised(
        job in running(), outcome in outcome(), policy in policy(), now in 0_i64..2_000_000_000, random in 0.0..1.0_f64,
    ) {
        let now = Timestamp(now);
        let next = finish(&job, &outcome, &policy, now, random);
        prop_assert_eq!(State::of(&next.next), promised(&job, &outcome, now));
        prop_assert_eq!(next.job, job.id);
        prop_assert_eq!(next.expect, Expect::Running { lease: job.lease });
        prop_assert_eq!(finish(&job, &outcome, &policy, now, random), next);
    }

    #[test]
    fn a_wish_to_wait_and_a_stop_are_never_charged(
        job in running(), after in proptest::option::of(any::<u64>()), policy in policy(), now in 0_i64..2_000_000_000,
    ) {
        let mut fault = Fault::new(Class::Deferred, "later");
        fault.after = after.map(Millis);
        for outcome in [Outcome::Stopped, Outcome::Failed(fault)] {
            if let Next::Queued { attempt, run_at, why } = finish(&job, &outcome, &policy, Timestamp(now), 0.5).next {
                prop_assert_eq!(attempt, job.attempt - 1);
                let wait = run_at.since(Timestamp(now));
                let bounds = if why == Why::Stopped { Millis(0)..=Millis(0) } else { MIN_DEFERRAL..=MAX_DEFERRAL };
                prop_assert!(bounds.contains(&wait), "{} waits {}", why.name(), wait);
            }
        }
    }

    #[test]
    fn a_retry_is_charged_and_comes_within_the_cap(
        job in running(), policy in policy(), now in 0_i64..2_000_000_000, random in 0.0..1.0_f64,
    ) {
        let outcome = Outcome::Failed(Fault::new(Class::Transient, "no answer"));
        let next = finish(&job, &outcome, &policy, Timestamp(now), random);
        if let Next::Queued { run_at, why, attempt } = next.next {
            prop_assert_eq!((why, attempt), (Why::Backoff, job.attempt));
            prop_assert!(run_at.since(Timestamp(now)) <= policy.backoff.cap);
            prop_assert_eq!(next.error, Some((Class::Transient, "no answer".to_owned())));
        }
    }

    #[test]
    fn whoever_answered_is_no_suspect_and_keeps_its_deaths(
        job in running(), outcome in outcome(), policy in policy(), now in 0_i64..2_000_000_000,
    ) {
        let next = finish(&job, &outcome, &policy, Timestamp(now), 0.5);
        let goes_on = job.cancel_by.is_none();
        let trust = if outcome == Outcome::Stopped && goes_on { job.trust } else { Trust::Innocent };
        prop_assert_eq!(next.memory.trust, trust);
        prop_assert_eq!(next.memory.deaths, job.deaths);
        let deferrals = job.deferrals + u32::from(class_of(&outcome) == Some(Class::Deferred) && goes_on);
        prop_assert_eq!(next.memory.deferrals, deferrals);
    }

    #[test]
    fn no_try_is_planned_for_when_the_deadline_has_passed(
        job in running(), policy in policy(), now in 0_i64..2_000_000, left in 0_u64..20_000_000, random in 0.0..1.0_f64,
    ) {
        let (now, free) = (Timestamp(now), Running { deadline: None, ..job.clone() });
        let job = Running { deadline: Some(now.after(Millis(left))), ..job };
        let outcome = Outcome::Failed(Fault::new(Class::Transient, "no answer"));
        let (bound, free) = (finish(&job, &outcome, &policy, now, random), finish(&free, &outcome, &policy, now, random));
        match (&bound.next, &free.next) {
            (Next::Failed, Next::Queued { run_at, .. }) => prop_assert!(run_at.since(now).0 >= left),
            (bound, free) => prop_assert_eq!(bound, free),
        }
        prop_assert_eq!(bound.error, free.error);
    }

    #[test]
    fn an_attempt_has_its_limit_or_what_is_left_whatever_is_less(limit in 0_u64..1_000, left in proptest::option::of(0_u64..1_000)) {
        let now = Timestamp(5);
        let bound = wall(Millis(limit), left.map(|ms| now.after(Millis(ms))), now);
        prop_assert_eq!(bound.span().0, left.unwrap_or(limit).min(limit));
        prop_assert_eq!(matches!(bound, Wall::Deadline { .. }), left.is_some_and(|left| left < limit));
    }

    /// Play a whole round: however stops and wishes to wait are mixed in, the
    /// handler is charged for no more tries than its budget.
    #[test]
    fn a_round_keeps_to_its_budget(outcomes in prop::collection::vec(outcome(), 1..80), max_attempts in 1_u32..8) {
        let policy = Policy { max_attempts, ..Policy::default() };
        let (mut now, mut charged) = (Timestamp(0), 0);
        let mut job = Running { lease: 0, attempt: 0, max_attempts, ..first_try() };
        for outcome in outcomes {
            job.lease += 1;
            job.attempt += 1;
            prop_assert!(job.attempt <= max_attempts, "try {} of {}", job.attempt, max_attempts);
            let next = finish(&job, &outcome, &policy, now, 0.9);
            charged += u32::from(class_of(&outcome).is_some_and(|class| class != Class::Deferred));
            let Next::Queued { run_at, attempt, .. } = next.next else { break };
            prop_assert!(run_at >= now);
            let Memory { deferrals, deferred_since, deaths, trust } = next.memory;
            now = run_at;
            job = Running { attempt, deferrals, deferred_since, deaths, trust, ..job };
            prop_assert_eq!(attempt, charged);
        }
        prop_assert!(charged <= max_attempts);
    }
}

#[test]
fn completion_says_whether_anything_was_made() {
    for (outcome, expected) in
        [(Outcome::Done("1".into()), Made::Something), (Outcome::Unchanged("1".into()), Made::Nothing)]
    {
        let next = finish(&first_try(), &outcome, &Policy::default(), Timestamp(0), 0.0).next;
        assert_eq!(next, Next::Completed { result: "1".into(), made: expected });
    }
}

#[test]
fn cancelling_ends_what_waits_stops_what_runs_and_leaves_what_has_ended() {
    for state in State::ALL {
        match (state, cancel(4, state, "me")) {
            (State::Queued, Cancel::Now(to)) => {
                assert_eq!((to.expect, to.next), (Expect::Queued, Next::Cancelled));
                assert_eq!(to.error, Some((Class::Cancelled, "cancelled by me".to_owned())));
            }
            (State::Running, Cancel::StopFirst) => {}
            (ended, Cancel::TooLate(said)) if !ended.is_open() => assert_eq!(said, ended),
            (state, answer) => panic!("{state}: {answer:?}"),
        }
    }
}

#[test]
fn only_what_failed_or_was_cancelled_gets_a_new_round() {
    for state in State::ALL {
        match retry(4, state, Timestamp(9)) {
            Ok(to) => {
                assert!(matches!(state, State::Failed | State::Cancelled), "{state}");
                assert_eq!(to.next, Next::Queued { run_at: Timestamp(9), why: Why::Retried, attempt: 0 });
                assert_eq!((to.expect, to.error, to.memory), (Expect::Ended, None, Memory::CLEAN));
            }
            Err(said) => {
                assert!(!matches!(state, State::Failed | State::Cancelled), "{state}");
                assert_eq!(said, state);
            }
        }
    }
}

#[test]
fn what_was_not_begun_in_time_fails_as_a_time_out_that_names_the_deadline() {
    let to = expire(4, Timestamp(1_700_000_000_999));
    assert_eq!((to.job, to.expect, to.next), (4, Expect::Queued, Next::Failed));
    assert_eq!(to.error, Some((Class::Timeout, "deadline 2023-11-14T22:13:20Z passed before it ran".to_owned())));
}
