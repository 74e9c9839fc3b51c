//! Random commands to a store and to a model of it, which must agree after each.
//!
//! Some 10,000 sequences, in parts that run side by side. The seed is fixed and printed;
//! `PROPTEST_RNG_SEED` names another. A failure prints the shortest sequence that
//! shows it.

use super::world::World;
use crate::rules::{cases, cases_from};
use capstan::rules::attempt::Class;
use capstan::rules::import::Turn;
use proptest::prelude::*;
use proptest::sample::Index;

/// How an attempt ends in a test.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Published,
    Done,
    Unchanged,
    Stopped,
    Failed(Class),
}

/// A job that is added.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) kind: usize,
    pub(crate) subject: usize,
    pub(crate) priority: i64,
    pub(crate) delay: i64,
    pub(crate) key: Option<usize>,
    pub(crate) deadline: Option<u64>,
    /// What it is unique by, and what becomes of it otherwise.
    pub(crate) unique: Option<(usize, usize)>,
    pub(crate) counts_ended: bool,
}

fn new() -> impl Strategy<Value = New> {
    let some = |share: f64, of: std::ops::Range<usize>| proptest::option::weighted(share, of);
    let delay = prop::sample::select(vec![0_i64, 0, 0, 700]);
    let unique = proptest::option::weighted(0.3, (0_usize..2, 0_usize..3));
    let deadline = proptest::option::weighted(0.2, 0_u64..2_500);
    (0_usize..2, 0_usize..3, -1_i64..2, delay, some(0.6, 0..2), deadline, unique, any::<bool>()).prop_map(
        |(kind, subject, priority, delay, key, deadline, unique, counts_ended)| New {
            kind,
            subject,
            priority,
            delay,
            key,
            deadline,
            unique,
            counts_ended,
        },
    )
}

/// What is changed of a job that is queued.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) priority: Option<i64>,
    pub(crate) delay: Option<i64>,
    pub(crate) queue: Option<usize>,
    pub(crate) key: Option<usize>,
    /// Another deadline, or none.
    pub(crate) deadline: Option<Option<u64>>,
}

fn change() -> impl Strategy<Value = Change> {
    let delay = proptest::option::of(prop::sample::select(vec![0_i64, 0, 700]));
    let deadline = proptest::option::weighted(0.2, proptest::option::of(0_u64..2_500));
    let priority = proptest::option::of(-1_i64..2);
    let some = |share| proptest::option::weighted(share, 0_usize..2);
    (priority, delay, some(0.3), some(0.4), deadline).prop_map(|(priority, delay, queue, key, deadline)| Change {
        priority,
        delay,
        queue,
        key,
        deadline,
    })
}

/// What is done to the store.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Add(Vec<New>),
    Queue {
        which: usize,
        change: usize,
    },
    Claim {
        free: u64,
    },
    End {
        which: Index,
        ending: Ending,
    },
    /// Ends, new jobs and a claim in one commit.
    Burst {
        ends: Vec<(Index, Ending)>,
        adds: usize,
        free: u64,
    },
    Stale {
        which: Index,
    },
    Cancel {
        which: Index,
    },
    AskCancel {
        which: Index,
    },
    Retry {
        which: Index,
    },
    Delete {
        which: Index,
    },
    Edit {
        which: Index,
        change: Change,
    },
    Import {
        total: i64,
        invalid: i64,
    },
    Chunk {
        which: Index,
        items: i64,
    },
    Break {
        which: Index,
    },
    /// Pause, resume or cancel an import.
    Turn {
        which: Index,
        turn: Turn,
    },
    Pass {
        ms: u64,
    },
    Restart,
    Die,
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        4 => Just(Ending::Published),
        1 => Just(Ending::Done),
        2 => Just(Ending::Unchanged),
        1 => Just(Ending::Stopped),
        4 => prop::sample::select(vec![Class::Transient, Class::Permanent, Class::Deferred, Class::Cancelled, Class::Timeout])
            .prop_map(Ending::Failed),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let which = any::<Index>;
    prop_oneof![
        6 => prop::collection::vec(new(), 1..4).prop_map(Command::Add),
        2 => (0_usize..2, 0_usize..9).prop_map(|(which, change)| Command::Queue { which, change }),
        6 => (0_u64..5).prop_map(|free| Command::Claim { free }),
        5 => (which(), ending()).prop_map(|(which, ending)| Command::End { which, ending }),
        3 => (prop::collection::vec((which(), ending()), 0..4), 0_usize..3, 0_u64..4)
            .prop_map(|(ends, adds, free)| Command::Burst { ends, adds, free }),
        1 => which().prop_map(|which| Command::Stale { which }),
        2 => which().prop_map(|which| Command::Cancel { which }),
        1 => which().prop_map(|which| Command::AskCancel { which }),
        2 => which().prop_map(|which| Command::Retry { which }),
        1 => which().prop_map(|which| Command::Delete { which }),
        3 => (which(), change()).prop_map(|(which, change)| Command::Edit { which, change }),
        1 => (0_i64..5, 0_i64..2).prop_map(|(total, invalid)| Command::Import { total: total + invalid, invalid }),
        2 => (which(), 1_i64..4).prop_map(|(which, items)| Command::Chunk { which, items }),
        1 => which().prop_map(|which| Command::Break { which }),
        2 => (which(), prop::sample::select(Turn::ALL.to_vec())).prop_map(|(which, turn)| Command::Turn { which, turn }),
        2 => (0_u64..2_000).prop_map(|ms| Command::Pass { ms }),
        1 => Just(Command::Restart),
        2 => Just(Command::Die),
    ]
}

fn play(commands: &[Command]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for command in commands {
            world.apply(command).await;
        }
        world.finish().await;
    });
}

proptest! {
    #![proptest_config(cases_from(2_500, 0))]

    #[test]
    fn store_and_model_agree_after_every_command_first_part(commands in prop::collection::vec(command(), 1..16)) {
        play(&commands);
    }
}

proptest! {
    #![proptest_config(cases_from(2_500, 1))]

    #[test]
    fn store_and_model_agree_after_every_command_second_part(commands in prop::collection::vec(command(), 1..16)) {
        play(&commands);
    }
}

proptest! {
    #![proptest_config(cases_from(2_500, 2))]

    #[test]
    fn store_and_model_agree_after_every_command_third_part(commands in prop::collection::vec(command(), 1..16)) {
        play(&commands);
    }
}

proptest! {
    #![proptest_config(cases_from(2_500, 3))]

    #[test]
    fn store_and_model_agree_after_every_command_fourth_part(commands in prop::collection::vec(command(), 1..16)) {
        play(&commands);
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn store_and_model_agree_over_long_sequences(commands in prop::collection::vec(command(), 40..80)) {
        play(&commands);
    }
}
