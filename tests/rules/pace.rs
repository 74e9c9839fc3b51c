//! How fast something goes, by the last minute.

use super::cases;
use capstan::rules::pace::{Pace, Samples};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp(1_700_000_000_000 + second * 1_000)
}

#[test]
fn the_pace_is_that_of_the_last_minute() {
    let mut samples = Samples::default();
    assert_eq!(samples.pace(at(0), 0, 100), None, "there is nothing to compare");
    samples.note(at(0), 0);
    assert_eq!(samples.pace(at(0), 5, 100), None, "no time has passed");
    assert_eq!(samples.pace(at(10), 50, 100), Some(Pace { per_second: 5.0, left: Some(Millis(20_000)) }));
    // A slow hour, and then a fast minute.
    (1..=3_600).for_each(|second| samples.note(at(second), second / 60));
    (3_601..=3_660).for_each(|second| samples.note(at(second), 60 + (second - 3_600) * 10));
    let pace = samples.pace(at(3_660), 660, 100).unwrap();
    assert_eq!((pace.per_second, pace.left), (10.0, Some(Millis(10_000))));
    // Nothing for a minute: nobody knows when it ends.
    assert_eq!(samples.pace(at(3_721), 660, 100), Some(Pace { per_second: 0.0, left: None }));
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_steady_pace_is_told_whenever_it_is_asked_for(per_second in 1_i64..1_000, seconds in 2_i64..500) {
        let mut samples = Samples::default();
        (0..=seconds).for_each(|second| samples.note(at(second), second * per_second));
        let pace = samples.pace(at(seconds), seconds * per_second, per_second * 7).unwrap();
        prop_assert_eq!((pace.per_second, pace.left), (per_second as f64, Some(Millis(7_000))));
    }
}
