//! `capstan artifact`

use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn imported() -> Project {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 3);
    project.import(&pages);
    project.capstan(&["run"]).ok();
    project
}

#[test]
fn every_artifact_lies_where_it_says_with_the_bytes_that_it_says() {
    let project = imported();
    let page = project.json(&["artifact", "list"]);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 9);
    for artifact in items {
        let bytes = std::fs::read(project.root().join(artifact["path"].as_str().unwrap())).unwrap();
        assert_eq!(artifact["bytes"], bytes.len());
        assert_eq!(artifact["sha256"], format!("{:x}", Sha256::digest(&bytes)));
    }
    let verified = project.capstan(&["artifact", "verify"]).ok();
    verified.says(&["9 files (", ") compared, 0 differ"]);
}

#[test]
fn lists_go_on_where_the_page_before_ended() {
    let project = imported();
    let all = project.json(&["artifact", "list"])["items"].clone();
    let (mut seen, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
    loop {
        let mut args = vec!["artifact", "list", "--limit", "2"];
        args.extend(cursor.iter().flat_map(|cursor| ["--after", cursor.as_str()]));
        let page = project.json(&args);
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(Value::from(seen), all);
    project
        .capstan(&["artifact", "list", "--after", "nonsense"])
        .exits(2)
        .complains(&["error: cursor \"nonsense\" is none: take the `next` of a page"]);
    project.capstan(&["artifact", "list", "--limit", "10001"]).exits(2).complains(&["limit 10001 is out of range"]);
}

#[test]
fn a_subject_is_found_by_its_id_the_beginning_of_it_and_its_source() {
    let project = imported();
    let first = &project.json(&["artifact", "list", "--limit", "1"])["items"][0];
    let (subject, source) = (first["subject"].as_str().unwrap(), first["source"].as_str().unwrap());
    for name in [subject, &subject[..8], source] {
        let shown = project.json(&["artifact", "show", name]);
        assert_eq!((shown["subject"].as_str(), shown["artifacts"].as_array().map(Vec::len)), (Some(subject), Some(3)));
    }
    project.capstan(&["artifact", "show", source]).ok().says(&[
        source,
        "title   Harbour log ",
        "text/markdown by normalise",
    ]);
    project
        .capstan(&["artifact", "show", "file:///nowhere"])
        .exits(3)
        .complains(&["error: there is no subject \"file:///nowhere\""]);
}

#[test]
fn a_file_that_was_touched_is_named() {
    let project = imported();
    let page = project.json(&["artifact", "list", "--kind", "normalise"]);
    let paths: Vec<&str> = page["items"].as_array().unwrap().iter().map(|a| a["path"].as_str().unwrap()).collect();
    let [changed, removed, beside] = paths[..] else { panic!("{page}") };
    std::fs::write(project.root().join(changed), "# Forged\n").unwrap();
    std::fs::remove_file(project.root().join(removed)).unwrap();
    std::fs::write(project.root().join(beside).with_file_name("more.md"), "more").unwrap();
    let verified = project.capstan(&["artifact", "verify"]).exits(4);
    let verified = verified.says(&["9 files (", ") compared, 3 differ", changed, removed]);
    verified.says(&[
        "document.md has sha256 ",
        ", published was ",
        "document.md is missing",
        "more.md was not published",
    ]);
    project.capstan(&["artifact", "verify", "--kind", "ingest"]).ok();
    let broken = project.capstan(&["artifact", "verify", "--json"]).exits(4).json()["broken"].clone();
    assert_eq!(broken.as_array().map(Vec::len), Some(3));
    assert_eq!(project.capstan(&["doctor", "--json"]).ok().json()["findings"], json!([]));
    let generation = project.root().join(removed).parent().unwrap().to_owned();
    std::fs::remove_dir_all(&generation).unwrap();
    project.capstan(&["doctor"]).exits(4).says(&["WRONG known generations lie on the disk", "is missing"]);
}
