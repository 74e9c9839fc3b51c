//! What a full disk does: the commits that do not fit fail, and nothing after them.
//!
//! Needs a file system that can be filled: the test runs itself again in a user
//! and mount namespace of its own, on a tmpfs of two megabytes. Where the kernel
//! forbids that, it says so and passes; with `CI` in the environment it fails.

use super::stage::job;
use capstan::rules::time::Timestamp;
use capstan::store::Store;
use capstan::store::job::NewJob;
use std::path::Path;
use std::process::Command;

/// Names the small disk to the inner run.
const DISK: &str = "CAPSTAN_TEST_SMALL_DISK";

#[test]
fn a_full_disk_fails_what_does_not_fit_and_nothing_after_it() {
    if let Some(disk) = std::env::var_os(DISK) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(fill(Path::new(&disk)));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs \"${DISK}\" && echo mounted && exec \"$0\" --exact --nocapture \
         store::disk::a_full_disk_fails_what_does_not_fit_and_nothing_after_it"
    );
    let mut again = Command::new("unshare");
    again.args(["-Urm", "sh", "-c", &script]).arg(std::env::current_exe().unwrap()).env(DISK, folder.path());
    let said = match again.output() {
        Ok(ran) => format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)),
        Err(error) => format!("unshare: {error}"),
    };
    if said.contains("mounted") {
        assert!(said.contains("1 passed"), "{said}");
    } else {
        assert!(std::env::var_os("CI").is_none(), "no disk can be filled here: {said}");
        println!("not run, because no disk can be filled here: {said}");
    }
}

fn large(n: usize) -> NewJob {
    NewJob { payload: format!("\"{}\"", "x".repeat(4_000)), ..job("page", &n.to_string(), Timestamp(0)) }
}

async fn fill(disk: &Path) {
    let store = Store::open(&disk.join("capstan.db")).await.unwrap();
    store.add(vec![large(0)]).await.unwrap();
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0_u8; 4 << 20]).unwrap_err();
    let before = *store.pulse().borrow();
    let refused = store.add((1..200).map(large).collect()).await.unwrap_err().to_string();
    assert!(refused.contains("full"), "{refused}");
    assert_eq!(*store.pulse().borrow(), before);
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(store.add(vec![large(1)]).await.unwrap(), [2]);
    assert_eq!(store.check().await.unwrap(), []);
    store.close().await;
}
