//! A rate is never exceeded, in no window, and nothing that it gives is lost.

use super::cases;
use capstan::rules::rate::{Clock, MAX_NUMBER, MAX_PER, Rate, RateError};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

const START: i64 = 1_700_000_000_000;

prop_compose! {
    fn rate()(number in 1_u64..2_000, per in 1_u64..100_000, burst in 1_u64..50) -> Rate {
        Rate::new(number, Millis(per)).unwrap().with_burst(burst).unwrap()
    }
}

/// What comes in some milliseconds and how many want to begin then.
fn arrivals() -> impl Strategy<Value = Vec<(i64, u64)>> {
    prop::collection::vec((prop_oneof![0_i64..5, 0_i64..5_000], 0_u64..60), 1..60)
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// The burst and what the time gives, and no more, between any two moments.
    #[test]
    fn no_window_has_more_than_the_burst_and_its_time(rate in rate(), arrivals in arrivals()) {
        let (mut clock, mut now) = (Clock::default(), START);
        let mut taken: Vec<(i64, u64)> = Vec::new();
        for (later, wish) in arrivals {
            now += later;
            let many = clock.allows(rate, Timestamp(now)).min(wish);
            clock = clock.after(rate, Timestamp(now), many);
            taken.push((now, many));
        }
        for from in 0..taken.len() {
            let mut sum = 0;
            for (at, many) in &taken[from..] {
                sum += many;
                let span = u128::try_from(at - taken[from].0).unwrap();
                let gives = span * u128::from(rate.number()) / u128::from(rate.per().0);
                prop_assert!(u128::from(sum) <= u128::from(rate.burst()) + gives + 1, "{} in {} ms of {:?}", sum, span, rate);
            }
        }
    }

    /// Whoever comes back at the moment that it is told is let in, and not a millisecond sooner.
    #[test]
    fn it_allows_again_when_it_says_and_not_before(rate in rate(), taken in 0_u64..200) {
        let now = Timestamp(START);
        let clock = Clock::default().after(rate, now, taken);
        let next = clock.next(rate, now);
        prop_assert!(clock.allows(rate, next) >= 1);
        if next > now {
            prop_assert_eq!(clock.allows(rate, now), 0);
            prop_assert_eq!(clock.allows(rate, Timestamp(next.0 - 1)), 0);
        }
    }

    /// Who takes all that is allowed at each wake-up gets what the rate promises.
    #[test]
    fn nothing_is_lost_by_who_comes_in_time(rate in rate(), rounds in 1_u64..200) {
        let (mut clock, mut now, mut total) = (Clock::default(), Timestamp(START), 0);
        for _ in 0..rounds {
            now = clock.next(rate, now);
            let many = clock.allows(rate, now);
            prop_assert!(many >= 1);
            clock = clock.after(rate, now, many);
            total += many;
        }
        // One at a time and a millisecond late each: what it gives while it waits is kept within the burst.
        let elapsed = u128::try_from(now.0 - START).unwrap();
        let gives = elapsed * u128::from(rate.number()) / u128::from(rate.per().0);
        if rate.burst() > u128::from(rate.number()).div_ceil(u128::from(rate.per().0)).try_into().unwrap() {
            prop_assert!(u128::from(total) + 1 >= gives, "{} of {}", total, gives);
        }
    }

    #[test]
    fn a_clock_that_was_overdrawn_allows_nothing_until_it_is_paid(rate in rate(), debt in 1_u64..1_000_000) {
        let now = Timestamp(START);
        let clock = Clock::default().after(rate, now, rate.burst() + debt);
        prop_assert_eq!(clock.allows(rate, now), 0);
        let waits = u128::try_from(clock.next(rate, now).0 - START).unwrap();
        prop_assert!(waits * u128::from(rate.number()) >= u128::from(debt) * u128::from(rate.per().0));
    }
}

#[test]
fn a_rate_is_a_number_and_a_unit() {
    for (text, number, per, shown) in [
        ("60/min", 60, 60_000, "60/min"),
        ("5/s", 5, 1_000, "5/s"),
        ("1 / hour", 1, 3_600_000, "1/h"),
        ("90000/m", 90_000, 60_000, "90000/min"),
        ("3/day", 3, 86_400_000, "3/d"),
    ] {
        let rate = Rate::parse(text).unwrap();
        assert_eq!((rate.number(), rate.per(), rate.to_string().as_str()), (number, Millis(per), shown));
    }
    for wrong in ["60", "/min", "60/", "60/fortnight", "-1/s", "1.5/s", ""] {
        assert_eq!(Rate::parse(wrong), Err(RateError::Form(wrong.into())));
    }
    assert_eq!(Rate::parse("0/s"), Err(RateError::Range(0)));
    assert!(Rate::new(MAX_NUMBER, MAX_PER).is_ok());
    assert!(Rate::new(MAX_NUMBER + 1, Millis(1)).is_err());
    assert!(Rate::new(1, Millis(MAX_PER.0 + 1)).is_err());
    assert_eq!(Rate::parse("1/s").unwrap().with_burst(0), Err(RateError::Burst(0)));
}

#[test]
fn without_a_burst_of_its_own_a_rate_gives_a_second_at_once() {
    for (text, burst) in [("60/min", 1), ("1/h", 1), ("50/s", 50), ("1000/min", 17)] {
        assert_eq!(Rate::parse(text).unwrap().burst(), burst, "{text}");
    }
}
