//! The second cargo: its environment, flags and arguments.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{BuildError, Guest, TARGET, variable};

/// Where the toolchain lives.
pub(crate) fn sysroot() -> Result<PathBuf, BuildError> {
    let rustc = variable("RUSTC")?;
    let output = Command::new(&rustc)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|error| BuildError::Start { program: rustc.to_string_lossy().into_owned(), error })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

pub(crate) fn cargo(root: &Path, shared: &Path, sysroot: &Path, guests: &[Guest]) -> Result<(), BuildError> {
    let cargo = variable("CARGO")?;
    let mut command = Command::new(&cargo);
    for (name, _) in env::vars_os().filter(|(name, _)| leaks(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
        .current_dir(root)
        .env("RUSTC", variable("RUSTC")?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root, shared, sysroot).join("\x1f"))
        .args(["build", "--locked", "--profile", "guest", "--target", TARGET, "--lib", "--bins", "--target-dir"])
        .arg(shared);
    for guest in guests {
        command.args(["--package", guest.package]);
    }
    // Stdout of a build script is for cargo's own directives.
    let status = command
        .stdout(Stdio::null())
        .status()
        .map_err(|error| BuildError::Start { program: cargo.to_string_lossy().into_owned(), error })?;
    if status.success() { Ok(()) } else { Err(refused(guests)) }
}

fn refused(guests: &[Guest]) -> BuildError {
    let packages: Vec<String> = guests.iter().map(|guest| guest.package.to_owned()).collect();
    let by_hand = format!("cargo build --profile guest --target {TARGET} -p {}", packages.join(" -p "));
    BuildError::Cargo { packages, by_hand }
}

/// Whether a variable of the first cargo would change what the second one does. Those about the home,
/// the network and registries are the user's.
fn leaks(name: &str) -> bool {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_"];
    let of_cargo = name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept));
    of_cargo || name.starts_with("RUSTC") || name == "RUSTFLAGS" || name == "MAKEFLAGS"
}

/// What every engine that runs components has, and crates that search bytes (`memchr`) use when they are
/// compiled with it: instructions on 128 bits at once.
const SIMD: &str = "-Ctarget-feature=+simd128";

/// Larger functions are inlined than the compiler would by itself (it takes 275 for its threshold at level 3): the engine
/// looks at the clock's tick at the beginning of every function, so calls cost more than elsewhere. Handlers of text
/// take 7 to 16 % less CPU by it; all are an eighth larger (`docs/benchmarks.md`).
const INLINE: &str = "-Cllvm-args=-inline-threshold=800";

/// The flags of the second compiler.
fn flags(root: &Path, shared: &Path, sysroot: &Path) -> Vec<String> {
    let mut flags = remaps(root, shared, sysroot);
    flags.extend([SIMD.to_owned(), INLINE.to_owned()]);
    flags
}

/// Flags that give the folders of this machine the same names everywhere. The last match wins, so the
/// target folder, which may lie in the workspace, comes after it.
fn remaps(root: &Path, shared: &Path, sysroot: &Path) -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let places = [
        (home.join("registry/src"), "/registry"),
        (sysroot.join("lib/rustlib/src/rust"), "/rust"),
        (root.to_owned(), "/capstan"),
        (shared.to_owned(), "/target"),
    ];
    places
        .into_iter()
        .map(|(from, to)| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            format!("{}={to}", flag.to_string_lossy())
        })
        .collect()
}
