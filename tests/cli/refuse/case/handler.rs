//! What handlers cannot be.

use super::{Case, NO_HANDLER};

pub(in crate::cli::refuse) const HANDLERS: &[Case] = &[
    (&["handler", "inspect", "nope"], 3, NO_HANDLER),
    (&["handler", "disable", "nope"], 3, NO_HANDLER),
    (&["handler", "enable", "nope"], 3, NO_HANDLER),
    (&["handler", "remove", "nope"], 3, NO_HANDLER),
    (
        &["handler", "rollback", "nope"],
        3,
        &["nothing that does a kind is called \"nope\"", "hint: `capstan handler list`"],
    ),
    (&["handler", "rollback", "odd"], 1, &["odd has no version before this one", "hint: `capstan handler swap FILE`"]),
    (
        &["handler", "remove", "odd"],
        1,
        &["handler odd cannot be removed: it does odd", "hint: replace it, or disable it first"],
    ),
    (&["handler", "add", "/nope"], 2, &["component /nope: No such file"]),
    (&["handler", "swap", "/nope"], 2, &["component /nope: No such file"]),
    (&["handler", "add", "{kind}"], 2, &["cannot be a handler: not a valid component"]),
    (&["handler", "swap", "{kind}"], 2, &["cannot be a handler: not a valid component"]),
];
