//! What is published, and what is not published twice.

use super::stage::{Project, SUBJECT, name};
use capstan::artifact::collect::Allowance;
use capstan::artifact::publish::PublishError;

#[test]
fn a_generation_is_the_scratch_renamed() {
    let project = Project::new();
    let scratch = project.scratch(3);
    scratch.dir().write("document.md", "# hello").unwrap();
    scratch.dir().create_dir_all("img/deep").unwrap();
    scratch.dir().write("img/deep/a.bin", [0_u8, 1]).unwrap();
    let published = project.publish(scratch, 3).unwrap().unwrap();
    assert_eq!(published.location, format!("artifacts/00/{SUBJECT}/ingest/g3"));
    let files: Vec<_> = published.files.iter().map(|f| (f.path.as_str(), f.bytes, f.media_type.as_str())).collect();
    assert_eq!(files, [("document.md", 7, "text/markdown"), ("img/deep/a.bin", 2, "application/octet-stream")]);
    // sha256sum of the seven bytes.
    assert_eq!(published.files[0].sha256.len(), 64);
    assert_eq!(std::fs::read(project.path().join(&published.location).join("document.md")).unwrap(), b"# hello");
    assert_eq!(project.scratches(), 0);
    assert_eq!(capstan::artifact::generation::verify(project.path(), &name(3), &published.files).unwrap(), []);
}

#[test]
fn an_empty_output_publishes_nothing() {
    let project = Project::new();
    let scratch = project.scratch(1);
    scratch.dir().create_dir("only-a-folder").unwrap();
    assert_eq!(project.publish(scratch, 1).unwrap(), None);
    assert!(project.generations().is_empty());
    assert_eq!(project.scratches(), 0);
}

#[test]
fn a_name_that_exists_is_never_written_over() {
    let project = Project::new();
    let first = project.scratch(1);
    first.dir().write("a", "first").unwrap();
    project.publish(first, 1).unwrap();
    let second = project.scratch(1);
    second.dir().write("a", "second").unwrap();
    assert!(matches!(project.publish(second, 1), Err(PublishError::Exists(_))));
    let kept = project.path().join(name(1).location()).join("a");
    assert_eq!(std::fs::read(kept).unwrap(), b"first");
    assert_eq!(project.scratches(), 0);
}

#[test]
fn generations_of_one_kind_lie_side_by_side() {
    let project = Project::new();
    for lease in [1, 2] {
        let scratch = project.scratch(lease);
        scratch.dir().write("a", lease.to_string()).unwrap();
        project.publish(scratch, lease).unwrap();
    }
    assert_eq!(project.generations().len(), 2);
}

#[test]
fn the_limits_are_looked_at_again() {
    let project = Project::new();
    let fits = Allowance { bytes: 10, files: 2 };
    let scratch = project.scratch(1);
    scratch.dir().create_dir("d").unwrap();
    scratch.dir().write("d/a", [0; 10]).unwrap();
    assert!(project.publish_within(scratch, 1, fits).unwrap().is_some());
    let scratch = project.scratch(2);
    scratch.dir().write("a", [0; 11]).unwrap();
    let error = project.publish_within(scratch, 2, fits).unwrap_err();
    assert_eq!(error.to_string(), "/output holds 11 bytes, more than limits.scratch_bytes = 10 allows");
    let scratch = project.scratch(3);
    for name in ["a", "b", "c"] {
        scratch.dir().write(name, "").unwrap();
    }
    let error = project.publish_within(scratch, 3, fits).unwrap_err();
    assert_eq!(error.to_string(), "/output holds 3 files and folders, more than limits.scratch_files = 2 allows");
    assert_eq!((project.generations().len(), project.scratches()), (1, 0));
}
