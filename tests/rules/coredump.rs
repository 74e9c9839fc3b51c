//! Which core dumps have to go.

use super::cases;
use capstan::rules::coredump::{Keeping, Kept, surplus};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn dump(lease: i64, at: i64, bytes: u64) -> Kept {
    Kept { lease, at: Timestamp(at), bytes }
}

#[test]
fn the_old_the_many_and_the_large_go() {
    let kept = || vec![dump(1, 100, 10), dump(2, 200, 10), dump(3, 300, 10)];
    let gone = |keep, files, bytes| surplus(kept(), &Keeping { keep: Millis(keep), files, bytes }, Timestamp(300));
    assert_eq!(gone(200, 3, 30), [0; 0], "at the edge of all three");
    assert_eq!(gone(199, 3, 30), [1]);
    assert_eq!(gone(200, 2, 30), [1]);
    assert_eq!(gone(200, 3, 29), [1]);
    assert_eq!(gone(200, 3, 9), [3, 2, 1]);
    assert_eq!(gone(200, 0, 30), [3, 2, 1]);
}

proptest! {
    #![proptest_config(cases(256))]

    /// Whatever lies there: what stays is within every bound, and is the newest.
    #[test]
    fn what_stays_is_within_bounds_and_newest(
        dumps in proptest::collection::vec((0_i64..100, 0_u64..100), 0..20),
        keep in 0_u64..100, files in 0_u64..10, bytes in 0_u64..400,
    ) {
        let kept: Vec<Kept> = dumps.iter().zip(1..).map(|((at, bytes), lease)| dump(lease, *at, *bytes)).collect();
        let keeping = Keeping { keep: Millis(keep), files, bytes };
        let gone: BTreeSet<i64> = surplus(kept.clone(), &keeping, Timestamp(100)).into_iter().collect();
        let (went, stays): (Vec<Kept>, Vec<Kept>) = kept.into_iter().partition(|dump| gone.contains(&dump.lease));
        prop_assert!(stays.len() as u64 <= files && stays.iter().map(|dump| dump.bytes).sum::<u64>() <= bytes);
        prop_assert!(stays.iter().all(|dump| 100 - dump.at.0 <= i64::try_from(keep).unwrap()));
        let oldest = stays.iter().map(|dump| (dump.at, dump.lease)).min();
        prop_assert!(went.iter().all(|dump| oldest.is_none_or(|oldest| (dump.at, dump.lease) < oldest)));
    }
}
