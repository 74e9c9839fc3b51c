//! A key never lets in more than its limit, and leaves nobody waiting who may come.

use super::cases;
use capstan::rules::key::{Key, MAX_NAME, Moves, NameError, Pace, Source, name, of_source, rest_after_start};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

/// What happens to the jobs of a key.
#[derive(Debug, Clone)]
enum Event {
    Comes,
    Starts,
    Ends,
    Rests(u64),
    Passes(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Comes),
        3 => Just(Event::Starts),
        3 => Just(Event::Ends),
        1 => (0_u64..3_000).prop_map(Event::Rests),
        2 => (0_u64..2_000).prop_map(Event::Passes),
    ];
    prop::collection::vec(event, 1..120)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_limit_the_interval_and_rests_are_kept_and_nobody_waits_in_vain(
        events in events(), limit in 1_u64..5, interval in prop_oneof![Just(0_u64), 1_u64..1_000],
    ) {
        let pace = Pace { limit, min_interval: Millis(interval) };
        let (mut key, mut now) = (Key::default(), Timestamp(1_000_000));
        let mut started: Option<Timestamp> = None;
        for event in events {
            match event {
                Event::Comes => key.waiting += 1,
                Event::Starts if key.idle > 0 => {
                    if let Some(before) = started {
                        prop_assert!(now.since(before) >= pace.min_interval, "{:?} after {:?}", now, before);
                    }
                    started = Some(now);
                    (key.idle, key.running) = (key.idle - 1, key.running + 1);
                    key.next_at = key.next_at.max(rest_after_start(pace, now));
                }
                Event::Ends if key.running > 0 => key.running -= 1,
                Event::Rests(ms) => key.next_at = key.next_at.max(now.after(Millis(ms))),
                Event::Passes(ms) => now = now.after(Millis(ms)),
                _ => {}
            }
            let admitted = key.admits(pace, now);
            prop_assert!(admitted == 0 || !key.rests(now));
            (key.idle, key.waiting) = (key.idle + admitted, key.waiting - admitted);
            prop_assert!(key.idle + key.running <= limit);
            let is_full = key.idle + key.running == limit || (interval > 0 && key.idle == 1);
            prop_assert!(key.waiting == 0 || is_full || key.rests(now), "{:?} leaves somebody waiting", key);
        }
    }

    /// Whoever lets in all it can after each step need not look at a key again that was
    /// moved without making room.
    #[test]
    fn what_makes_no_room_lets_nobody_in(
        (idle, running, waiting) in (0_i64..5, 0_i64..5, 0_i64..3), (limit, interval) in (1_u64..6, prop_oneof![Just(0_u64), Just(500)]),
        moves in (-5_i64..6, -5_i64..6, -3_i64..4, prop_oneof![Just(0_u64), 900_u64..1_200]), rests in prop_oneof![Just(0_u64), Just(1_100)],
    ) {
        let (pace, now) = (Pace { limit, min_interval: Millis(interval) }, Timestamp(1_000));
        let count = |n: i64| u64::try_from(n).unwrap();
        let mut key = Key { idle: count(idle), running: count(running), waiting: count(waiting), next_at: Timestamp(rests as i64) };
        let admitted = key.admits(pace, now);
        (key.idle, key.waiting) = (key.idle + admitted, key.waiting - admitted);
        let (of_idle, of_running, of_waiting, rest) = moves;
        let at_least = |by: i64, there: u64| by.max(-i64::try_from(there).unwrap());
        let moves = Moves {
            idle: at_least(of_idle, key.idle),
            running: at_least(of_running, key.running),
            waiting: at_least(of_waiting, key.waiting),
            rest: Timestamp(rest as i64),
        };
        let after = key.after(moves);
        prop_assert!(moves.makes_room(pace) || after.admits(pace, now) == 0, "{:?} {:?}", key, moves);
        // One that goes from waiting to running leaves nothing behind.
        let back = Moves { idle: -moves.idle, running: -moves.running, waiting: -moves.waiting, rest: Timestamp(0) };
        prop_assert_eq!((after.after(back).idle, after.after(back).running, after.after(back).waiting), (key.idle, key.running, key.waiting));
    }

    #[test]
    fn a_limit_that_was_lowered_lets_nobody_in_until_it_holds_again(idle in 0_u64..9, running in 0_u64..9, limit in 1_u64..5) {
        let key = Key { idle, running, waiting: 3, next_at: Timestamp(0) };
        let admitted = key.admits(Pace { limit, min_interval: Millis(0) }, Timestamp(1));
        prop_assert_eq!(admitted, limit.saturating_sub(idle + running).min(3));
    }
}

#[test]
fn the_key_of_a_page_is_its_host_and_files_have_none() {
    let of = |source: &str| of_source(source, Source::Host);
    assert_eq!(of("https://Example.ORG:8443/a?b"), Some("example.org".into()));
    assert_eq!(of("http://192.0.2.1/"), Some("192.0.2.1".into()));
    for source in ["file:///a/b.html", "", "no url", "mailto:a@example.org"] {
        assert_eq!(of(source), None, "{source}");
    }
    assert_eq!(of_source("https://example.org/", Source::None), None);
}

#[test]
fn a_name_has_its_bounds() {
    assert_eq!(name(&"x".repeat(MAX_NAME)), Ok(()));
    assert_eq!(name(&"x".repeat(MAX_NAME + 1)), Err(NameError::Long(MAX_NAME + 1)));
    assert_eq!(name(""), Err(NameError::Empty));
    assert_eq!(name("a\nb"), Err(NameError::Control("a\nb".into())));
}
