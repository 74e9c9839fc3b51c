//! Generations on the disk: verified, listed, removed.

use super::stage::{Project, SUBJECT, name};
use capstan::artifact::generation::{self, Damage};
use capstan::artifact::publish::PublishedFile;

fn published(project: &Project) -> Vec<PublishedFile> {
    let scratch = project.scratch(1);
    for file in ["a", "b", "c"] {
        scratch.dir().write(file, file).unwrap();
    }
    project.publish(scratch, 1).unwrap().unwrap().files
}

#[test]
fn damage_is_named() {
    let project = Project::new();
    let files = published(&project);
    let folder = project.path().join(name(1).location());
    std::fs::write(folder.join("a"), "other").unwrap();
    std::fs::remove_file(folder.join("b")).unwrap();
    std::fs::write(folder.join("new"), "x").unwrap();
    let damage = generation::verify(project.path(), &name(1), &files).unwrap();
    assert!(matches!(&damage[0], Damage::Changed { path, .. } if path == "a"), "{damage:?}");
    assert_eq!(damage[1..], [Damage::Missing("b".into()), Damage::Extra("new".into())]);
    std::fs::remove_dir_all(&folder).unwrap();
    let damage = generation::verify(project.path(), &name(1), &files).unwrap();
    assert_eq!(damage, [Damage::Gone(name(1).location())]);
}

#[test]
fn a_link_in_a_generation_is_damage_and_is_not_followed() {
    let project = Project::new();
    let files = published(&project);
    let file = project.path().join(name(1).location()).join("a");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    let damage = generation::verify(project.path(), &name(1), &files).unwrap();
    assert!(matches!(&damage[..], [Damage::Odd(_)]), "{damage:?}");
}

#[test]
fn only_generations_are_listed() {
    let project = Project::new();
    published(&project);
    let artifacts = project.path().join("artifacts");
    std::fs::create_dir_all(artifacts.join(format!("00/{SUBJECT}/ingest/g01"))).unwrap();
    std::fs::create_dir_all(artifacts.join(format!("00/{SUBJECT}/In Gest/g2"))).unwrap();
    std::fs::create_dir_all(artifacts.join("00/notes/ingest/g2")).unwrap();
    std::fs::write(artifacts.join("00/file"), "x").unwrap();
    assert_eq!(generation::list(project.path()).unwrap(), [name(1)]);
}

#[test]
fn removing_leaves_no_empty_folders_and_may_be_repeated() {
    let project = Project::new();
    published(&project);
    generation::remove(project.path(), &name(1)).unwrap();
    generation::remove(project.path(), &name(1)).unwrap();
    assert_eq!(std::fs::read_dir(project.path().join("artifacts/00")).unwrap().count(), 0);
    let scratch = project.scratch(2);
    scratch.dir().write("a", "x").unwrap();
    assert!(project.publish(scratch, 2).unwrap().is_some());
}
