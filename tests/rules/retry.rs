//! Backoff stays between its bounds, and a wish to wait is brought into its own.

use super::cases;
use capstan::rules::attempt::Class;
use capstan::rules::retry::{
    Backoff, MAX_DEFERRAL, MIN_DEFERRAL, Policy, Rule, Shape, backoff, clamp_deferral, follows_policy, is_retried,
};
use capstan::rules::time::Millis;
use proptest::prelude::*;

fn policy(base: u64, cap: u64) -> Backoff {
    Backoff { base: Millis(base), cap: Millis(cap), ..Backoff::DEFAULT }
}

fn shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![Shape::Fixed, Shape::Linear, Shape::Exponential])
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_delay_lies_between_half_and_the_whole_of_its_doubling(
        base in any::<u64>(), cap in any::<u64>(), tried in any::<u32>(), random in 0.0..1.0_f64,
    ) {
        let doublings = i32::try_from(tried.saturating_sub(1).min(200)).unwrap();
        let unbounded = base as f64 * 2_f64.powi(doublings);
        let whole = if unbounded >= cap as f64 { cap } else { base << doublings };
        let delay = backoff(&policy(base, cap), tried, random).0;
        prop_assert!(delay >= whole / 2 && delay <= whole, "{} of {}", delay, whole);
        prop_assert!(delay <= cap);
    }

    #[test]
    fn a_later_try_never_waits_less(
        base in 0_u64..1_000_000, cap in 0_u64..100_000_000, tried in 1_u32..80, random in 0.0..1.0_f64,
    ) {
        let policy = policy(base, cap);
        prop_assert!(backoff(&policy, tried, random) <= backoff(&policy, tried + 1, random));
    }

    #[test]
    fn a_higher_cap_never_shortens_a_delay(
        base in 0_u64..1_000_000, cap in 0_u64..100_000_000, more in 0_u64..100_000_000, tried in 1_u32..80,
        random in 0.0..1.0_f64,
    ) {
        prop_assert!(backoff(&policy(base, cap), tried, random) <= backoff(&policy(base, cap + more), tried, random));
    }

    #[test]
    fn jitter_takes_its_share_and_no_more(
        shape in shape(), base in 0_u64..1_000_000, cap in 0_u64..100_000_000, jitter in 0_u16..=1_000, tried in 1_u32..80,
        random in 0.0..1.0_f64,
    ) {
        let some = Backoff { shape, base: Millis(base), cap: Millis(cap), jitter };
        let whole = backoff(&Backoff { jitter: 0, ..some }, tried, random).0;
        let delay = backoff(&some, tried, random).0;
        prop_assert!(delay <= whole && (whole - delay) * 1_000 <= whole * u64::from(jitter), "{} of {}", delay, whole);
        prop_assert_eq!(backoff(&some, tried, 1.0).0, whole);
    }

    #[test]
    fn each_shape_grows_as_it_says(base in 1_u64..1_000, tried in 1_u32..20) {
        let whole = |shape, tried| {
            backoff(&Backoff { shape, base: Millis(base), cap: Millis(u64::MAX), jitter: 0 }, tried, 0.0).0
        };
        prop_assert_eq!(whole(Shape::Fixed, tried), base);
        prop_assert_eq!(whole(Shape::Linear, tried), base * u64::from(tried));
        prop_assert_eq!(whole(Shape::Exponential, tried), base << (tried - 1));
    }

    #[test]
    fn a_class_with_a_rule_of_its_own_keeps_to_it(
        at in 0..Class::ALL.len(), own in 1_u32..9, tried in 1_u32..9, max_attempts in 1_u32..9,
    ) {
        let class = Class::ALL[at];
        let common = Policy::plain(max_attempts, policy(100, 100));
        let by_default = if is_retried(class) { tried < max_attempts } else { false };
        prop_assert_eq!(common.again(class, tried, max_attempts, 1.0).is_some(), by_default);
        let mut special = common;
        special.classes[at] = Some(Rule { max_attempts: Some(own), backoff: policy(7, 7) });
        let expected = match follows_policy(class) {
            true => (tried < own).then_some(Millis(7)),
            false => common.again(class, tried, max_attempts, 1.0),
        };
        prop_assert_eq!(special.again(class, tried, max_attempts, 1.0), expected);
        // The others do not notice.
        for other in Class::ALL.into_iter().filter(|other| *other != class) {
            let (a, b) = (special.again(other, tried, max_attempts, 0.3), common.again(other, tried, max_attempts, 0.3));
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn a_wish_is_kept_where_it_can_be(asked in any::<u64>()) {
        let kept = clamp_deferral(Millis(asked));
        prop_assert!((MIN_DEFERRAL..=MAX_DEFERRAL).contains(&kept));
        prop_assert!(kept.0 == asked || !(MIN_DEFERRAL.0..=MAX_DEFERRAL.0).contains(&asked));
        prop_assert_eq!(clamp_deferral(kept), kept);
    }
}

#[test]
fn the_default_waits_seconds_first_and_an_hour_at_last() {
    let policy = Policy::default().backoff;
    assert_eq!(backoff(&policy, 1, 0.0), Millis(2_500));
    assert_eq!(backoff(&policy, 2, 0.5), Millis(7_500));
    assert_eq!(backoff(&policy, 40, 0.999_999_999), Millis(3_599_999));
}

#[test]
fn what_the_handler_cannot_help_is_retried_and_what_it_decided_is_not() {
    let retried: Vec<Class> = Class::ALL.into_iter().filter(|class| is_retried(*class)).collect();
    assert_eq!(retried, [Class::Transient, Class::Deferred, Class::Trap, Class::Timeout, Class::HostFault]);
}
