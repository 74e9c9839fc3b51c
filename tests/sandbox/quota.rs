//! Bytes and files of `/output`, at their edges.

use super::stage::{done, ended, limits, run_with_output};
use capstan::rules::attempt::Class;
use capstan::rules::limit::Limits;

fn small() -> Limits {
    Limits { scratch_bytes: 100_000, scratch_files: 5, ..limits() }
}

#[test]
fn the_last_byte_fits() {
    let (folder, report) = run_with_output(r#"{"do": "write_bytes", "bytes": 100000}"#, small());
    assert_eq!(done(&report), "null");
    assert_eq!(std::fs::metadata(folder.path().join("bytes")).unwrap().len(), 100_000);
    assert_eq!((report.usage.scratch_bytes, report.usage.scratch_files), (100_000, 1));
}

#[test]
fn the_next_byte_does_not() {
    let (folder, report) = run_with_output(r#"{"do": "write_bytes", "bytes": 100001}"#, small());
    let (class, message) = ended(&report);
    assert_eq!(class, Class::Quota);
    assert!(
        message.starts_with("/output would have held ") && message.contains("limits.scratch_bytes = 100000"),
        "{message}"
    );
    assert!(std::fs::metadata(folder.path().join("bytes")).unwrap().len() <= 100_000);
}

#[test]
fn a_length_without_bytes_counts() {
    let (folder, report) = run_with_output(r#"{"do": "sparse", "bytes": 1099511627776}"#, small());
    let expected = "/output would have held 1099511627776 bytes, more than limits.scratch_bytes = 100000 allows";
    assert_eq!(ended(&report), (Class::Quota, expected));
    assert_eq!(std::fs::metadata(folder.path().join("sparse")).unwrap().len(), 0);
}

#[test]
fn files_and_folders_count() {
    assert_eq!(done(&run_with_output(r#"{"do": "write_files", "files": 5}"#, small()).1), "null");
    let (folder, report) = run_with_output(r#"{"do": "write_files", "files": 6}"#, small());
    let expected = "/output would have held 6 files and folders, more than limits.scratch_files = 5 allows";
    assert_eq!(ended(&report), (Class::Quota, expected));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
    let (_folder, report) = run_with_output(r#"{"do": "nest", "depth": 6}"#, small());
    assert_eq!(ended(&report), (Class::Quota, expected));
}

#[test]
fn a_folder_that_exists_costs_nothing() {
    let limits = Limits { scratch_files: 2, ..small() };
    let payload = r#"{"write": {"a/f": "x"}, "do": "make_folder", "path": "/output/a"}"#;
    assert_eq!(done(&run_with_output(payload, limits).1), "null");
}

#[test]
fn what_was_removed_is_free_again() {
    let text = "x".repeat(60_000);
    let payload = format!(r#"{{"write": {{"a": "{text}"}}, "do": "remove", "path": "/output/a"}}"#);
    let (_folder, report) = run_with_output(&payload, small());
    assert_eq!(done(&report), "null");
    assert_eq!(report.usage.scratch_bytes, 60_000);
}

#[test]
fn names_longer_than_the_file_system_allows_are_the_guest_s_error() {
    let (_folder, report) = run_with_output(r#"{"do": "long_name", "bytes": 300}"#, small());
    assert_eq!(ended(&report).0, Class::Permanent);
}
