//! Jobs that handlers queue.

use crate::support::project::Project;
use serde_json::{Value, json};

/// What each enqueue step of a job answered.
fn refusals(project: &Project, id: i64) -> Vec<Value> {
    let job = project.job(id);
    job["result"]
        .as_array()
        .unwrap_or_else(|| panic!("{job}"))
        .iter()
        .flat_map(|r| r.as_array().unwrap().clone())
        .collect()
}

#[test]
fn what_a_job_queues_is_done_about_the_same_subject_and_belongs_to_it() {
    let project = Project::with_clerk();
    let parent = r#"{"steps": [
        {"do": "enqueue", "kind": "clerk", "payload": {"steps": [{"do": "load"}]}},
        {"do": "enqueue", "kind": "noop", "payload": {}, "about": "https://example.org/a b"}]}"#;
    project.add("clerk", parent);
    let run = project.json(&["run"]);
    assert_eq!(run["ended"], json!({"completed": 3, "failed": 0, "cancelled": 0}));
    let (parent, child, other) = (project.job(1), project.job(2), project.job(3));
    assert_eq!(parent["result"], json!([[], []]), "{parent}");
    assert_eq!(parent["attempts"][0]["usage"]["enqueued"], 2);
    assert_eq!(json!([child["kind"], child["parent_id"], child["subject"]]), json!(["clerk", 1, parent["subject"]]));
    assert_eq!(
        json!([other["kind"], other["parent_id"], other["source"]]),
        json!(["noop", 1, "https://example.org/a%20b"])
    );
    assert_eq!(json!([other["title"], other["tags"]]), json!(["a title", ["t"]]));
    assert_ne!(other["subject"], parent["subject"]);
    project.is_sound();
}

#[test]
fn each_wish_is_checked_at_the_call() {
    let project = Project::with_clerk();
    let wish = |kind: &str, payload: &str, about: &str| {
        let about = if about.is_empty() { String::new() } else { format!(r#", "about": "{about}""#) };
        format!(r#"{{"steps": [{{"do": "enqueue", "kind": "{kind}", "payload": {payload}{about}}}]}}"#)
    };
    let long = format!(r#""https://example.org/{}""#, "x".repeat(5_000));
    let cases = [
        (
            wish("clerk", r#"{"stepz": 1}"#, ""),
            "bad-payload",
            "the payload for kind \"clerk\" does not match its schema: ",
        ),
        (
            wish("missing", "{}", ""),
            "unknown-kind",
            "no handler does kind \"missing\": add one with `capstan handler add FILE`",
        ),
        (
            wish("ingest", "{}", ""),
            "denied",
            "handler clerk-of-the-first-watch queues `ingest`, which it did not ask for; ",
        ),
        (
            wish("clerk", "{}", "https://example.org/"),
            "denied",
            "handler clerk-of-the-first-watch queues `clerk:any`, which",
        ),
        (wish("noop", "{}", "a.html"), "bad-subject", "source \"a.html\" is no absolute URL: "),
        (
            wish("noop", "{}", long.trim_matches('"')),
            "bad-subject",
            "the other subject has 5020 bytes of source: at most 4096",
        ),
    ];
    let ids: Vec<i64> = cases.iter().map(|(payload, ..)| project.add("clerk", payload)).collect();
    project.capstan(&["run"]).ok();
    for (id, (_, name, begin)) in ids.iter().zip(&cases) {
        let said = refusals(&project, *id);
        assert_eq!(said[0][0], *name, "{said:?}");
        assert!(said[0][1].as_str().unwrap().starts_with(begin), "{said:?}");
        assert_eq!(project.job(*id)["attempts"][0]["usage"]["enqueued"], 0);
    }
    assert_eq!(project.sql("SELECT count(*) FROM job"), [i64::try_from(cases.len()).unwrap()]);
}

#[test]
fn the_one_beyond_the_limit_is_refused() {
    let project = Project::with_clerk();
    project.add("clerk", r#"{"steps": [{"do": "enqueue", "kind": "clerk", "payload": {}, "times": 101}]}"#);
    project.capstan(&["run"]).ok().says(&["101 jobs completed"]);
    let said = "the attempt has queued 100 jobs, as many as limits.enqueued allows: queue fewer, or raise the limit";
    assert_eq!(refusals(&project, 1), [json!(["too-many", said])]);
    assert_eq!(project.job(1)["attempts"][0]["usage"]["enqueued"], 100);
    let project = Project::with_clerk();
    project.set("handler.clerk-of-the-first-watch.limits", "enqueued = 2");
    project.add("clerk", r#"{"steps": [{"do": "enqueue", "kind": "clerk", "payload": {}, "times": 3}]}"#);
    project.capstan(&["run"]).ok().says(&["3 jobs completed"]);
    project.is_sound();
}

#[test]
fn jobs_that_queue_one_another_come_to_an_end() {
    let project = Project::with_clerk();
    project.set("kind.clerk.retry", "max_attempts = 1");
    project.add("clerk", r#"{"steps": [{"do": "again"}]}"#);
    project.capstan(&["run"]).exits(1).says(&["16 jobs completed, 1 failed"]);
    assert_eq!(project.sql("SELECT depth FROM job WHERE state = 'failed'"), [16]);
    assert_eq!(
        project.job(17)["error"],
        json!({"class": "permanent", "message": "the job has 16 parents that queued one another: a queued job may have 16"})
    );
}

#[test]
fn a_kind_that_is_not_granted_is_denied_with_the_lines_that_would_allow_it() {
    let project = Project::new();
    let added = project.handler("clerk", capstan_test_guests::clerk()).ok().json();
    let lines = added["grant"].as_str().unwrap();
    assert!(lines.ends_with("\nenqueue = [\"clerk\", \"missing\", \"noop:any\"]"), "{lines}");
    project.add("clerk", r#"{"steps": [{"do": "must_enqueue", "kind": "clerk"}]}"#);
    project.capstan(&["run"]).exits(1);
    let error = project.job(1)["error"].clone();
    assert_eq!(error["class"], "denied");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(
            "asks for searching the library (retrieve) and queueing jobs of `clerk` and queueing jobs of `missing` and "
        ),
        "{message}"
    );
    assert!(message.ends_with(lines), "{message}");
    project.grant(&added);
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok();
    let shown = project.capstan(&["handler", "inspect", "clerk-of-the-first-watch"]).ok();
    shown.says(&["to queue jobs of clerk about the subject; ", "to queue jobs of noop about any subject"]);
}

#[test]
fn an_attempt_that_fails_for_what_it_did_not_ask_for_is_denied_too() {
    let project = Project::with_clerk();
    project.add(
        "clerk",
        r#"{"steps": [{"do": "enqueue", "kind": "clerk", "payload": {}}, {"do": "must_enqueue", "kind": "ingest"}]}"#,
    );
    project.capstan(&["run"]).exits(1);
    let error = project.job(1)["error"].clone();
    assert_eq!((&error["class"], &project.job(1)["attempt"]), (&json!("denied"), &json!(1)));
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with("\nenqueue = [\"clerk\", \"ingest\", \"missing\", \"noop:any\"]"), "{message}");
    assert_eq!(project.sql("SELECT count(*) FROM job"), [1], "nothing comes of an attempt that failed");
    assert_eq!(project.job(1)["attempts"][0]["usage"]["enqueued"], 1);
}
