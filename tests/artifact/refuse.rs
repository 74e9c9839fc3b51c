//! What a guest may leave behind that the host must not touch.

use super::stage::Project;
use cap_std::fs::Dir;
use capstan::artifact::collect::Allowance;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Publish what `make` leaves; the error's text.
fn refused(make: impl FnOnce(&Dir, &Path)) -> String {
    let project = Project::new();
    std::fs::write(project.path().join("secret"), "s").unwrap();
    let scratch = project.scratch(1);
    scratch.dir().write("good", "x").unwrap();
    make(scratch.dir(), scratch.path());
    let allowance = Allowance { bytes: 1_000, files: 100 };
    let error = project.publish_within(scratch, 1, allowance).unwrap_err();
    assert!(project.generations().is_empty());
    assert_eq!(project.scratches(), 0);
    assert_eq!(std::fs::read(project.path().join("secret")).unwrap(), b"s");
    error.to_string()
}

#[test]
fn links() {
    let text = refused(|_, path| std::os::unix::fs::symlink("../../../secret", path.join("l")).unwrap());
    assert_eq!(text, "/output/l is a symbolic link; only plain files and folders can be published");
    let text = refused(|_, path| std::os::unix::fs::symlink("/", path.join("l")).unwrap());
    assert_eq!(text, "/output/l is a symbolic link; only plain files and folders can be published");
    let text = refused(|_, path| {
        std::fs::hard_link(path.join("../../../secret"), path.join("h")).unwrap();
    });
    assert_eq!(
        text,
        "/output/h is a file with several names (a hard link); only plain files and folders can be published"
    );
}

#[test]
fn pipes_and_sockets() {
    let text = refused(|_, path| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path.join("p"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    });
    assert_eq!(text, "/output/p is a pipe; only plain files and folders can be published");
    let text = refused(|_, path| drop(std::os::unix::net::UnixListener::bind(path.join("s")).unwrap()));
    assert_eq!(text, "/output/s is a socket; only plain files and folders can be published");
}

#[test]
fn odd_names() {
    let text = refused(|_, path| {
        std::fs::write(path.join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    });
    assert!(text.starts_with("a name in /output/ is not UTF-8: bad"), "{text}");
    let text = refused(|dir, _| dir.write("two\nlines", "x").unwrap());
    assert_eq!(text, "a name in /output/ has a control character: two\\nlines");
    let text = refused(|dir, _| {
        dir.create_dir("d").unwrap();
        dir.write("d/a\\b", "x").unwrap();
    });
    assert_eq!(text, "a name in /output/d is not a plain name: a\\\\b");
}

#[test]
fn too_deep_and_too_long() {
    let text = refused(|dir, _| {
        dir.create_dir_all((0..33).map(|_| "d").collect::<std::path::PathBuf>()).unwrap();
    });
    assert!(text.ends_with(" is 33 folders deep; 32 are allowed"), "{text}");
    let text = refused(|dir, _| {
        let long: std::path::PathBuf = (0..5).map(|_| "n".repeat(250)).collect();
        dir.create_dir_all(long).unwrap();
    });
    assert!(text.ends_with("is 1254 bytes long; 1024 are allowed"), "{text}");
}
