//! Free slots are shared fairly, used up, and never given out twice.

use super::cases;
use capstan::rules::queue::{AHEAD, Demand, claimable, share};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

fn demands() -> impl Strategy<Value = Vec<Demand>> {
    let size = prop_oneof![0_u64..5, 0_u64..1_000, Just(u64::MAX)];
    prop::collection::btree_map("[a-f]{1,2}", (size.clone(), size), 0..7)
        .prop_map(|queues| queues.into_iter().map(|(queue, (ready, room))| Demand { queue, ready, room }).collect())
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn never_more_than_is_free_or_wished_and_nothing_idle(
        demands in demands(), free in 0_u64..3_000, last in proptest::option::of("[a-g]{1,2}"),
    ) {
        let shares = share(&demands, free, last.as_deref());
        let given: BTreeMap<&str, u64> = shares.slots.iter().map(|(queue, slots)| (queue.as_str(), *slots)).collect();
        prop_assert_eq!(given.len(), shares.slots.len(), "a queue is named twice");
        let mut wished = 0_u64;
        for demand in &demands {
            let wish = demand.ready.min(demand.room);
            wished = wished.saturating_add(wish);
            let got = given.get(demand.queue.as_str()).copied();
            prop_assert!(got != Some(0) && got.unwrap_or(0) <= wish);
        }
        prop_assert_eq!(given.values().sum::<u64>(), free.min(wished));
        if given.is_empty() {
            prop_assert_eq!(shares.last_served, last);
        }
    }

    #[test]
    fn who_is_given_less_wished_less_or_is_at_most_one_behind(demands in demands(), free in 0_u64..3_000) {
        let shares = share(&demands, free, None);
        let got = |queue: &str| shares.slots.iter().find(|(name, _)| name == queue).map_or(0, |(_, slots)| *slots);
        for demand in &demands {
            let mine = got(&demand.queue);
            if mine < demand.ready.min(demand.room) {
                for other in &demands {
                    prop_assert!(got(&other.queue) <= mine + 1, "{} over {}", other.queue, demand.queue);
                }
            }
        }
    }

    /// Whatever is free from time to time: queues that always have work are
    /// never more than one job apart.
    #[test]
    fn turns_stay_even_over_time(queues in 1_usize..6, frees in prop::collection::vec(0_u64..9, 1..60)) {
        let demands: Vec<Demand> = (0..queues)
            .map(|n| Demand { queue: format!("q{n}"), ready: u64::MAX, room: u64::MAX })
            .collect();
        let mut total: BTreeMap<String, u64> = demands.iter().map(|demand| (demand.queue.clone(), 0)).collect();
        let mut last = None;
        for free in frees {
            let shares = share(&demands, free, last.as_deref());
            for (queue, slots) in shares.slots {
                *total.entry(queue).or_default() += slots;
            }
            last = shares.last_served;
            let (least, most) = (total.values().min().unwrap(), total.values().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", total);
        }
    }

    #[test]
    fn a_claim_fits_the_free_slots_and_the_time_ahead(
        slots in 0_u64..10_000, in_flight in 0_u64..10_000, unstarted in 0_u64..10_000, threads in 1_u64..64,
        busy in 0_u64..10_000_000,
    ) {
        let busy = Duration::from_micros(busy);
        let jobs = claimable(slots, in_flight, unstarted, threads, busy);
        prop_assert!(jobs <= slots.saturating_sub(in_flight));
        if jobs > 0 {
            let per_thread = (unstarted + jobs - 1) / threads;
            let time = busy.max(Duration::from_micros(1)) * u32::try_from(per_thread).unwrap();
            prop_assert!(per_thread == 0 || time <= AHEAD, "{} ahead takes {:?}", per_thread, time);
        } else {
            prop_assert!(in_flight >= slots || unstarted >= threads, "threads are idle");
        }
    }

    #[test]
    fn longer_jobs_are_claimed_less_far_ahead(unstarted in 0_u64..100, busy in 1_u64..100_000, more in 0_u64..100_000) {
        let claim = |busy| claimable(10_000, 0, unstarted, 4, Duration::from_micros(busy));
        prop_assert!(claim(busy + more) <= claim(busy));
    }
}
