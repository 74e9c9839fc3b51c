//! `capstan failure`

use crate::support::command::Ran;
use crate::support::pages::{folder, page};
use crate::support::project::Project;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A project whose handler `odd` is tried once and does one job after the other, with jobs that say this and fail.
fn failing(messages: &[&str]) -> Project {
    let project = Project::with_odd();
    project.set("kind.odd.retry", "max_attempts = 1");
    project.set("queue.odd", "concurrency = 1");
    add_failing(&project, messages);
    project
}

fn add_failing(project: &Project, messages: &[&str]) {
    for message in messages {
        project.add("odd", &json!({"do": "permanent", "message": message}).to_string());
    }
    if !messages.is_empty() {
        project.capstan(&["run"]).exits(1).says(&["why: capstan failure list"]);
    }
}

/// The numbers of failures that a command prints.
fn ids(project: &Project, args: &[&str]) -> Vec<i64> {
    let page = project.json(&[&["failure", "list"], args].concat());
    page["items"].as_array().unwrap().iter().map(|failure| failure["id"].as_i64().unwrap()).collect()
}

/// A project with an imported folder of three pages, of which one vanished before it was worked on.
fn with_vanished_page() -> (Project, PathBuf) {
    let project = Project::new();
    let pages = folder(&project.beside().join("pages"), 3);
    project.import(&pages);
    let lost = pages.join("part-2/day-002.html");
    std::fs::remove_file(&lost).unwrap();
    project.capstan(&["run"]).exits(1);
    (project, lost)
}

fn account(project: &Project, import: &str) -> Value {
    let import = project.json(&["import", "show", import]);
    json!([import["state"], import["done"], import["failed"], import["remaining"]])
}

#[test]
fn failures_are_listed_grouped_and_shown_with_their_evidence() {
    let project = failing(&["no page 1", "no sea", "no page 22"]);
    project.add("odd", r#"{"do": "panic", "message": "the boom broke"}"#);
    project.add("odd", r#"{"do": "log", "message": "ahoy"}"#);
    project.capstan(&["run"]).exits(1);
    assert_eq!(ids(&project, &[]), [4, 3, 2, 1]);
    let list = project.capstan(&["failure", "list"]).ok();
    list.says(&["ID", "GROUP", "MESSAGE", "permanent", "no page 22", "trap"]);
    assert_eq!(ids(&project, &["--class", "trap"]), [4]);
    assert_eq!(ids(&project, &["--message", "NO PAGE", "--kind", "odd", "--since", "1h"]), [3, 1]);
    assert_eq!(ids(&project, &["--kind", "ingest"]), [0_i64; 0]);
    assert_eq!(ids(&project, &["--limit", "1", "--before", "4"]), [3]);
    let page = project.json(&["failure", "list", "--limit", "3"]);
    assert_eq!(json!([page["next"], page["more"], page["keep"]]), json!(["2", 1, 50]));
    project.capstan(&["failure", "list", "--limit", "3"]).ok().says(&["1 more: --before 2"]);

    let groups = project.json(&["failure", "groups"]);
    let first = &groups["items"][0];
    assert_eq!(json!([first["failures"], first["pattern"], first["last"]]), json!([2, "no page <n>", 3]));
    let group = first["fingerprint"].as_str().unwrap();
    assert_eq!(ids(&project, &["--group", &group[..4].to_uppercase()]), [3, 1]);
    project.capstan(&["failure", "groups"]).ok().says(&["FAILURES", "no page <n>", group]);
    let page = project.json(&["failure", "groups", "--limit", "1"]);
    let next = project.json(&["failure", "groups", "--after", page["next"].as_str().unwrap()]);
    assert_eq!(next["items"].as_array().unwrap().len(), 2);

    let shown = project.capstan(&["failure", "show", "4"]).ok();
    shown.says(&[
        "failure 4 trap: panicked at ",
        "the boom broke\nfault     the handler's author: ",
        "is        unresolved\ngroup     ",
        "job       4 odd, round 1; it is failed in round 1 now",
        "attempt 1 of round 1: trap (",
        "\n  backtrace:\n",
        "\n  log:\n",
    ]);
    let detail = project.json(&["failure", "show", "4"]);
    let frame = detail["top_frame"].as_str().unwrap();
    assert!(frame.contains("odd") && !frame.starts_with("std::") && !frame.starts_with("core::"), "{frame}");
    assert_eq!(json!([detail["alike"], detail["note"], detail["earlier"]]), json!([1, null, []]));
    project.capstan(&["job", "show", "4"]).ok().says(&["failure   4, unresolved: `capstan failure show 4`"]);
    project.capstan(&["job", "explain", "4"]).ok().says(&["It is failure 4: `capstan failure show 4`"]);
    project.capstan(&["stats"]).ok().says(&["failures   4 unresolved\n"]);
    project.is_sound();
}

#[test]
fn what_is_resubmitted_and_heals_is_resolved_and_so_is_its_item() {
    let (project, lost) = with_vanished_page();
    assert_eq!(account(&project, "1"), json!(["completed", 2, 1, 0]));
    let failures = project.json(&["failure", "list", "--import", "1"]);
    let failure = &failures["items"][0];
    assert_eq!(
        json!([failure["kind"], failure["class"], failure["source"]]),
        json!(["ingest", "permanent", format!("file://{}", lost.display())])
    );
    std::fs::write(&lost, page(2)).unwrap();
    let said = project.capstan(&["failure", "resubmit", "1"]).ok();
    assert_eq!(said.out, format!("failure 1: job {} ingest queued again\n", failure["job_id"]));
    assert_eq!(account(&project, "1"), json!(["processing", 2, 0, 1]));
    project.capstan(&["run"]).ok();
    assert_eq!(account(&project, "1"), json!(["completed", 3, 0, 0]));
    assert_eq!(ids(&project, &[]), [0_i64; 0]);
    let resolved = project.json(&["failure", "show", "1"]);
    assert_eq!(json!([resolved["resolution"], resolved["job"]["state"]]), json!(["resubmitted", "completed"]));
    assert!(resolved["resolved_by"].as_str().unwrap().starts_with("cli (uid "), "{resolved}");
    project.capstan(&["failure", "list"]).ok().says(&["nothing failed that is not resolved"]);
    project.capstan(&["stats"]).ok().says(&["failures   none unresolved\n"]);
    project.is_sound();
}

#[test]
fn what_fails_again_is_one_new_failure_with_its_history() {
    let project = failing(&["no sea", "no wind"]);
    // Both of one command, one of them named twice.
    project
        .capstan(&["failure", "resubmit", "2", "1", "2"])
        .ok()
        .says(&["failure 2: job 2 odd", "failure 1: job 1 odd"]);
    project.capstan(&["run"]).exits(1);
    // `job retry` is a new round as well.
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).exits(1);
    assert_eq!(ids(&project, &[]), [5, newest(&project, 2)]);
    let last = project.json(&["failure", "show", "5"]);
    let earlier: Vec<Value> = last["earlier"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(json!([last["round"], last["job_id"], earlier.len()]), json!([3, 1, 2]));
    assert_eq!((&last["previous"], &earlier[1]), (&earlier[0], &json!(1)));
    assert_eq!(last["attempts"].as_array().unwrap().len(), 1, "only those of its round");
    project.capstan(&["failure", "show", "5"]).ok().says(&[
        "\n\nbefore:\n",
        "in round 1 (",
        "resubmitted by cli (uid ",
    ]);
    assert_eq!(ids(&project, &["--resolution", "resubmitted"]).len(), 3);
    project.is_sound();
}

/// The newest failure of a job.
fn newest(project: &Project, job: i64) -> i64 {
    let all = project.json(&["failure", "list", "--resolution", "all"]);
    let mut of_job = all["items"].as_array().unwrap().iter().filter(|failure| failure["job_id"] == job);
    of_job.next().unwrap()["id"].as_i64().unwrap()
}

#[test]
fn what_is_deleted_leaves_job_and_item_failed() {
    let (project, _) = with_vanished_page();
    project.capstan(&["failure", "delete", "1"]).ok().says(&["failure 1 deleted: job ", " stays failed"]);
    assert_eq!(ids(&project, &[]), [0_i64; 0]);
    assert_eq!(ids(&project, &["--resolution", "deleted"]), [1]);
    assert_eq!(account(&project, "1"), json!(["completed", 2, 1, 0]));
    let job = project.json(&["failure", "show", "1"])["job_id"].to_string();
    project.capstan(&["job", "explain", &job]).ok().says(&["It is failure 1, which was deleted by cli (uid "]);
    project.is_sound();
}

#[test]
fn a_later_job_of_the_same_document_that_completes_supersedes() {
    let (project, lost) = with_vanished_page();
    std::fs::write(&lost, page(2)).unwrap();
    project.import(&project.beside().join("pages"));
    project.capstan(&["run"]).ok();
    let failure = project.json(&["failure", "show", "1"]);
    assert_eq!(json!([failure["resolution"], failure["job"]["state"]]), json!(["superseded", "failed"]));
    assert!(failure["resolved_by"].as_str().unwrap().starts_with("job "), "{failure}");
    assert_eq!(account(&project, "1"), json!(["completed", 2, 1, 0]));
    project.is_sound();
}

#[test]
fn beyond_the_cap_it_is_said_what_is_not_kept() {
    let project = failing(&[]);
    project.set("failure", "keep = 2");
    for message in ["a", "b"] {
        project.add("odd", &json!({"do": "permanent", "message": message}).to_string());
    }
    let run = project.capstan(&["run"]).exits(1);
    assert!(!run.err.contains("failure.keep"), "at the edge: {run:#?}");
    for message in ["c", "d"] {
        project.add("odd", &json!({"do": "permanent", "message": message}).to_string());
    }
    let run = project.capstan(&["run"]).exits(1);
    let told = "more than 2 failures are unresolved: of the older ones class, group and message stay";
    assert_eq!(run.err.matches(told).count(), 1, "{run:#?}");
    // As many as keep their detail, unless told otherwise.
    assert_eq!(ids(&project, &[]), [4, 3]);
    let list = project.capstan(&["failure", "list"]).ok();
    list.says(&[
        "2 more: --before 3",
        "4 failures are unresolved; the newest 2 have log and backtrace",
        "failure.keep = 2",
    ]);
    let old = project.capstan(&["failure", "show", "1"]).ok();
    old.says(&[
        "failure 1 permanent: a\n",
        "note      log, backtrace and details were let go",
        "the newest 2 keep them",
    ]);
    let detail = project.json(&["failure", "show", "1"]);
    assert_eq!(json!([detail["detailed"], detail["attempts"][0]["details"]]), json!([false, null]));
    assert_eq!(project.json(&["failure", "show", "4"])["attempts"][0]["details"], r#"{"odd":true}"#);
    project.capstan(&["stats"]).ok().says(&["failures   4 unresolved, of which the newest 2 have log and backtrace"]);
    // Every verb acts on all of them.
    project.capstan(&["failure", "delete", "1", "2"]).ok();
    assert_eq!(ids(&project, &[]), [4, 3]);
    project.is_sound();
}

#[test]
fn an_export_has_all_in_the_form_that_is_wanted() {
    let project = failing(&["no, sea", "=cmd()", "said \"no\""]);
    let csv = project.capstan(&["failure", "export"]).ok().out;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("id,job_id,round,kind,class,message,source,title,"), "{csv}");
    assert!(lines[1].starts_with("3,3,1,odd,permanent,\"said \"\"no\"\"\",,,"), "{csv}");
    assert!(lines[2].starts_with("2,2,1,odd,permanent,'=cmd(),"), "{csv}");
    assert!(lines[3].starts_with("1,1,1,odd,permanent,\"no, sea\","), "{csv}");
    assert_eq!(lines.len(), 4);
    let array = project.capstan(&["failure", "export", "--json"]).ok().json();
    assert_eq!(array, project.json(&["failure", "list"])["items"]);
    let file = project.beside().join("failed.ndjson");
    let path = file.to_str().unwrap();
    let to_file = ["failure", "export", "--format", "lines", "--message", "sea", "--output", path];
    let wrote = project.capstan(&to_file).ok();
    assert!(wrote.out.is_empty() && wrote.err.contains("1 failures in "), "{wrote:#?}");
    let line: Value = serde_json::from_str(std::fs::read_to_string(&file).unwrap().trim_end()).unwrap();
    assert_eq!(line, array[2]);
    project.capstan(&to_file).exits(2).complains(&[
        "error: cannot write ",
        "File exists",
        "name a file that is not there",
    ]);
    assert_eq!(project.capstan(&["failure", "export", "--class", "trap", "--json"]).ok().json(), json!([]));
    assert_eq!(project.capstan(&["failure", "export", "--class", "trap"]).ok().out.lines().count(), 1);
    // What is refused leaves no file.
    let none = project.beside().join("none.csv");
    project.capstan(&["failure", "export", "--import", "9", "--output", none.to_str().unwrap()]).exits(3);
    assert!(!none.exists());
}

#[test]
fn a_host_in_another_process_is_asked() {
    let project = failing(&["no sea"]);
    let host = project.serve();
    project.capstan(&["failure", "list"]).ok().says(&["no sea"]);
    project.capstan(&["failure", "export"]).ok().says(&["no sea"]);
    project.capstan(&["failure", "resubmit", "1"]).ok();
    project.capstan(&["job", "wait", "1"]).exits(1);
    assert_eq!(ids(&project, &[]), [2]);
    project.capstan(&["failure", "delete", "2"]).ok();
    host.stop().ok();
    project.is_sound();
}

#[test]
fn what_cannot_be_is_refused_with_a_hint_and_changes_nothing() {
    let project = failing(&["no sea", "no wind"]);
    project.capstan(&["failure", "delete", "2"]).ok();
    let before = project.dump();
    let say = |args: &[&str]| -> Ran { project.capstan(&[&["failure"], args].concat()) };
    for verb in ["show", "resubmit", "delete"] {
        say(&[verb, "9"]).exits(3).complains(&["error: there is no failure 9", "hint: `capstan failure list`"]);
        say(&[verb]).exits(2);
        say(&[verb, "one"]).exits(2).complains(&["invalid value 'one'"]);
    }
    // One that cannot be stops all.
    say(&["resubmit", "1", "9"]).exits(3);
    say(&["delete", "1", "9"]).exits(3);
    for verb in ["resubmit", "delete"] {
        say(&[verb, "1", "2"]).exits(1).complains(&[
            "error: failure 2 was deleted by cli (uid ",
            "before: nothing was changed",
            "hint: `capstan job retry 2`",
        ]);
    }
    for verb in ["list", "groups", "export"] {
        let ask = |args: &[&str]| say(&[&[verb], args].concat());
        ask(&["--group", "xyz1"])
            .exits(2)
            .complains(&["\"xyz1\" names no group: write 4 to 12", "capstan failure groups"]);
        ask(&["--group", "abc"]).exits(2).complains(&["\"abc\" names no group"]);
        ask(&["--group", "000000000000"]).exits(3).complains(&["there is no unresolved failure of group"]);
        ask(&["--class", "sad"]).exits(2).complains(&["a class is one of transient, permanent"]);
        ask(&["--resolution", "open"]).exits(2).complains(&["a failure is one of unresolved, resubmitted"]);
        ask(&["--import", "7"]).exits(3).complains(&["there is no import 7", "`capstan import list`"]);
        ask(&["--since", "yesterday"]).exits(2).complains(&["is no point in time", "or a span until now"]);
        ask(&["--message", ""]).exits(2).complains(&["has 0 bytes: 1 to 1024"]);
        ask(&["--message", &"x".repeat(1_025)]).exits(2).complains(&["has 1025 bytes"]);
    }
    say(&["list", "--limit", "0"]).exits(2);
    say(&["list", "--limit", "10001"]).exits(2).complains(&["limit 10001 is out of range: 1 to 10000"]);
    say(&["groups", "--after", "here"]).exits(2).complains(&["\"here\" is no place between groups", "hint: "]);
    say(&["export", "--format", "xml"]).exits(2).complains(&["invalid value 'xml'"]);
    say(&["export", "--output", "/nowhere/a.csv"]).exits(2).complains(&["cannot write /nowhere/a.csv"]);
    // A group that two begin with the same digits is ambiguous.
    project.execute("UPDATE failure SET fingerprint = 'abcd0000000' || id, resolution = NULL, resolved_at = NULL, resolved_by = NULL");
    say(&["list", "--group", "ABCD"])
        .exits(2)
        .complains(&["group \"abcd\" is ambiguous: abcd00000001 and abcd00000002"]);
    assert_eq!(ids(&project, &["--group", "abcd00000002"]), [2]);
    project.execute("UPDATE failure SET resolution = 'deleted', resolved_at = 1 WHERE id = 2");
    let after = project.dump();
    for (table, rows) in before.iter().filter(|(table, _)| *table != "failure" && *table != "boot") {
        assert_eq!(after[table], *rows, "{table}");
    }
}
