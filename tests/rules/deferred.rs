//! What waits in a list: nothing is lost, nothing comes twice, and order within a key holds.

use super::cases;
use capstan::rules::deferred::{Fate, Keys, MAX_GAP, Waiting, join, ranges, refill};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Items of a list: the key of each, and how many bytes it has.
fn items() -> impl Strategy<Value = Vec<(Option<&'static str>, u64)>> {
    let key = prop_oneof![Just(None), Just(Some("a")), Just(Some("b")), Just(Some("c"))];
    prop::collection::vec((key, 1_u64..MAX_GAP * 2), 0..200)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_key_has_at_most_so_many_and_then_all_its_later_items_wait(items in items(), most in 1_u64..20, open in 0_u64..30) {
        let mut keys = Keys { open: BTreeMap::from([("a".to_owned(), open)]), deferred: BTreeSet::from(["c".to_owned()]) };
        let mut queued: BTreeMap<&str, u64> = BTreeMap::new();
        let mut waits: BTreeSet<&str> = BTreeSet::from(["c"]);
        for (key, _) in items {
            let fate = keys.decide(key, most);
            let Some(key) = key else {
                prop_assert_eq!(fate, Fate::Queued);
                continue;
            };
            let before = queued.get(key).copied().unwrap_or(0) + if key == "a" { open } else { 0 };
            let expected = if before >= most || waits.contains(key) { Fate::Deferred } else { Fate::Queued };
            prop_assert_eq!(fate, expected, "{} with {} open", key, before);
            match fate {
                Fate::Queued => *queued.entry(key).or_insert(0) += 1,
                Fate::Deferred => drop(waits.insert(key)),
            }
        }
        prop_assert_eq!(keys.deferred.iter().map(String::as_str).collect::<BTreeSet<_>>(), waits);
    }

    #[test]
    fn ranges_hold_every_item_once_and_are_apart(items in items()) {
        let mut at = 2;
        let mut waiting = Vec::new();
        for (position, (key, bytes)) in items.iter().enumerate() {
            if let Some(key) = key {
                waiting.push(Waiting { key: (*key).to_owned(), start: at, stop: at + bytes, position: position as u64 });
            }
            at += bytes;
        }
        let made = ranges(waiting.clone());
        // Chunk by chunk they are the same.
        let parts = waiting.chunks(7).flat_map(|chunk| ranges(chunk.to_vec()));
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by_key(|range| range.start);
        prop_assert_eq!(&join(parts), &made);
        for key in ["a", "b", "c"] {
            let of_key: Vec<_> = made.iter().filter(|range| range.key == key).collect();
            let wanted: Vec<_> = waiting.iter().filter(|item| item.key == key).collect();
            prop_assert_eq!(of_key.iter().map(|range| range.items).sum::<u64>(), wanted.len() as u64);
            for range in &of_key {
                let inside = wanted.iter().filter(|item| item.start >= range.start && item.stop <= range.stop);
                let inside: Vec<_> = inside.collect();
                prop_assert_eq!(inside.len() as u64, range.items);
                prop_assert_eq!((inside[0].start, inside[0].position), (range.start, range.position));
                prop_assert_eq!(inside[inside.len() - 1].stop, range.stop);
                for pair in inside.windows(2) {
                    prop_assert!(pair[1].start - pair[0].stop <= MAX_GAP);
                }
            }
            for pair in of_key.windows(2) {
                prop_assert!(pair[1].start - pair[0].stop > MAX_GAP, "they would be one");
            }
        }
    }

    #[test]
    fn a_key_is_filled_up_when_half_of_it_is_free(open in 0_u64..100, most in 1_u64..60) {
        let more = refill(open, most);
        prop_assert_eq!(more > 0, open <= most / 2);
        prop_assert!(more == 0 || open + more == most);
    }
}
