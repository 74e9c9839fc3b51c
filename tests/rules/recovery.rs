//! After the host died: who is blamed, who is charged, and who runs again.

use super::{cases, first_try, running};
use capstan::rules::attempt::Class;
use capstan::rules::job::{Next, Running, State, Trust, Why};
use capstan::rules::recovery::{End, end_of, recover};
use capstan::rules::retry::MAX_DEATHS;
use capstan::rules::time::Timestamp;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000);

fn suspects(jobs: &[Running]) -> usize {
    jobs.iter().filter(|job| job.trust == Trust::Suspect).count()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn nobody_is_charged_a_try(jobs in prop::collection::vec(running(), 0..8), died in any::<bool>()) {
        let end = if died { End::Died } else { End::Blameless };
        for (job, to) in jobs.iter().zip(recover(&jobs, end, NOW)) {
            prop_assert_eq!(to.job, job.id);
            if let Next::Queued { run_at, attempt, why } = to.next {
                prop_assert_eq!((run_at, attempt), (NOW, job.attempt - 1));
                prop_assert_eq!(why, if died { Why::Died } else { Why::Stopped });
            }
        }
    }

    #[test]
    fn only_a_lone_suspect_is_charged_a_death(jobs in prop::collection::vec(running(), 0..8)) {
        let is_lone = suspects(&jobs) == 1;
        for (job, to) in jobs.iter().zip(recover(&jobs, End::Died, NOW)) {
            let charge = u32::from(is_lone && job.trust == Trust::Suspect);
            prop_assert_eq!(to.memory.deaths, job.deaths + charge);
            prop_assert_eq!(to.memory.trust, Trust::Suspect);
            let is_lost = to.memory.deaths >= MAX_DEATHS && job.cancel_by.is_none();
            prop_assert_eq!(State::of(&to.next) == State::Failed, is_lost);
            prop_assert_eq!(to.error.is_some_and(|(class, _)| class == Class::Lost), is_lost);
        }
    }

    #[test]
    fn an_end_without_blame_leaves_everything_as_it_was(jobs in prop::collection::vec(running(), 0..8)) {
        for (job, to) in jobs.iter().zip(recover(&jobs, End::Blameless, NOW)) {
            prop_assert_eq!((to.memory.deaths, to.memory.trust), (job.deaths, job.trust));
            prop_assert_eq!((to.memory.deferrals, to.memory.deferred_since), (job.deferrals, job.deferred_since));
        }
    }

    #[test]
    fn a_request_to_cancel_outlives_the_host(jobs in prop::collection::vec(running(), 0..8), died in any::<bool>()) {
        let end = if died { End::Died } else { End::Blameless };
        for (job, to) in jobs.iter().zip(recover(&jobs, end, NOW)) {
            prop_assert_eq!(to.next == Next::Cancelled, job.cancel_by.is_some());
        }
    }
}

#[test]
fn the_third_death_as_the_lone_suspect_is_the_last() {
    let mut job = first_try();
    let mut ends = Vec::new();
    for _ in 0..4 {
        let to = recover(std::slice::from_ref(&job), End::Died, NOW).remove(0);
        ends.push((State::of(&to.next), to.memory.deaths));
        (job.deaths, job.trust) = (to.memory.deaths, to.memory.trust);
    }
    // The first death only makes it a suspect.
    assert_eq!(ends, [(State::Queued, 0), (State::Queued, 1), (State::Queued, 2), (State::Failed, 3)]);
}

#[test]
fn a_clean_stop_and_a_restart_of_the_machine_are_blameless() {
    assert_eq!(end_of(Some(Timestamp(1)), "a", "a"), End::Blameless);
    assert_eq!(end_of(Some(Timestamp(1)), "a", "b"), End::Blameless);
    assert_eq!(end_of(None, "a", "b"), End::Blameless);
    assert_eq!(end_of(None, "a", "a"), End::Died);
}
