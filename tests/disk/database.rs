//! A database that this binary cannot use.

use crate::support::project::Project;
use capstan::store::sqlite::newest;
use std::fs;

#[test]
fn one_that_is_newer_is_refused_and_left_as_it_is() {
    let project = Project::new();
    project.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT version + 1, 'later', 1, checksum, 1 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1",
    );
    let file = project.root().join("state/capstan.db");
    let before = fs::read(&file).unwrap();
    for args in [&["run"][..], &["serve"], &["job", "list"], &["doctor"]] {
        let refused = project.capstan(args).exits(1);
        assert_eq!(
            refused.err,
            format!(
                "error: database {} has schema version {}, this capstan knows up to {}: \
                 use the newer capstan, or restore the backup in state/backups\n",
                file.display(),
                newest() + 1,
                newest()
            )
        );
    }
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!project.root().join("state/backups").exists());
}

#[test]
fn one_of_another_program_is_refused_and_left_as_it_is() {
    let project = Project::new();
    project.execute("PRAGMA application_id = 1");
    let file = project.root().join("state/capstan.db");
    let before = fs::read(&file).unwrap();
    project
        .capstan(&["stats"])
        .exits(1)
        .complains(&["capstan.db is not capstan's: move it away, or name another project folder"]);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn one_that_is_none_is_refused_and_left_as_it_is() {
    let project = Project::new();
    let file = project.root().join("state/capstan.db");
    fs::write(&file, "this is a text, and not a database at all".repeat(100)).unwrap();
    let before = fs::read(&file).unwrap();
    project.capstan(&["stats"]).exits(1).complains(&["error: database: ", "file is not a database"]);
    assert_eq!(fs::read(&file).unwrap(), before);
}
