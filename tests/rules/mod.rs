//! Properties of the rules: what must hold for every value, not for examples.
//!
//! The seed is fixed so that a run can be repeated; `PROPTEST_RNG_SEED` names
//! another one. A failure prints the smallest input that shows it.

mod attempt;
mod blame;
mod bulk;
mod checkpoint;
mod coredump;
mod deferred;
mod enqueue;
mod entry;
mod explain;
mod failure;
mod format;
mod handler;
mod import;
mod job;
mod key;
mod margin;
mod names;
mod pace;
mod pipeline;
mod progress;
mod queue;
mod rate;
mod recovery;
mod retrieve;
mod retry;
mod search;
mod time;
mod unique;
mod vector;

use capstan::rules::job::{Running, Trust};
use capstan::rules::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// This many cases from a seed that is the same in every run.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    cases_from(cases, 0)
}

/// The same from another seed: so far from the first one.
pub(crate) fn cases_from(cases: u32, offset: u64) -> ProptestConfig {
    let seed: u64 = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_101);
    let seed = seed.wrapping_add(offset);
    println!("PROPTEST_RNG_SEED={seed}");
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..ProptestConfig::default() }
}

/// A job that runs for the first time and has nothing to remember.
pub(crate) const fn first_try() -> Running {
    Running {
        id: 1,
        lease: 1,
        attempt: 1,
        max_attempts: 5,
        deferrals: 0,
        deferred_since: None,
        deaths: 0,
        trust: Trust::Innocent,
        cancel_by: None,
        deadline: None,
    }
}

prop_compose! {
    /// A job that runs, anywhere within its round.
    pub(crate) fn running()(
        id in 1_i64..1_000,
        lease in 1_i64..1_000_000,
        attempt in 1_u32..12,
        max_attempts in 0_u32..12,
        deferrals in 0_u32..25,
        deferred_since in proptest::option::of(0_i64..1_000_000_000),
        deaths in 0_u32..3,
        is_suspect in any::<bool>(),
        cancel_by in proptest::option::weighted(0.2, "[a-z]{1,8}"),
    ) -> Running {
        let trust = if is_suspect { Trust::Suspect } else { Trust::Innocent };
        let deferred_since = deferred_since.map(Timestamp);
        Running { id, lease, attempt, max_attempts, deferrals, deferred_since, deaths, trust, cancel_by, deadline: None }
    }
}
