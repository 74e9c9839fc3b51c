//! How close an attempt came to its limits.

use super::cases;
use capstan::rules::attempt::{Class, Fault, Outcome, Usage};
use capstan::rules::limit::Limits;
use capstan::rules::margin::{Measured, Unit, closest, kept, margins};
use capstan::rules::time::Millis;
use proptest::prelude::*;

fn done() -> Outcome {
    Outcome::Done("1".into())
}

#[test]
fn each_figure_is_held_against_its_own_limit() {
    let usage = Usage {
        cpu_us: 29_500_000,
        host_us: 1_000,
        wall_us: 60_000_000,
        memory: 64 << 20,
        scratch_bytes: 1 << 20,
        scratch_files: 10,
        host_calls: 1_000,
        log_bytes: 1 << 30,
        result_bytes: 1_024,
        requests: 20,
        sent_bytes: 1 << 20,
        received_bytes: 3 << 20,
        checkpoint_bytes: 1 << 30,
        largest_checkpoint: 1 << 10,
        enqueued: 50,
        retrievals: 7,
        tokens: 0,
        handles: 32,
        table_elements: 70_000,
        instances: 8,
        tables: 9,
        memories: 4,
    };
    let limits = Limits::default();
    let figures = margins(&usage, &limits).map(|margin| (margin.limit.name(), margin.used, margin.most, margin.unit));
    assert_eq!(
        figures,
        [
            ("cpu", 29_500_000, 30_000_000, Unit::Us),
            ("wall", 60_000_000, 600_000_000, Unit::Us),
            ("memory", 64 << 20, 256 << 20, Unit::Bytes),
            ("scratch_bytes", 1 << 20, 64 << 20, Unit::Bytes),
            ("scratch_files", 10, 1_000, Unit::Count),
            ("result", 1_024, 256 << 10, Unit::Bytes),
            ("requests", 20, 1_000, Unit::Count),
            ("traffic", 4 << 20, 256 << 20, Unit::Bytes),
            ("checkpoint", 1 << 10, 1 << 20, Unit::Bytes),
            ("enqueued", 50, 100, Unit::Count),
            ("retrievals", 7, 100, Unit::Count),
            ("handles", 32, 256, Unit::Count),
            ("table_elements", 70_000, 100_000, Unit::Count),
            ("instances", 9, 64, Unit::Count),
            ("memories", 4, 16, Unit::Count),
            ("host_calls", 1_000, 10_000_000, Unit::Count),
        ]
    );
    let close = closest(&margins(&usage, &limits)).into_iter().map(|margin| margin.limit).take(3);
    assert_eq!(close.collect::<Vec<_>>(), [Measured::Cpu, Measured::Enqueued, Measured::Memory]);
    let host = Usage { host_us: 29_900_000, ..usage };
    assert_eq!(margins(&host, &limits)[0].used, 29_900_000, "the host's account has the same limit");
}

#[test]
fn what_a_component_is_made_of_is_worth_a_word_only_when_it_is_close() {
    let limits = Limits::default();
    let told = |usage: Usage| closest(&margins(&usage, &limits)).into_iter().map(|margin| margin.limit).collect();
    let built = |table_elements, instances, memories| Usage { table_elements, instances, memories, ..Usage::default() };
    let none: Vec<Measured> = told(built(79_999, 51, 12));
    assert_eq!(none, []);
    let all: Vec<Measured> = told(built(80_000, 52, 13));
    assert_eq!(all, [Measured::Instances, Measured::Memories, Measured::TableElements]);
    let open: Vec<Measured> = told(Usage { handles: 3, ..Usage::default() });
    assert_eq!(open, [Measured::Handles]);
    let few: Vec<Measured> = told(Usage { handles: 2, ..Usage::default() });
    assert_eq!(few, []);
}

#[test]
fn the_names_are_those_of_the_configuration() {
    let document = serde_json::to_value(Limits::default()).unwrap();
    for margin in margins(&Usage::default(), &Limits::default()) {
        assert!(document.get(margin.limit.name()).is_some(), "{}", margin.limit.name());
        assert_eq!(serde_json::to_value(margin.limit).unwrap(), margin.limit.name());
    }
}

#[test]
fn limits_are_kept_with_who_failed_or_came_close() {
    let limits = Limits { cpu: Millis(1_000), requests: 0, ..Limits::default() };
    let used = |cpu_us| Usage { cpu_us, ..Usage::default() };
    assert_eq!(kept(&done(), &used(799_999), &limits), None);
    assert_eq!(kept(&done(), &used(800_000), &limits), Some(limits));
    assert_eq!(kept(&Outcome::Unchanged("1".into()), &used(800_000), &limits), Some(limits));
    let failed = Outcome::Failed(Fault::new(Class::Transient, "no"));
    assert_eq!(kept(&failed, &used(0), &limits), Some(limits));
    assert_eq!(kept(&Outcome::Stopped, &used(999_999), &limits), None);
}

proptest! {
    #![proptest_config(cases(256))]

    /// Whatever the figures: a ratio is one, and the closest comes first.
    #[test]
    fn ratios_are_numbers_in_order(memory in any::<u64>(), limit in any::<u64>(), requests in any::<u64>()) {
        let usage = Usage { memory, requests, ..Usage::default() };
        let all = margins(&usage, &Limits { memory: limit, requests: 0, ..Limits::default() });
        prop_assert!(all.iter().all(|margin| margin.ratio.is_finite() && margin.ratio >= 0.0));
        prop_assert!(all.iter().all(|margin| (margin.ratio > 0.0) == (margin.used > 0)));
        let close = closest(&all);
        prop_assert!(close.windows(2).all(|pair| pair[0].ratio >= pair[1].ratio));
    }
}
