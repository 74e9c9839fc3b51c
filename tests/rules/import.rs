//! An item is in one place at any instant, and an import adds up.

use super::cases;
use capstan::rules::import::{Account, Item, SINGLE_JOBS, Tree, next_chunk};
use capstan::rules::job::{Made, State};
use proptest::prelude::*;

/// Where an item is, by the definition: from all its jobs at once.
fn defined(jobs: &[(State, Made)]) -> Item {
    let any = |wanted: &[State]| jobs.iter().any(|(state, _)| wanted.contains(state));
    if any(&[State::Queued, State::Running]) {
        Item::Remaining
    } else if any(&[State::Failed]) {
        Item::Failed
    } else if any(&[State::Cancelled]) {
        Item::Cancelled
    } else if jobs.contains(&(State::Completed, Made::Something)) {
        Item::Done
    } else {
        Item::Skipped
    }
}

fn place() -> impl Strategy<Value = (State, Made)> {
    (0..State::ALL.len(), any::<bool>())
        .prop_map(|(at, made)| (State::ALL[at], if made { Made::Something } else { Made::Nothing }))
}

/// A step of an item's tree: a new job, or one that moves.
#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Move { item: usize, job: usize, to: (State, Made) },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0_usize..4).prop_map(Step::Add),
        4 => (0_usize..4, 0_usize..8, place()).prop_map(|(item, job, to)| Step::Move { item, job, to }),
    ]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn trees_and_the_account_equal_a_recount_after_every_step(steps in prop::collection::vec(step(), 0..60)) {
        let mut jobs: Vec<Vec<(State, Made)>> = vec![vec![(State::Queued, Made::Something)]; 4];
        let mut trees = [Tree::default().with(State::Queued, Made::Something); 4];
        let mut account = Account::default();
        for step in steps {
            let item = match step {
                Step::Add(item) | Step::Move { item, .. } => item,
            };
            let before = trees[item].item();
            match step {
                Step::Add(item) => {
                    jobs[item].push((State::Queued, Made::Something));
                    trees[item] = trees[item].with(State::Queued, Made::Something);
                }
                Step::Move { item, job, to } => {
                    let job = job % jobs[item].len();
                    let from = std::mem::replace(&mut jobs[item][job], to);
                    trees[item] = trees[item].without(from.0, from.1).with(to.0, to.1);
                }
            }
            account.shift(before, trees[item].item());
            prop_assert_eq!(trees[item].item(), defined(&jobs[item]));
            let count = |place| jobs.iter().filter(|jobs| defined(jobs) == place).count() as i64;
            let Account { done, failed, cancelled, skipped } = account;
            prop_assert_eq!(
                (done, failed, cancelled, skipped),
                (count(Item::Done), count(Item::Failed), count(Item::Cancelled), count(Item::Skipped))
            );
            prop_assert_eq!(done + failed + cancelled + skipped + count(Item::Remaining), 4);
        }
    }

    #[test]
    fn a_difference_is_what_a_sum_added(one in prop::collection::vec(place(), 0..6), two in prop::collection::vec(place(), 0..6)) {
        let tree = |jobs: &[(State, Made)]| jobs.iter().fold(Tree::default(), |tree, (state, made)| tree.with(*state, *made));
        let (one, two) = (tree(&one), tree(&two));
        prop_assert_eq!(one.plus(two).minus(two), one);
        prop_assert_eq!(one.plus(two), two.plus(one));
    }

    #[test]
    fn a_batch_goes_by_chunks_while_its_window_has_room(
        total in 0_u64..10_000, chunk in 0_u64..100, window in 1_u64..1_000, open in 0_u64..2_000,
    ) {
        let next = next_chunk(total, chunk, window, open);
        if total <= SINGLE_JOBS {
            prop_assert_eq!(next, total);
        } else {
            prop_assert_eq!(next, if open < window { chunk.max(1) } else { 0 });
        }
    }
}
