//! Each way to fail, as the operator sees it.

use crate::support::project::Project;
use serde_json::{Value, json};

/// Add these jobs, run them all, and look at each.
fn run(project: &Project, payloads: &[&str]) -> Vec<Value> {
    project.set("kind.odd.retry", "max_attempts = 1");
    let ids: Vec<i64> = payloads.iter().map(|payload| project.add("odd", payload)).collect();
    project.capstan(&["run"]).exits(1);
    ids.into_iter().map(|id| project.job(id)).collect()
}

/// The job failed with this class, and its message begins and ends so.
#[track_caller]
fn failed(job: &Value, class: &str, begin: &str, end: &str) {
    assert_eq!((&job["state"], &job["error"]["class"]), (&json!("failed"), &json!(class)), "{job}");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(begin) && message.ends_with(end), "{message}");
    let attempt = &job["attempts"][0];
    assert_eq!(job["fault"], attempt["fault"]);
    assert!(job["fault"]["party"].is_string() && job["fault"]["sentence"].is_string(), "{job}");
    assert_eq!((&attempt["outcome"], &attempt["message"]), (&json!(class), &json!(message)));
}

#[test]
fn what_a_handler_says_is_shown() {
    let project = Project::with_odd();
    let jobs = run(
        &project,
        &[
            r#"{"do": "transient", "message": "no wind"}"#,
            r#"{"do": "permanent", "message": "no sea"}"#,
            r#"{"do": "other", "code": "quota-exceeded"}"#,
            r#"{"do": "read_import", "path": "a.html"}"#,
            r#"{"do": "big_result", "bytes": 300000}"#,
        ],
    );
    failed(&jobs[0], "transient", "no wind", "");
    failed(&jobs[1], "permanent", "no sea", "");
    assert_eq!(jobs[1]["attempts"][0]["details"], r#"{"odd":true}"#);
    failed(&jobs[2], "permanent", "the handler failed with code `quota-exceeded`", "");
    failed(&jobs[3], "permanent", "/imports is not there; the job comes from no imported folder", "");
    failed(&jobs[4], "bad-output", "the result has 300002 bytes, more than limits.result = 262144 allows", "");
    let shown = project.capstan(&["job", "show", "2"]).ok();
    shown.says(&[
        "job 2 odd failed\npermanent: no sea\n",
        "fault     whoever added the job: The handler says that this job will never work",
        "attempt 1 of round 1: permanent (",
        "details   {\"odd\":true}",
    ]);
}

#[test]
fn a_crash_shows_its_message_where_it_was_and_what_was_logged() {
    let project = Project::with_odd();
    let jobs = run(
        &project,
        &[
            r#"{"do": "panic", "message": "the boom broke"}"#,
            r#"{"do": "trap"}"#,
            r#"{"do": "stack_overflow"}"#,
            r#"{"do": "exit", "code": 3}"#,
        ],
    );
    failed(&jobs[0], "trap", "panicked at tests/guests/odd/src/limits.rs:", ": the boom broke");
    failed(&jobs[1], "trap", "", "");
    failed(&jobs[2], "trap", "", "");
    failed(&jobs[3], "trap", "called exit(1) instead of returning from run", "");
    for (job, function) in jobs.iter().zip([
        "capstan_guest_odd::act",
        "capstan_guest_odd::act",
        "capstan_guest_odd::limits::dive",
        "std::process::exit",
    ]) {
        let backtrace = job["attempts"][0]["backtrace"].as_str().unwrap();
        assert!(backtrace.lines().any(|line| line.contains(function)), "{function}: {backtrace}");
    }
    let shown = project.capstan(&["job", "show", "1"]).ok();
    shown.says(&["trap: panicked at ", "backtrace:\n", "capstan_guest_odd::act", "cpu ", "memory "]);
    project.capstan(&["job", "logs", "1"]).ok().says(&["--- attempt 1 of round 1: trap", "the boom broke"]);
}

#[test]
fn each_limit_has_its_class_and_its_name_in_the_message() {
    let project = Project::with_odd();
    for line in
        ["cpu = \"200ms\"", "wall = \"3s\"", "memory = \"32MiB\"", "scratch_bytes = \"1MiB\"", "scratch_files = 10"]
    {
        project.set("handler.odd.limits", line);
    }
    let jobs = run(
        &project,
        &[
            r#"{"do": "spin"}"#,
            r#"{"do": "sleep", "ms": 600000}"#,
            r#"{"do": "grow_forever"}"#,
            r#"{"do": "write_bytes", "bytes": 2000000}"#,
            r#"{"do": "write_files", "files": 11}"#,
            r#"{"do": "answer", "value": "unharmed"}"#,
        ],
    );
    failed(&jobs[0], "cpu-limit", "", "");
    failed(&jobs[1], "timeout", "", "");
    failed(&jobs[2], "memory-limit", "wanted ", " bytes of memory, more than limits.memory = 33554432 allows");
    failed(&jobs[3], "quota", "/output would have held ", "more than limits.scratch_bytes = 1048576 allows");
    failed(
        &jobs[4],
        "quota",
        "/output would have held 11 files and folders",
        "more than limits.scratch_files = 10 allows",
    );
    for (job, limit) in jobs.iter().zip(["limits.cpu = 200", "limits.wall = 3"]) {
        let message = job["error"]["message"].as_str().unwrap();
        assert!(message.contains(limit), "{message}");
    }
    let used = |job: &Value, name: &str| job["attempts"][0]["usage"][name].as_u64().unwrap();
    assert!((200_000..400_000).contains(&used(&jobs[0], "cpu_us")), "{}", jobs[0]["attempts"][0]["usage"]);
    assert!(used(&jobs[1], "wall_us") >= 3_000_000 && used(&jobs[1], "cpu_us") < 200_000);
    assert!((16 << 20..=32 << 20).contains(&used(&jobs[2], "memory")));
    assert_eq!(used(&jobs[3], "scratch_bytes"), 1 << 20);
    assert_eq!(used(&jobs[4], "scratch_files"), 10);
    // What was in force stays true when the configuration changes.
    project.set("handler.odd.limits", "log = \"1KiB\"");
    let margins = |id: i64| project.job(id)["attempts"][0]["margins"].clone();
    let spun = margins(jobs[0]["id"].as_i64().unwrap());
    assert_eq!((&spun[0]["limit"], &spun[0]["most"], &spun[0]["unit"]), (&json!("cpu"), &json!(200_000), &json!("us")));
    assert!(spun[0]["ratio"].as_f64().unwrap() >= 1.0, "{spun}");
    assert_eq!(margins(jobs[5]["id"].as_i64().unwrap()), json!([]), "it was far from every limit");
    let shown = project.capstan(&["job", "show", &jobs[0]["id"].to_string()]).ok();
    shown.says(&["closest to its limits: cpu 1", " % of 200ms, "]);
    let shown = project.capstan(&["job", "show", &jobs[3]["id"].to_string()]).ok();
    shown.says(&[" open at once", "closest to its limits: ", "scratch_bytes 100 % of 1.00 MiB"]);
    assert_eq!(jobs[5]["result"], "unharmed");
    assert_eq!(project.json(&["artifact", "list"])["items"], json!([]));
    project.is_sound();
}

#[test]
fn a_follower_whose_payload_does_not_fit_is_a_bad_payload() {
    let project = Project::with_odd();
    project.handler("noop", capstan_test_guests::noop()).ok();
    project.set("pipeline", "noop = [\"odd\"]");
    project.add("noop", "{}");
    project.capstan(&["run"]).exits(1);
    failed(&project.job(2), "bad-payload", "the payload does not match the schema of kind \"odd\": ", "");
    assert_eq!(project.job(2)["parent_id"], 1);
}
