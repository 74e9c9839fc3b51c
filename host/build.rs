//! Compiles the bundled handlers, which `src/handler/bundled.rs` embeds.

use std::process::ExitCode;

use capstan_guest_build::Guest;

const BUNDLED: &[Guest] = &[
    Guest { package: "capstan-ingest", folder: "plugins/ingest" },
    Guest { package: "capstan-normalise", folder: "plugins/normalise" },
    Guest { package: "capstan-summarise", folder: "plugins/summarise" },
    Guest { package: "capstan-embed", folder: "plugins/embed" },
    Guest { package: "capstan-analyse", folder: "plugins/analyse" },
    Guest { package: "capstan-index", folder: "plugins/index" },
    Guest { package: "capstan-research", folder: "plugins/research" },
];

fn main() -> ExitCode {
    capstan_guest_build::main(BUNDLED)
}
