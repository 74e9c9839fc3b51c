//! Programs (`wasi:cli/command`) as handlers, with a manifest beside them.

use crate::support::BUNDLED;
use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// The manifest of the program that tests use.
fn manifest(version: &str) -> Value {
    json!({
        "name": "command",
        "version": version,
        "about": "does what it is told",
        "kinds": [{ "kind": "command", "payload": { "type": "object" } }],
    })
}

/// The program and its manifest as files beside the project.
fn files(project: &Project, manifest: &Value) -> PathBuf {
    let path = project.beside().join("command.wasm");
    fs::write(&path, capstan_test_guests::command()).unwrap();
    fs::write(path.with_extension("json"), manifest.to_string()).unwrap();
    path
}

/// A project with the program in it.
fn library() -> Project {
    let project = Project::new();
    let path = files(&project, &manifest("1"));
    project.capstan(&["handler", "add", path.to_str().unwrap()]).ok();
    project
}

/// A job that was run: what `job show` says.
fn ran(project: &Project, payload: &Value) -> Value {
    let id = project.add("command", &payload.to_string());
    project.capstan(&["run"]);
    project.job(id)
}

#[test]
fn its_job_comes_on_stdin_and_its_last_line_is_the_result() {
    let project = library();
    let payload = json!({ "do": "echo", "n": 1 });
    let job = ran(&project, &payload);
    assert_eq!(job["state"], "completed", "{job}");
    let result = &job["result"];
    let seen = &result["job"];
    assert_eq!(json!([seen["id"], seen["kind"], seen["attempt"]]), json!([1, "command", 1]));
    assert_eq!(json!([seen["payload"], seen["config"], seen["source"], seen["tags"]]), json!([payload, {}, "", []]));
    assert_eq!(seen["subject"], job["subject"]);
    assert!(seen["idempotency_key"].as_str().is_some_and(|key| !key.is_empty()));
    assert_eq!(result["arguments"], json!(["command"]));
    let log = project.capstan(&["job", "logs", "1"]).ok().out;
    assert!(log.contains("out   one line of talk") && log.contains("err   one line of trouble"), "{log}");
    assert!(!log.contains("idempotency_key"), "the result is no line of the log: {log}");
    let usage = &job["attempts"][0]["usage"];
    assert_eq!(usage["log_bytes"], "one line of talk\n".len() + "one line of trouble\n".len());
    assert!(usage["result_bytes"].as_u64() > Some(100), "{usage}");
}

#[test]
fn each_ending_has_its_class_and_its_words() {
    let project = library();
    let say = |text: &str| json!({ "do": "say", "text": text });
    let exit = |text: &str, code: i32| json!({ "do": "say-and-exit", "text": text, "code": code });
    for (payload, class, message) in [
        (
            say("all done"),
            "bad-output",
            "the last line of stdout is not JSON: expected value at line 1 column 1; end with the result as one line, or with nothing",
        ),
        (exit("", 3), "permanent", "the program ended with an error; stderr ends with: one line of trouble"),
        (exit("{\"n\": 1}", 1), "permanent", "the program ended with an error; stderr ends with: one line of trouble"),
        (exit(r#"{"failure": {"permanent": {"message": "gone", "details": {"at": 1}}}}"#, 1), "permanent", "gone"),
        (say(r#"{"failure": {"other": {"code": "no-room"}}}"#), "permanent", "the handler failed with code `no-room`"),
        (json!({ "do": "panic" }), "trap", "panicked at tests/guests/command/src/main.rs"),
        (json!({ "do": "write" }), "permanent", "the program ended with an error; stderr ends with: /output/out.txt: "),
        (
            json!({ "do": "read", "path": "/etc/passwd" }),
            "permanent",
            "the program ended with an error; stderr ends with: ",
        ),
    ] {
        let job = ran(&project, &payload);
        assert_eq!(job["error"]["class"], class, "{payload}: {job}");
        let said = job["error"]["message"].as_str().unwrap();
        assert!(said.starts_with(message), "{payload}: {said}");
    }
    for (payload, result) in [
        (exit("{\"n\": 1}\n\n", 0), json!({ "n": 1 })),
        (json!({ "do": "silence" }), Value::Null),
        (json!({ "do": "environment" }), json!([])),
    ] {
        let job = ran(&project, &payload);
        assert_eq!(json!([job["state"], job["result"]]), json!(["completed", result]), "{payload}: {job}");
    }
    let job = ran(&project, &say(r#"{"unchanged": {"n": 2}}"#));
    assert_eq!(json!([job["state"], job["result"], job["unchanged"]]), json!(["completed", { "n": 2 }, true]));
}

#[test]
fn it_is_tried_again_when_it_says_so() {
    let project = library();
    project.set("retry", "base = \"1ms\"\nmax_attempts = 2");
    let transient = json!({ "do": "say-and-exit", "text": r#"{"failure": {"transient": {"message": "busy"}}}"# });
    let job = ran(&project, &transient);
    assert_eq!(json!([job["state"], job["error"]["class"], job["attempt"]]), json!(["failed", "transient", 2]));
    let text = r#"{"failure": {"retry-after": {"after_ms": 3600000, "message": "closed for an hour"}}}"#;
    let id = project.add("command", &json!({ "do": "say", "text": text }).to_string());
    let host = project.serve();
    let job = until("it is put off", || {
        let job = project.job(id);
        (job["why"] == "deferred").then_some(job)
    });
    assert_eq!(
        json!([job["state"], job["attempt"], job["error"]["message"]]),
        json!(["queued", 0, "closed for an hour"])
    );
    host.stop().ok();
}

#[test]
fn limits_hold_for_programs_too() {
    let project = library();
    project.set("handler.command.limits", "cpu = \"200ms\"\nresult = \"16B\"");
    let job = ran(&project, &json!({ "do": "spin" }));
    assert_eq!(job["error"]["class"], "cpu-limit", "{job}");
    let job = ran(&project, &json!({ "do": "say", "text": "[1,2,3,4,5,6,78]" }));
    assert_eq!(job["state"], "completed", "{job}");
    let job = ran(&project, &json!({ "do": "say", "text": "[1,2,3,4,5,6,789]" }));
    let message = "the result has 17 bytes, more than limits.result = 16 allows";
    assert_eq!(json!([job["error"]["class"], job["error"]["message"]]), json!(["bad-output", message]));
}

#[test]
fn it_publishes_what_its_manifest_lists_and_nothing_without_a_grant() {
    let project = Project::new();
    let mut manifest = manifest("1");
    manifest["kinds"][0]["artifacts"] = json!([{ "path": "out.txt", "media_type": "text/plain" }]);
    manifest["asks"] = json!({ "artifacts": ["normalise"] });
    let path = files(&project, &manifest);
    let added = project.json(&["handler", "add", path.to_str().unwrap()]);
    let job = ran(&project, &json!({ "do": "write" }));
    assert_eq!(job["error"]["class"], "denied", "{job}");
    project.grant(&added);
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok();
    let made = project.json(&["artifact", "list", "--kind", "command"]);
    assert_eq!(made["items"][0]["bytes"], "made by a program".len());
    project.is_sound();
}

#[test]
fn a_manifest_is_part_of_what_a_digest_names() {
    let project = Project::new();
    let path = files(&project, &manifest("1"));
    let file = path.to_str().unwrap();
    let examined = project.json(&["handler", "inspect", file]);
    assert_eq!(json!([examined["world"], examined["unfit"]]), json!(["wasi:cli/command@0.2", null]));
    let first = project.json(&["handler", "add", file]);
    assert_eq!(json!([first["digest"], first["world"]]), json!([examined["digest"], "wasi:cli/command@0.2"]));
    // The same program that asks for more is another handler, and nobody has agreed to it.
    let mut more = manifest("2");
    more["asks"] = json!({ "imports": true });
    let other = project.beside().join("more.json");
    fs::write(&other, more.to_string()).unwrap();
    let other = other.to_str().unwrap();
    project.capstan(&["handler", "swap", file, "--manifest", other]).exits(1).complains(&[
        "handler command 2 asks for more than was granted before: to read the folder of the job's import",
        &format!("`capstan handler swap {file} --manifest {other} --agree`"),
    ]);
    let second = project.json(&["handler", "swap", file, "--manifest", other, "--agree"]);
    assert!(second["digest"] != first["digest"] && second["replaced"] == first["digest"], "{second}");
    project.capstan(&["handler", "rollback", "command"]).ok();
    assert_eq!(ran(&project, &json!({ "do": "say", "text": "1" }))["state"], "completed");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let project = Project::new();
    let path = files(&project, &manifest("1"));
    let (file, json) = (path.to_str().unwrap(), path.with_extension("json"));
    let refused = |text: &str, says: &str| {
        fs::write(&json, text).unwrap();
        project.capstan(&["handler", "add", file]).exits(2).complains(&[says]);
    };
    refused("name: command", "command.json is not JSON: ");
    refused("{\"name\": \"command\"}", "cannot be a handler: describe did not answer a description: missing field");
    refused(&" ".repeat(300 << 10), "command.json has 307200 bytes: at most 262144 are read");
    fs::remove_file(&json).unwrap();
    project.capstan(&["handler", "add", file]).exits(2).complains(&[
        "command.wasm cannot be a handler: is a program (wasi:cli/command) without a manifest: put one beside it, as FILE.json for FILE.wasm",
    ]);
    project
        .capstan(&["handler", "add", file, "--manifest", "/no/such.json"])
        .exits(2)
        .complains(&["error: manifest /no/such.json: No such file or directory"]);
    let noop = project.beside().join("noop.wasm");
    fs::write(&noop, capstan_test_guests::noop()).unwrap();
    fs::write(&json, manifest("1").to_string()).unwrap();
    let (noop, json) = (noop.to_str().unwrap(), json.to_str().unwrap());
    project
        .capstan(&["handler", "add", noop, "--manifest", json])
        .exits(2)
        .complains(&["command.json is not needed: the component describes itself; leave --manifest out"]);
    project
        .capstan(&["handler", "inspect", "ingest", "--manifest", json])
        .exits(2)
        .complains(&["--manifest goes with a file, and \"ingest\" is none"]);
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED));
}

#[test]
fn the_drop_folder_takes_a_program_with_its_manifest() {
    let project = Project::new();
    let host = project.serve();
    let drop = project.root().join("handlers/drop");
    let put = |name: &str, bytes: &[u8]| {
        fs::write(project.beside().join("draft"), bytes).unwrap();
        fs::rename(project.beside().join("draft"), drop.join(name)).unwrap();
    };
    put("command.wasm", capstan_test_guests::command());
    let why = until("it is refused", || fs::read_to_string(drop.join("command.wasm.refused.txt")).ok());
    assert!(why.contains("is a program (wasi:cli/command) without a manifest"), "{why}");
    put("command.json", manifest("1").to_string().as_bytes());
    until("both are taken", || {
        let done = |name: &str| drop.join("done").join(name).is_file();
        (done("command.wasm") && done("command.json")).then_some(())
    });
    assert!(!drop.join("command.wasm.refused.txt").exists());
    let id = project.add("command", r#"{"do": "say", "text": "[true]"}"#);
    project.capstan(&["job", "wait", &id.to_string()]).ok();
    assert_eq!(project.job(id)["result"], json!([true]));
    host.stop().ok();
}
