//! Components that are put into `handlers/drop/`.

use super::stage::{component, version};
use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Put a component there in one piece.
fn put(project: &Project, name: &str, wasm: &[u8]) -> PathBuf {
    let (draft, path) = (project.beside().join("draft"), project.root().join("handlers/drop").join(name));
    fs::write(&draft, wasm).unwrap();
    fs::rename(draft, &path).unwrap();
    path
}

fn done(project: &Project, name: &str) {
    let path = project.root().join("handlers/drop/done").join(name);
    until("it is taken", || path.exists().then_some(()));
}

/// Why a component was refused, once it was.
fn refused(project: &Project, name: &str, because: &str) -> String {
    let note = project.root().join("handlers/drop").join(format!("{name}.refused.txt"));
    until("it is refused", || fs::read_to_string(&note).ok().filter(|text| text.contains(because)))
}

fn steady(project: &Project) -> (Value, Value) {
    let detail = project.json(&["handler", "inspect", "steady"]);
    (detail["version"].clone(), detail["kinds"].clone())
}

#[test]
fn a_good_component_is_added_and_the_next_takes_over() {
    let project = Project::new();
    let host = project.serve();
    put(&project, "steady.wasm", &version("steady", "1"));
    done(&project, "steady.wasm");
    assert_eq!(steady(&project), (json!("1"), json!(["steady"])));
    put(&project, "steady.wasm", &version("steady", "2"));
    until("it takes over", || (steady(&project).0 == "2").then_some(()));
    until("it is moved", || (!project.root().join("handlers/drop/steady.wasm").exists()).then_some(()));
    project.capstan(&["handler", "rollback", "steady"]).ok().says(&["steady 1 does steady instead of sha256:"]);
    host.stop().ok();
}

#[test]
fn a_torn_component_is_refused_until_it_is_whole() {
    let project = Project::new();
    let host = project.serve();
    let whole = version("steady", "1");
    let path = project.root().join("handlers/drop/steady.wasm");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let why = refused(&project, "steady.wasm", "");
    assert!(why.starts_with("steady.wasm was not taken: cannot be a handler: not a valid component: "), "{why}");
    assert!(path.exists());
    fs::write(&path, &whole).unwrap();
    done(&project, "steady.wasm");
    assert_eq!(steady(&project).0, "1");
    assert!(!project.root().join("handlers/drop/steady.wasm.refused.txt").exists());
    host.stop().ok();
}

#[test]
fn what_asks_for_more_waits_for_somebody_to_agree() {
    let project = Project::new();
    let host = project.serve();
    put(&project, "steady.wasm", &version("steady", "1"));
    done(&project, "steady.wasm");
    let more = component("steady", "2", &["steady"], &json!({ "imports": true }));
    let path = put(&project, "more.wasm", &more);
    let why = refused(&project, "more.wasm", "");
    let command = format!("capstan handler swap {} --agree", path.display());
    for said in
        ["asks for more than was granted before: to read the folder of the job's import", &command, "[[grants]]"]
    {
        assert!(why.contains(said), "{said}: {why}");
    }
    assert_eq!(steady(&project).0, "1");
    // A new handler that asks for anything is no different.
    let new = component("other", "1", &["other"], &json!({ "artifacts": ["ingest"] }));
    put(&project, "other.wasm", &new);
    let why = refused(&project, "other.wasm", "");
    assert!(why.contains("other.wasm --agree") && why.contains("capstan handler add "), "{why}");
    // The host may be another one meanwhile.
    host.stop().ok();
    let host = project.serve();
    project.capstan(&["handler", "swap", path.to_str().unwrap(), "--agree"]).ok();
    done(&project, "more.wasm");
    assert_eq!(steady(&project).0, "2");
    assert!(project.root().join("handlers/drop/other.wasm").exists());
    host.stop().ok();
}

#[test]
fn what_is_put_there_while_no_host_works_is_taken_at_the_next_start() {
    let project = Project::new();
    put(&project, "steady.wasm", &version("steady", "1"));
    put(&project, "readme.txt", b"not a component, not looked at");
    let host = project.serve();
    done(&project, "steady.wasm");
    // In place already, as after a death between the swap and the move.
    put(&project, "again.wasm", &version("steady", "1"));
    done(&project, "again.wasm");
    assert_eq!(project.sql("SELECT count(*) FROM handler WHERE name = 'steady'"), [1]);
    assert!(project.root().join("handlers/drop/readme.txt").exists());
    host.stop().ok();
}
