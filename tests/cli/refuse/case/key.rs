//! What keys cannot be.

use super::{Case, NO_KEY, NO_SPAN, PAGE};

pub(in crate::cli::refuse) const KEYS: &[Case] = &[
    (&["key", "release", "nope"], 3, NO_KEY),
    (&["key", "set", "nope", "--reset"], 3, NO_KEY),
    (&["key", "set", "site"], 2, &["nothing is set", "hint: name a limit or an interval, or reset both"]),
    (&["key", "set", "", "--limit", "1"], 2, &["a key has no empty name"]),
    (&["key", "set", "site", "--limit", "0"], 2, &["limit 0 is out of range: 1 to 10000", "hint: to run none"]),
    (&["key", "set", "site", "--limit", "10001"], 2, &["limit 10001 is out of range: 1 to 10000", "hint: to run none"]),
    (&["key", "set", "site", "--interval", "25h"], 2, &["interval 25h is out of range: 0s to 24h"]),
    (&["key", "set", "site", "--interval", "2"], 2, &["\"2\"", NO_SPAN]),
    (&["key", "list", "--limit", "10001"], 2, PAGE),
    (&["key", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];
