//! What a guest sees of the file system, and what it does not.

use super::stage::{attempt, done, ended, limits, output, run, run_attempt, run_with_output};
use capstan::capability::fs::Mount;
use capstan::rules::attempt::{Class, Outcome};
use capstan::sandbox::{Attempt, Report};
use std::path::Path;

fn with_imports(folder: &Path, payload: &str) -> Report {
    let mounts = vec![Mount::imports(folder).unwrap()];
    run_attempt(Attempt { mounts, ..attempt(payload, limits()) })
}

fn import() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/page.html"), "hello").unwrap();
    folder
}

/// Truncating on open once wrote to read-only folders (GHSA-2r75-cxrj-cmph).
#[test]
fn an_import_is_read_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), "hello").unwrap();
    assert_eq!(done(&with_imports(folder.path(), r#"{"do": "read_import", "path": "page.html"}"#)), "\"hello\"");
    for payload in [
        r#"{"do": "write_to", "path": "/imports/new", "text": "x"}"#,
        r#"{"do": "write_to", "path": "/imports/page.html", "text": "x"}"#,
        r#"{"do": "remove", "path": "/imports/page.html"}"#,
        r#"{"do": "make_folder", "path": "/imports/new"}"#,
        r#"{"do": "rename", "from": "/imports/page.html", "to": "/imports/new"}"#,
        r#"{"do": "symlink", "target": "page.html", "path": "/imports/new"}"#,
        r#"{"do": "hardlink", "from": "/imports/page.html", "to": "/imports/new"}"#,
    ] {
        assert_eq!(ended(&with_imports(folder.path(), payload)).0, Class::Permanent, "{payload}");
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["page.html"]);
    assert_eq!(std::fs::read(folder.path().join("page.html")).unwrap(), b"hello");
}

#[test]
fn nothing_outside_of_the_mounts_is_there() {
    let folder = import();
    std::os::unix::fs::symlink("/etc", folder.path().join("in/etc")).unwrap();
    std::os::unix::fs::symlink("../../..", folder.path().join("in/up")).unwrap();
    std::fs::write(folder.path().join("secret"), "s").unwrap();
    let inside = folder.path().join("in");
    for path in
        ["/etc/hostname", "/imports/../secret", "/imports/etc/hostname", "/imports/up/etc/hostname", "/output/x"]
    {
        let payload = format!(r#"{{"do": "read", "path": "{path}"}}"#);
        assert_eq!(ended(&with_imports(&inside, &payload)).0, Class::Permanent, "{path}");
    }
}

/// A link with a slash behind it once led outside (GHSA-vqjp-4c8c-hfgg).
#[test]
fn a_slash_behind_a_link_changes_nothing() {
    let folder = import();
    std::os::unix::fs::symlink("/etc", folder.path().join("in/etc")).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("in/up")).unwrap();
    let inside = folder.path().join("in");
    for path in ["/imports/etc", "/imports/etc/", "/imports/etc/.", "/imports/up/", "/imports/../", "/imports//etc//"] {
        let payload = format!(r#"{{"do": "list", "path": "{path}"}}"#);
        assert_eq!(ended(&with_imports(&inside, &payload)).0, Class::Permanent, "{path}");
    }
    assert_eq!(done(&with_imports(&inside, r#"{"do": "list", "path": "/imports/"}"#)), r#"["etc","page.html","up"]"#);
}

#[test]
fn a_generation_is_read_under_its_kind() {
    let generation = import();
    let mounts = vec![Mount::artifacts("ingest", &generation.path().join("in")).unwrap()];
    let run = |payload: &str| run_attempt(Attempt { mounts: mounts.clone(), ..attempt(payload, limits()) });
    assert_eq!(done(&run(r#"{"do": "read_input", "kind": "ingest", "path": "page.html"}"#)), "\"hello\"");
    assert_eq!(done(&run(r#"{"do": "read_input", "kind": "normalise", "path": "page.html"}"#)), "null");
    let write = run(r#"{"do": "write_to", "path": "/artifacts/ingest/page.html", "text": "x"}"#);
    assert_eq!(ended(&write).0, Class::Permanent);
    assert_eq!(std::fs::read(generation.path().join("in/page.html")).unwrap(), b"hello");
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let folder = import();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("in/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let report = with_imports(&folder.path().join("in"), r#"{"do": "read_import", "path": "pipe"}"#);
    assert!(matches!(report.outcome, Outcome::Failed(_)), "{report:?}");
}

#[test]
fn what_is_written_lies_in_the_scratch() {
    let (folder, report) = run_with_output(r#"{"do": "answer", "value": 1, "write": {"a/b/c.txt": "text"}}"#, limits());
    assert_eq!(done(&report), "1");
    assert_eq!(std::fs::read(folder.path().join("a/b/c.txt")).unwrap(), b"text");
    assert_eq!((report.usage.scratch_bytes, report.usage.scratch_files), (4, 3));
}

#[test]
fn links_are_refused() {
    for payload in [
        r#"{"write": {"a": "x"}, "do": "symlink", "target": "a", "path": "/output/l"}"#,
        r#"{"write": {"a": "x"}, "do": "symlink", "target": "../../etc", "path": "/output/l"}"#,
        r#"{"write": {"a": "x"}, "do": "hardlink", "from": "/output/a", "to": "/output/l"}"#,
    ] {
        let (folder, report) = run_with_output(payload, limits());
        assert_eq!(ended(&report).0, Class::Permanent, "{payload}");
        assert!(folder.path().join("l").symlink_metadata().is_err());
    }
}

/// A file that got a second name in a writable folder once became writable
/// (GHSA-4ch3-9j33-3pmj).
#[test]
fn nothing_moves_from_the_import_into_the_output() {
    let imported = import();
    let (_scratch, mount) = output();
    let mounts = vec![Mount::imports(&imported.path().join("in")).unwrap(), mount];
    for action in ["rename", "hardlink"] {
        let payload = format!(r#"{{"do": "{action}", "from": "/imports/page.html", "to": "/output/page.html"}}"#);
        let report = run_attempt(Attempt { mounts: mounts.clone(), ..attempt(&payload, limits()) });
        assert_eq!(ended(&report).0, Class::Permanent, "{action}");
    }
    assert!(imported.path().join("in/page.html").exists());
}

/// Renaming a link with a slash behind it once moved what it points to (GHSA-m9f7-9w4p-gv38). A guest cannot make
/// the link, so it lies there already.
#[test]
fn a_rename_with_a_slash_behind_it_moves_no_link_and_nothing_behind_one() {
    let around = tempfile::tempdir().unwrap();
    std::fs::create_dir(around.path().join("outside")).unwrap();
    std::fs::write(around.path().join("outside/secret"), "s").unwrap();
    let (scratch, mount) = output();
    let imported = import();
    for folder in [scratch.path(), &imported.path().join("in")] {
        std::os::unix::fs::symlink(around.path().join("outside"), folder.join("link")).unwrap();
    }
    let mounts = vec![Mount::imports(&imported.path().join("in")).unwrap(), mount];
    for (from, to) in [
        ("/output/link/", "/output/stolen"),
        ("/output/link", "/output/stolen/"),
        ("/output/link/", "/output/stolen/"),
        ("/output/link/.", "/output/stolen"),
        ("/imports/link/", "/output/stolen"),
    ] {
        let payload = format!(r#"{{"do": "rename", "from": "{from}", "to": "{to}"}}"#);
        let report = run_attempt(Attempt { mounts: mounts.clone(), ..attempt(&payload, limits()) });
        assert_eq!(ended(&report).0, Class::Permanent, "{from} to {to}");
        assert!(around.path().join("outside/secret").exists(), "{from} to {to}");
        let names: Vec<_> =
            std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["link"], "{from} to {to}");
    }
}

#[test]
fn a_handler_cannot_starve_others_of_file_handles() {
    let (_folder, report) = run_with_output(r#"{"do": "open_many", "times": 20000}"#, limits());
    let expected = "held more files, folders, streams and timers open at the same time than limits.handles = 256 allows: close some";
    assert_eq!(ended(&report), (Class::Quota, expected));
}

#[test]
fn there_are_no_surroundings_and_no_network() {
    let report = run(r#"{"do": "surroundings"}"#);
    assert_eq!(done(&report), r#"{"args":[],"env":[]}"#);
    let report = run(r#"{"do": "connect", "to": "127.0.0.1:9"}"#);
    assert_eq!(ended(&report).0, Class::Permanent);
}

#[test]
fn clocks_and_randomness_work() {
    let number = |report: &Report| {
        let value: serde_json::Value = serde_json::from_str(done(report)).unwrap();
        assert!(value["unix_seconds"].as_u64().unwrap() > 1_700_000_000);
        value["random"].as_u64().unwrap()
    };
    assert_ne!(number(&run(r#"{"do": "random"}"#)), number(&run(r#"{"do": "random"}"#)));
}
