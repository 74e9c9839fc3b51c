//! An item is in one place at any instant, and an import adds up.

use super::cases;
use capstan::rules::import::{Account, Flow, ImportState, Item, Tree, Turn, stagger};
use capstan::rules::job::{Made, State};
use capstan::rules::time::Millis;
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
    fn a_batch_goes_by_whole_chunks_and_never_beyond_its_window(
        total in 0_u64..10_000, single_jobs in 0_u64..100, chunk in 0_u64..100, window in 1_u64..100, ready in 0_u64..2_000,
    ) {
        let room = Flow { single_jobs, chunk, window }.room(total, ready);
        if total <= single_jobs {
            prop_assert_eq!(room, total);
        } else {
            let (chunk, most) = (chunk.max(1), chunk.max(1) * window);
            prop_assert_eq!(room % chunk, 0);
            prop_assert!(room == 0 || ready + room <= most, "{ready} wait, {room} more, of {most}");
            let must = ready == 0 || (ready <= most / 2 && ready + chunk <= most);
            prop_assert_eq!(room > 0, must, "{} wait of {}", ready, most);
        }
    }

    #[test]
    fn a_pause_between_two_jobs_of_a_key_is_within_its_bounds(
        least in 0_u64..100_000, more in 0_u64..100_000, random in 0.0_f64..1.0,
    ) {
        let pause = stagger(Millis(least), Millis(least + more), random);
        prop_assert!((least..=least + more).contains(&pause.0), "{pause:?}");
        prop_assert_eq!(stagger(Millis(least), Millis(least), random), Millis(least));
    }
}

#[test]
fn an_import_turns_only_where_that_means_something() {
    use ImportState::{Cancelled, Completed, Failed, Paused, Pending, Processing};
    let table = [
        (Turn::Pause, [Ok(Some(Paused)), Ok(Some(Paused)), Ok(None), Err(Completed), Err(Cancelled), Err(Failed)]),
        (Turn::Resume, [Ok(None), Ok(None), Ok(Some(Processing)), Err(Completed), Err(Cancelled), Err(Failed)]),
        (
            Turn::Cancel,
            [
                Ok(Some(Cancelled)),
                Ok(Some(Cancelled)),
                Ok(Some(Cancelled)),
                Err(Completed),
                Ok(None),
                Ok(Some(Cancelled)),
            ],
        ),
    ];
    for (turn, expected) in table {
        let states = [Pending, Processing, Paused, Completed, Cancelled, Failed];
        assert_eq!(states.map(|state| turn.of(state)), expected, "{turn:?}");
    }
}
