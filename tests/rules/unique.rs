//! Of those that are the same, one is accepted.

use super::cases;
use capstan::rules::job::State;
use capstan::rules::time::{Millis, Timestamp};
use capstan::rules::unique::{By, Conflict, Same, States, Unique, Verdict, hash, judge};
use proptest::prelude::*;

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn what_counts_is_in_a_named_state_and_within_the_period(
        same in prop::collection::vec((state(), 0_i64..5_000), 0..6), states in prop::collection::vec(state(), 0..4),
        period in proptest::option::of(0_u64..5_000),
        conflict in prop::sample::select(vec![Conflict::Skip, Conflict::Replace, Conflict::Existing]),
    ) {
        let now = Timestamp(5_000);
        let same: Vec<Same> = same
            .into_iter()
            .zip(1..)
            .map(|((state, at), id)| Same { id, state, created_at: Timestamp(at) })
            .collect();
        let unique = Unique { hash: "h".into(), states: States::of(&states), period: period.map(Millis), conflict };
        let counts: Vec<&Same> = same
            .iter()
            .filter(|s| states.contains(&s.state) && period.is_none_or(|period| 5_000 - s.created_at.0 < period as i64))
            .collect();
        match judge(&unique, &same, now) {
            Verdict::Accept => prop_assert!(counts.is_empty()),
            Verdict::Skip(id) => {
                prop_assert_eq!((Some(id), conflict), (counts.last().map(|s| s.id), Conflict::Skip));
            }
            Verdict::Existing(id) => {
                prop_assert_eq!(Some(id), counts.last().map(|s| s.id));
                let queued = counts.last().is_some_and(|s| s.state == State::Queued);
                prop_assert!(conflict == Conflict::Existing || (conflict == Conflict::Replace && !queued));
            }
            Verdict::Replace(id) => {
                prop_assert_eq!((Some(id), conflict), (counts.last().map(|s| s.id), Conflict::Replace));
                prop_assert_eq!(counts.last().map(|s| s.state), Some(State::Queued));
            }
        }
    }

    #[test]
    fn no_two_of_kind_and_key_and_payload_are_confused(a in "[a-z]{0,3}", b in "[a-z]{0,3}", c in "[a-z]{0,3}", d in "[a-z]{0,3}") {
        let is_same = (&a, &b) == (&c, &d);
        prop_assert_eq!(hash(&a, By::Key(&b)) == hash(&c, By::Key(&d)), is_same);
        prop_assert_ne!(hash(&a, By::Key(&b)), hash(&c, By::Payload(&d)));
    }
}

#[test]
fn by_default_what_is_open_counts() {
    let open: Vec<State> = States::OPEN.iter().collect();
    assert_eq!(open, [State::Queued, State::Running]);
    assert!(open.iter().all(|state| state.is_open()));
}
