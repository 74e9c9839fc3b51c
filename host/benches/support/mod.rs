//! What the benchmarks of the whole host share.

use capstan::host::pulse::PulseWait;
use capstan::host::{Host, Verb};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

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

/// Wait until a host that works has nothing left to do.
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
