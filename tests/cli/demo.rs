//! The first thing that somebody runs.

use crate::support::command::{capstan, run};
use crate::support::pages::folder;
use std::path::Path;
use std::process::Command;

fn demo(temporary: &Path, args: &[&str]) -> Command {
    let mut command = capstan();
    command.arg("demo").args(args).env("TMPDIR", temporary).current_dir(temporary);
    command
}

/// The projects that demos left below a folder.
fn libraries(temporary: &Path) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path().join("library"));
    found.filter(|library| library.join("capstan.toml").is_file()).collect()
}

#[test]
fn without_rustups_documentation_it_takes_the_pages_that_it_brings_along() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = demo(temporary.path(), &[]);
    command.env("PATH", "/nonexistent");
    let ran = run(command).ok();
    assert!(ran.err.contains("taking the pages that capstan brings along"), "{}", ran.err);
    assert!(ran.out.contains("0 failed, 0 cancelled"), "{}", ran.out);
    assert!(ran.out.contains("TITLE") && ran.out.contains("normalise/g"), "{}", ran.out);
    let [library] = &libraries(temporary.path())[..] else { panic!("one project is left to look at") };
    let mut doctor = capstan();
    doctor.args(["doctor"]).current_dir(library);
    run(doctor).ok();
}

#[test]
fn a_folder_may_be_named_and_its_data_is_json() {
    let temporary = tempfile::tempdir().unwrap();
    folder(&temporary.path().join("pages"), 3);
    let ran = run(demo(temporary.path(), &["pages", "--json"])).ok();
    assert_eq!(ran.json()["items"].as_array().map(Vec::len), Some(3), "{}", ran.out);
}

#[test]
fn cargo_knows_which_program_the_readme_means() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains("cargo run --release -- demo\n"), "the first command names no program");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root);
    let said: serde_json::Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let default = said["workspace_default_members"].as_array().unwrap();
    let packages = said["packages"].as_array().unwrap().iter().filter(|package| default.contains(&package["id"]));
    let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
    let programs: Vec<&str> =
        targets.filter(|target| target["kind"][0] == "bin").map(|target| target["name"].as_str().unwrap()).collect();
    assert_eq!(programs, ["capstan"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    run(demo(temporary.path(), &["nothing"])).exits(2).complains(&["nothing", "No such file"]);
    assert!(libraries(temporary.path()).is_empty(), "nothing is left behind");
}
