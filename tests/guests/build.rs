//! Compiles the guests beside this file.

use std::process::ExitCode;

use capstan_guest_build::Guest;

const GUESTS: &[Guest] = &[
    Guest { package: "capstan-guest-clerk", folder: "tests/guests/clerk" },
    Guest { package: "capstan-guest-command", folder: "tests/guests/command" },
    Guest { package: "capstan-guest-first", folder: "tests/guests/first" },
    Guest { package: "capstan-guest-noop", folder: "tests/guests/noop" },
    Guest { package: "capstan-guest-noop-output", folder: "tests/guests/noop-output" },
    Guest { package: "capstan-guest-odd", folder: "tests/guests/odd" },
    Guest { package: "capstan-guest-outside", folder: "tests/guests/outside" },
    Guest { package: "capstan-guest-witness", folder: "tests/guests/witness" },
    Guest { package: "capstan-guest-liar", folder: "tests/guests/liar" },
];

fn main() -> ExitCode {
    capstan_guest_build::main(GUESTS)
}
