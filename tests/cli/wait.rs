//! `capstan job wait`

use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use serde_json::json;

#[test]
fn the_result_is_all_that_is_printed_and_one_line_for_each_job() {
    let project = Project::with_odd();
    let host = project.serve();
    project.add("odd", r#"{"do": "answer", "value": {"b": [1, 2], "a": "x\ny"}}"#);
    project.add("odd", r#"{"do": "answer", "value": "two"}"#);
    let one = project.capstan(&["job", "wait", "1", "--result"]).ok();
    assert_eq!((one.out.as_str(), one.err.as_str()), ("{\"a\":\"x\\ny\",\"b\":[1,2]}\n", ""));
    let both = project.capstan(&["job", "wait", "2", "1", "--result"]).ok();
    assert_eq!(both.out.lines().collect::<Vec<_>>(), ["\"two\"", "{\"a\":\"x\\ny\",\"b\":[1,2]}"]);
    // Without a host too, for they have ended.
    host.stop().ok();
    assert_eq!(project.capstan(&["job", "wait", "2", "--result", "--json"]).ok().out, "\"two\"\n");
}

#[test]
fn several_are_waited_for_and_one_that_fails_is_told() {
    let project = Project::with_odd();
    let host = project.serve();
    project.add("odd", r#"{"do": "sleep", "ms": 300}"#);
    project.add("odd", r#"{"do": "permanent", "message": "no sea"}"#);
    let waited = project.capstan(&["job", "wait", "1", "2"]).exits(1);
    waited.says(&["job 1 odd completed\njob 2 odd failed\npermanent: no sea"]);
    let listed = project.capstan(&["job", "wait", "1", "2", "--json"]).exits(1).json();
    assert_eq!(json!([listed["items"][0]["id"], listed["items"][1]["state"]]), json!([1, "failed"]));
    assert_eq!(project.capstan(&["job", "wait", "2", "--json"]).exits(1).json()["id"], 2);
    let results = project.capstan(&["job", "wait", "2", "1", "--result"]).exits(1);
    assert_eq!(results.out.lines().count(), 1);
    results.complains(&["error: job 2 is failed: permanent: no sea\nhint: `capstan job explain 2` says what to do"]);
    host.stop().ok();
}

#[test]
fn a_wait_ends_at_its_time_and_changes_nothing() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "spin"}"#).to_string();
    until("it runs", || (project.job(1)["state"] == "running").then_some(()));
    let waited = project.capstan(&["job", "wait", &id, "--timeout", "200ms", "--result"]).exits(1);
    assert_eq!(waited.out, "");
    waited.complains(&[
        "error: job 1 is still running after 200ms\nhint: wait longer, or ask why: `capstan job explain 1`",
    ]);
    project.capstan(&["job", "wait", &id, "--timeout", "5"]).exits(2).complains(&["\"5\" is no span of time"]);
    project.capstan(&["job", "wait"]).exits(2).complains(&["<ID>..."]);
    // Who is not there is told before the others are waited for.
    project.capstan(&["job", "wait", &id, "42"]).exits(3).complains(&["error: there is no job 42"]);
    let waits = Serving::spawn(project.root(), &["job", "wait", &id, "--timeout", "1h"]);
    project.capstan(&["job", "cancel", &id]).ok();
    waits.ended().exits(1).says(&["job 1 odd cancelled"]);
    host.stop().ok();
}
