//! What the benchmarks of the whole host share.

#[allow(dead_code)] // not every benchmark has such jobs
pub(crate) mod noop;

use capstan::host::pulse::PulseWait;
use capstan::host::{Host, Verb};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders on the disk that the project lies on, for `/tmp` may be memory. They are
/// removed at the end of the benchmark, not in its middle: for some minutes after
/// many files were deleted, ext4 searches long for an inode that is not one of them.
#[derive(Default)]
pub(crate) struct Folders(RefCell<Vec<tempfile::TempDir>>);

impl Folders {
    pub(crate) fn make(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let folder = tempfile::tempdir_in(target).unwrap();
        let path = folder.path().to_owned();
        self.0.borrow_mut().push(folder);
        path
    }
}

/// The pages to work on: those of the folder that `CAPSTAN_BENCH_PAGES` names, or rustup's documentation.
#[allow(dead_code)] // not every benchmark takes pages
pub(crate) fn pages() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CAPSTAN_BENCH_PAGES") {
        return Some(folder.into());
    }
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let docs = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("share/doc/rust/html");
    docs.is_dir().then_some(docs)
}

/// Wait until a host that works has nothing left to do.
#[allow(dead_code)] // not every benchmark has a host of its own
pub(crate) async fn drained(host: &Host) {
    let mut after = None;
    loop {
        let beat = PulseWait { after }.call(host).await.unwrap();
        if beat.is_idle() {
            break;
        }
        after = Some(beat.pulse.commits);
    }
}
