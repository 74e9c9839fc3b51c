//! What no noun can be, and those with few cases.

use super::{Case, PAGE};

pub(in crate::cli::refuse) const REST: &[Case] = &[
    (&["config", "nope"], 2, &["unrecognized subcommand 'nope'"]),
    (
        &["--set", "limits", "job", "list"],
        2,
        &["--set \"limits\" is no key and value: write for example --set limits.cpu=10s"],
    ),
    (
        &["--set", "limits.cpu=9s", "config", "check"],
        2,
        &["cannot hold: another process is the host", "hint: change capstan.toml"],
    ),
    (&["artifact", "show", "nope"], 3, &["there is no subject \"nope\"", "hint: `capstan artifact list`"]),
    (&["artifact", "list", "--limit", "10001"], 2, PAGE),
    (&["artifact", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
    (&["artifact", "list", "--after", "x"], 2, &["cursor \"x\" is none: take the `next` of a page"]),
    (&["nope"], 2, &["unrecognized subcommand 'nope'"]),
];
