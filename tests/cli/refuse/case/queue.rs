//! What queues cannot be.

use super::{Case, NO_QUEUE, NO_RATE};

pub(in crate::cli::refuse) const QUEUES: &[Case] = &[
    (&["queue", "pause", "nope"], 3, NO_QUEUE),
    (&["queue", "resume", "nope"], 3, NO_QUEUE),
    (&["queue", "drain", "nope"], 3, NO_QUEUE),
    (&["queue", "set", "nope", "--concurrency", "3"], 3, NO_QUEUE),
    (&["queue", "set", "nope", "--reset"], 3, NO_QUEUE),
    (&["queue", "pause", "O d"], 2, &["\"O d\" is no name of a queue", "hint: `capstan queue list`"]),
    (&["queue", "set", "odd"], 2, &["no limit is named", "hint: name a concurrency, a rate or tokens, or reset them"]),
    (
        &["queue", "set", "odd", "--concurrency", "0"],
        2,
        &["concurrency 0 is out of range: 1 to 10000", "hint: to run none"],
    ),
    (
        &["queue", "set", "odd", "--concurrency", "10001"],
        2,
        &["concurrency 10001 is out of range: 1 to 10000", "hint: "],
    ),
    (&["queue", "set", "odd", "--rate", "fast"], 2, &["\"fast\"", NO_RATE]),
    (&["queue", "set", "odd", "--rate", "5/fortnight"], 2, &["\"5/fortnight\"", NO_RATE]),
    (
        &["queue", "set", "odd", "--tokens", "0/s"],
        2,
        &["a rate of 0 is out of range: its number must be 1 to 1000000000"],
    ),
    (&["queue", "set", "odd", "--burst", "3"], 2, &["--rate <RATE>"]),
    (
        &["queue", "set", "odd", "--rate", "none", "--burst", "3"],
        2,
        &["a burst of 3 belongs to a rate", "hint: leave out --burst"],
    ),
    (&["queue", "set", "odd", "--reset", "--rate", "1/s"], 2, &["cannot be used with"]),
];
