//! Compiles handlers to WebAssembly from a build script.
//!
//! [`compile`] runs a second cargo for the target [`TARGET`] with the workspace's profile `guest`, in a
//! target folder that all build scripts of the workspace share (so that dependencies are compiled once),
//! and copies the components into the script's `OUT_DIR`. The second cargo starts with a cleaned
//! environment: flags and wrappers of the first one (`RUSTFLAGS`, clippy's) would change or break it.
//! Paths of this machine are mapped away, so the same sources give the same bytes elsewhere.
//!
//! It cannot see whether the first cargo was told `--offline`; `CARGO_NET_OFFLINE` reaches both. It never
//! installs anything.

mod command;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What handlers are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// Why there are no components.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The toolchain lacks the target.
    #[error("target `{TARGET}` is not installed; run `rustup target add {TARGET}` in this folder")]
    NoTarget,
    /// A variable that cargo sets for build scripts is missing.
    #[error("`{0}` is not set; call this from a build script")]
    NoVariable(&'static str),
    /// The second cargo said no; what it said is above.
    #[error("handlers {packages:?} do not compile; see cargo's messages, or run `{by_hand}`")]
    Cargo {
        /// What was to be compiled.
        packages: Vec<String>,
        /// A command that shows the same failure.
        by_hand: String,
    },
    /// A program could not be started.
    #[error("`{program}` does not start: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// A component could not be copied.
    #[error("`{path}`: {error}")]
    Copy {
        /// The component.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// A workspace package to compile, and the folder with its sources, relative to the workspace.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    /// The package's name.
    pub package: &'static str,
    /// Its folder.
    pub folder: &'static str,
}

/// Compile `guests` and put each into `OUT_DIR` as `<package>.wasm`; a whole build script in one call.
/// A failure is printed as cargo wants it.
#[must_use]
pub fn main(guests: &[Guest]) -> ExitCode {
    match compile(guests) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

/// Compile `guests` and put each into `OUT_DIR` as `<package>.wasm`.
///
/// # Errors
///
/// When the target is missing, the sources do not compile, or the result cannot be copied.
pub fn compile(guests: &[Guest]) -> Result<(), BuildError> {
    let root = workspace();
    for watched in
        ["Cargo.toml", "Cargo.lock", "sdk", "wit", "plugins"].into_iter().chain(guests.iter().map(|g| g.folder))
    {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let sysroot = command::sysroot()?;
    // Read again when it was missing: installing it is what the reader will do next.
    let target = sysroot.join("lib/rustlib").join(TARGET);
    println!("cargo::rerun-if-changed={}", target.display());
    if !target.join("lib").is_dir() {
        return Err(BuildError::NoTarget);
    }
    let shared = shared_target(&out);
    command::cargo(&root, &shared, &sysroot, guests)?;
    guests.iter().try_for_each(|guest| copy(guest, &shared, &out))
}

/// A library's file is named with underscores, a program's as its package.
fn copy(guest: &Guest, shared: &Path, out: &Path) -> Result<(), BuildError> {
    let named = |name: &str| shared.join(TARGET).join("guest").join(format!("{name}.wasm"));
    let program = named(guest.package);
    let made = if program.is_file() { program } else { named(&guest.package.replace('-', "_")) };
    fs::copy(&made, out.join(format!("{}.wasm", guest.package)))
        .map(drop)
        .map_err(|error| BuildError::Copy { path: made, error })
}

fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// `OUT_DIR` is `<target>/<profile>/build/<package>-<hash>/out`. Another folder than the first cargo's is
/// needed, since that one is locked for as long as this script runs.
fn shared_target(out: &Path) -> PathBuf {
    out.ancestors().nth(4).unwrap_or(out).join("guests")
}

fn variable(name: &'static str) -> Result<OsString, BuildError> {
    env::var_os(name).ok_or(BuildError::NoVariable(name))
}
