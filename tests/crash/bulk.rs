//! SIGKILL at both sides of each commit of an operation on many jobs, and in the middle of a large one.

use crate::support::command::{about, run_with};
use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::json;

/// A project with so many cancelled jobs in a queue that is paused, so that nothing else moves them.
fn prepared(many: usize, chunk: usize) -> Project {
    let project = Project::with_odd();
    project.set("bulk", &format!("chunk = {chunk}"));
    let line = |n: usize| {
        let queue = if n.is_multiple_of(2) { "odd" } else { "even" };
        json!({"kind": "odd", "payload": {"do": "answer", "value": n}, "queue": queue}).to_string() + "\n"
    };
    let lines: String = (0..many).map(line).collect();
    run_with(about(project.root(), &["job", "add", "--from", "-"]), &lines).ok();
    for queue in ["odd", "even"] {
        project.capstan(&["queue", "pause", queue]).ok();
    }
    let cancelled = project.json(&["job", "cancel", "--all"]);
    assert_eq!(json!([cancelled["state"], cancelled["done"]]), json!(["completed", many]));
    project
}

fn rounds(project: &Project) -> Vec<i64> {
    project.sql("SELECT round FROM job ORDER BY id")
}

/// State, done and remaining of the newest operation.
fn newest(project: &Project) -> serde_json::Value {
    let row = &project.json(&["bulk", "list", "--limit", "1"])["items"][0];
    json!([row["id"], row["state"], row["done"], row["remaining"]])
}

#[test]
fn a_commit_of_an_operation_holds_whole_or_not_at_all() {
    let template = prepared(7, 3);
    let retry: &[&str] = &["job", "retry", "--all"];
    let steps = ["freeze.before_commit", "freeze.after_commit", "bulk.before_commit:2", "bulk.after_commit:2"];
    for (at, wanted) in steps.into_iter().zip([
        json!([1, "completed", 7, 0]),
        json!([2, "running", 0, 7]),
        json!([2, "running", 3, 4]),
        json!([2, "running", 6, 1]),
    ]) {
        let project = template.copy();
        project.capstan_with(capstan::crash::VARIABLE, at, retry).killed();
        assert_eq!(newest(&project), wanted, "{at}");
        project.copy().is_sound();
        let done = wanted[2].as_u64().unwrap() as usize;
        if at == "freeze.before_commit" {
            assert_eq!(rounds(&project), [1; 7]);
            project.capstan(retry).ok();
        } else {
            assert_eq!(rounds(&project), [vec![2; done], vec![1; 7 - done]].concat(), "{at}");
            project.capstan(&["bulk", "resume", "2"]).ok();
        }
        assert_eq!(newest(&project), json!([2, "completed", 7, 0]), "{at}");
        assert_eq!(rounds(&project), [2; 7], "{at}");
        project.is_sound();
    }
    for (at, wanted) in
        [("halt.before_commit", json!([2, "running", 3, 4])), ("halt.after_commit", json!([2, "cancelled", 3, 4]))]
    {
        let project = template.copy();
        project.capstan_with(capstan::crash::VARIABLE, "bulk.after_commit", retry).killed();
        project.capstan_with(capstan::crash::VARIABLE, at, &["bulk", "cancel", "2"]).killed();
        assert_eq!(newest(&project), wanted, "{at}");
        project.copy().is_sound();
        project.capstan(&["bulk", "cancel", "2"]).ok();
        assert_eq!(rounds(&project), [2, 2, 2, 1, 1, 1, 1]);
        project.is_sound();
    }
}

#[test]
fn every_point_of_an_operation_is_visited() {
    let names: Vec<String> = ["freeze", "bulk", "halt"]
        .iter()
        .flat_map(|name| ["before", "after"].map(|side| format!("{name}.{side}_commit")))
        .collect();
    assert_eq!(capstan::crash::BULK_POINTS.to_vec(), names);
}

#[test]
fn a_host_killed_in_the_middle_of_thousands_does_each_exactly_once() {
    const MANY: usize = 3_000;
    let project = prepared(MANY, 10);
    project.capstan(&["job", "retry", "--all", "--detach"]).ok();
    let done = |project: &Project| newest(project)[2].as_u64().unwrap();
    let mut kills = 0;
    for part in [1, 900, 1_800] {
        let host = project.serve();
        until("it has come so far", || (done(&project) >= part).then_some(()));
        host.kill().killed();
        let seen = newest(&project);
        kills += i32::from(seen[1] == "running" && seen[2].as_u64().unwrap() > 0);
        println!("killed at {seen}");
        project.copy().is_sound();
        let grown = rounds(&project).iter().filter(|round| **round == 2).count();
        assert_eq!(json!(grown), seen[2]);
    }
    assert!(kills > 0, "it was never in the middle");
    let host = project.serve();
    until("it is done", || (newest(&project)[1] == "completed").then_some(()));
    host.stop().ok();
    assert_eq!(newest(&project), json!([2, "completed", MANY, 0]));
    assert_eq!(rounds(&project), vec![2; MANY]);
    project.is_sound();
}
