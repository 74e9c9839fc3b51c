//! Free slots are shared fairly, used up, and never given out twice.

use super::cases;
use capstan::rules::queue::{
    AHEAD, Demand, FAILURES, LANES, Lane, Limits, Manner, Own, Room, Rooms, Set, Used, claimable, next_room, room,
    share,
};
use capstan::rules::rate::Rate;
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NOW: Timestamp = Timestamp(10_000_000);
const AGEING: Millis = Millis(60_000);

fn lane(queue: &str, kind: &str, import: i64, priority: i64) -> Lane {
    Lane { queue: queue.into(), kind: kind.into(), import, priority }
}

fn demands() -> impl Strategy<Value = Vec<Demand>> {
    let key = ("[a-d]", "[xy]", 0_i64..3, -1_i64..2);
    let size = prop_oneof![0_u64..5, 0_u64..1_000, Just(u64::MAX)];
    let manner = prop_oneof![Just(Manner::Sound), Just(Manner::Failing)];
    prop::collection::btree_map(key, (size, 0_i64..300_000, 0_u64..9, manner), 0..60).prop_map(|lanes| {
        let demand =
            |((queue, kind, import, priority), (ready, waited, turn, manner)): ((String, String, i64, i64), _)| {
                Demand {
                    lane: lane(&queue, &kind, import, priority),
                    ready,
                    since: Timestamp(NOW.0 - waited),
                    turn,
                    manner,
                }
            };
        lanes.into_iter().map(demand).collect()
    })
}

fn rooms() -> impl Strategy<Value = Rooms> {
    let room = (prop_oneof![0_u64..5, Just(u64::MAX)], 0_u64..9).prop_map(|(room, turn)| Room { room, turn });
    prop::collection::btree_map("[a-d]".prop_map(|name| name.as_str().into()), room, 0..5)
}

fn open(queues: &[&str]) -> Rooms {
    queues.iter().map(|name| ((*name).into(), Room { room: u64::MAX, turn: 0 })).collect()
}

fn total(shares: &[(Lane, u64)], queue: &str) -> u64 {
    shares.iter().filter(|(lane, _)| &*lane.queue == queue).map(|(_, slots)| slots).sum()
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn never_more_than_is_free_or_ready_or_open_and_nothing_idle(
        demands in demands(), rooms in rooms(), free in 0_u64..3_000,
    ) {
        let shares = share(&demands, &rooms, free, NOW, AGEING);
        let given: BTreeMap<&Lane, u64> = shares.iter().map(|(lane, slots)| (lane, *slots)).collect();
        prop_assert_eq!(given.len(), shares.len(), "a lane is named twice");
        prop_assert!(shares.len() <= LANES);
        for demand in &demands {
            prop_assert!(given.get(&demand.lane).is_none_or(|slots| (1..=demand.ready).contains(slots)));
        }
        let mut usable = 0_u64;
        for (queue, room) in &rooms {
            let ready = demands.iter().filter(|d| d.lane.queue == *queue).fold(0_u64, |sum, d| sum.saturating_add(d.ready));
            prop_assert!(total(&shares, queue) <= room.room);
            usable = usable.saturating_add(ready.min(room.room));
        }
        let sum: u64 = given.values().sum();
        prop_assert!(sum <= free.min(usable));
        prop_assert!(sum == free.min(usable) || shares.len() == LANES, "{} of {} idle", free.min(usable) - sum, free);
    }

    /// A lane of a later level is served only when those before it have all they can have.
    #[test]
    fn the_earlier_level_goes_first(demands in demands(), free in 0_u64..500) {
        let rooms = open(&["a", "b", "c", "d"]);
        let shares: BTreeMap<Lane, u64> = share(&demands, &rooms, free, NOW, AGEING).into_iter().collect();
        let of = |demand: &Demand| demand.level(NOW, AGEING);
        for later in demands.iter().filter(|demand| shares.contains_key(&demand.lane)) {
            for earlier in demands.iter().filter(|demand| of(demand) < of(later)) {
                let got = shares.get(&earlier.lane).copied().unwrap_or(0);
                prop_assert!(got == earlier.ready || shares.len() == LANES, "{:?} before {:?}", later, earlier);
            }
        }
    }

    /// Whatever is free from time to time: queues that always have work are never more
    /// than one job apart, however many lanes each has; nor are the lanes of a queue.
    #[test]
    fn turns_stay_even_over_time(
        lanes in prop::collection::vec(1_i64..6, 1..5), frees in prop::collection::vec(0_u64..9, 1..60),
    ) {
        let names = ["a", "b", "c", "d"];
        let mut rooms = open(&names);
        let mut demands: Vec<Demand> = (lanes.iter().zip(names))
            .flat_map(|(lanes, queue)| (0..*lanes).map(move |import| lane(queue, "k", import, 0)))
            .map(|lane| Demand { lane, ready: u64::MAX, since: NOW, turn: 0, manner: Manner::Sound })
            .collect();
        let (mut turn, mut had) = (0, BTreeMap::<Lane, u64>::new());
        for free in frees {
            for (lane, slots) in share(&demands, &rooms, free, NOW, AGEING) {
                turn += 1;
                demands.iter_mut().filter(|demand| demand.lane == lane).for_each(|demand| demand.turn = turn);
                rooms.entry(lane.queue.clone()).and_modify(|room| room.turn = turn);
                *had.entry(lane).or_default() += slots;
            }
            let apart = |values: Vec<u64>| values.iter().max().unwrap() - values.iter().min().unwrap();
            let of = |lane: &Lane| had.get(lane).copied().unwrap_or(0);
            let queues: BTreeSet<&str> = demands.iter().map(|demand| &*demand.lane.queue).collect();
            let sum = |queue: &&str| demands.iter().filter(|d| &*d.lane.queue == *queue).map(|d| of(&d.lane)).sum();
            prop_assert!(apart(queues.iter().map(sum).collect()) <= 1, "{:?}", had);
            for queue in queues {
                let inner = demands.iter().filter(|demand| &*demand.lane.queue == queue).map(|demand| of(&demand.lane));
                prop_assert!(apart(inner.collect()) <= 1, "{:?}", had);
            }
        }
    }

    /// However much of a better priority comes, who waits is served once its levels are gained.
    #[test]
    fn nobody_starves(priority in 0_i64..20, free in 1_u64..4, failures in 0_u32..40) {
        let rooms = open(&["a", "b"]);
        let (mut now, mut patient_since, mut served) = (NOW, NOW, Vec::new());
        for _ in 0..60 {
            let demands = [
                Demand { lane: lane("a", "k", 0, 0), ready: u64::MAX, since: now, turn: 0, manner: Manner::Sound },
                Demand { lane: lane("b", "k", 0, priority), ready: u64::MAX, since: patient_since, turn: 0, manner: Manner::after(failures) },
            ];
            if total(&share(&demands, &rooms, free, now, AGEING), "b") > 0 {
                served.push(now.since(patient_since));
                patient_since = now;
            }
            now = now.after(AGEING);
        }
        prop_assert!(!served.is_empty());
        let behind = i64::from(Manner::after(failures) == Manner::Failing);
        let longest = AGEING.0 * u64::try_from(priority + behind + 1).unwrap();
        prop_assert!(served.iter().all(|waited| waited.0 <= longest), "{:?}", served);
    }

    #[test]
    fn a_queue_has_room_for_what_each_of_its_limits_leaves(
        running in 0_u64..6, most in proptest::option::of(1_u64..6), taken in 0_u64..6, spent in 0_u64..6,
    ) {
        let rate = Rate::parse("3/min").unwrap().with_burst(3).unwrap();
        let limits = Limits { concurrency: most, rate: Some(rate), tokens: Some(rate) };
        let mut used = Used { running, ..Used::default() };
        used.rate = used.rate.after(rate, NOW, taken);
        used.tokens = used.tokens.after(rate, NOW, spent);
        let by_tokens = if spent >= 3 { 0 } else { u64::MAX };
        let expected = most.map_or(u64::MAX, |most| most.saturating_sub(running)).min(3_u64.saturating_sub(taken)).min(by_tokens);
        prop_assert_eq!(room(&limits, &used, NOW), expected);
        match next_room(&limits, &used, NOW) {
            Some(at) => {
                prop_assert!(expected == 0 && at > NOW);
                prop_assert!(room(&limits, &used, at) > 0 && room(&limits, &used, Timestamp(at.0 - 1)) == 0);
            }
            None => prop_assert!(expected > 0 || most.is_some_and(|most| running >= most)),
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

#[test]
fn more_lanes_than_a_claim_looks_at_get_their_turns_queue_by_queue() {
    let rooms = open(&["many", "one"]);
    let mut demands: Vec<Demand> = (0..1_000)
        .map(|n| Demand { lane: lane("many", "k", n, 0), ready: 9, since: NOW, turn: 1, manner: Manner::Sound })
        .collect();
    demands.push(Demand { lane: lane("one", "k", 0, 0), ready: 50, since: NOW, turn: 1, manner: Manner::Sound });
    let shares = share(&demands, &rooms, 64, NOW, AGEING);
    assert_eq!(shares.len(), LANES);
    assert_eq!((total(&shares, "many"), total(&shares, "one")), (32, 32));
}

#[test]
fn what_an_operator_set_wins_and_the_rest_is_inherited() {
    let rate = Rate::parse("1/s").unwrap();
    let base = Limits { concurrency: Some(3), rate: Some(rate), tokens: None };
    assert_eq!(Set::default().over(base), base);
    let set = Set { concurrency: Some(Own::Limit(7)), rate: Some(Own::None), tokens: Some(Own::Limit(rate)) };
    assert_eq!(set.over(base), Limits { concurrency: Some(7), rate: None, tokens: Some(rate) });
}

#[test]
fn a_kind_that_only_fails_yields_to_the_others() {
    let demands = |manner| {
        [("bad", manner), ("good", Manner::Sound)].map(|(kind, manner)| Demand {
            lane: lane(kind, kind, 0, 0),
            ready: 1_000,
            since: NOW,
            turn: 0,
            manner,
        })
    };
    let rooms = open(&["bad", "good"]);
    let got = |failures, queue| total(&share(&demands(Manner::after(failures)), &rooms, 100, NOW, AGEING), queue);
    assert_eq!((got(FAILURES - 1, "bad"), got(FAILURES - 1, "good")), (50, 50));
    assert_eq!((got(FAILURES, "bad"), got(FAILURES, "good")), (0, 100));
    // What the others leave is theirs.
    let shares = share(&demands(Manner::Failing), &rooms, 1_100, NOW, AGEING);
    assert_eq!((total(&shares, "bad"), total(&shares, "good")), (100, 1_000));
}
