//! `capstan handler`

use crate::support::BUNDLED;
use crate::support::project::Project;
use serde_json::{Value, json};

#[test]
fn the_bundled_handlers_are_there() {
    let project = Project::new();
    let page = project.json(&["handler", "list"]);
    let all: Vec<Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| json!([h["name"], h["kinds"], h["origin"], h["state"]]))
        .collect();
    let mut named: Vec<&str> = capstan::handler::bundled::ALL.iter().map(|bundled| bundled.name).collect();
    named.sort_unstable();
    assert_eq!(all, named.iter().map(|name| json!([name, [name], "bundled", "ready"])).collect::<Vec<_>>());
    project.capstan(&["handler", "list"]).ok().says(&["NAME", "DIGEST", "normalise"]);
    let shown = project.capstan(&["handler", "inspect", "ingest"]).ok();
    let shown =
        shown.says(&["ingest 0.1.0 (bundled)", "does    ingest", "asks    to read the folder of the job's import"]);
    shown.says(&["\n  payload  {\n    \"", "\n      \"path\": {", "\n  }\n  config   {"]);
    let normalise = page["items"].as_array().unwrap().iter().find(|item| item["name"] == "normalise").unwrap();
    let digest = normalise["digest"].as_str().unwrap();
    for name in ["normalise", &digest[..8], &format!("sha256:{digest}")] {
        assert_eq!(project.json(&["handler", "inspect", name])["digest"], digest);
    }
    project
        .capstan(&["handler", "inspect", "dance"])
        .exits(3)
        .complains(&["error: there is no handler \"dance\"\nhint: `capstan handler list` shows the handlers"]);
}

#[test]
fn a_handler_that_asks_for_nothing_works_at_once() {
    let project = Project::new();
    let added = project.handler("noop", capstan_test_guests::noop()).ok().json();
    assert_eq!(json!([added["name"], added["origin"], added["kinds"]]), json!(["noop", "added", ["noop"]]));
    assert_eq!(json!([added["grant"], added["refused"]]), json!([null, null]));
    let kept = project.root().join(format!("handlers/{}.wasm", added["digest"].as_str().unwrap()));
    assert_eq!(std::fs::read(kept).unwrap(), capstan_test_guests::noop());
    project.add("noop", "{}");
    project.capstan(&["run"]).ok();
    project.handler("noop", capstan_test_guests::noop()).ok();
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED + 1));
}

#[test]
fn what_is_asked_and_not_granted_is_denied_with_the_lines_that_would_allow_it() {
    let project = Project::new();
    let added = project.handler("odd", capstan_test_guests::odd()).ok().json();
    let lines = format!(
        "[[grants]]\nhandler = \"odd\"\ndigest = \"sha256:{}\"\nimports = true\nartifacts = [\"ingest\", \"odd\"]",
        added["digest"].as_str().unwrap()
    );
    assert_eq!(added["grant"], lines);
    project.add("odd", r#"{"do": "echo"}"#);
    project.capstan(&["run"]).exits(1);
    let error = &project.job(1)["error"];
    assert_eq!(error["class"], "denied");
    assert_eq!(
        error["message"],
        format!(
            "handler odd asks for the folder of the import (imports) and artifacts of `ingest` and artifacts of `odd`, \
             which is not granted; to allow it put this into capstan.toml:\n{lines}"
        )
    );
    assert_eq!(project.job(1)["attempt"], 1);
    project
        .capstan(&["config", "check"])
        .exits(2)
        .says(&["error: handler odd asks for the folder of the import", &lines]);
    project.grant(&added);
    project.capstan(&["config", "check"]).ok().says(&["capstan.toml is in order"]);
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(1)["state"], "completed");
}

#[test]
fn what_is_no_handler_is_refused_and_not_kept() {
    let project = Project::new();
    let refused = |name: &str, bytes: &[u8]| project.handler(name, bytes).exits(2);
    refused("text", b"not a component").complains(&["text.wasm cannot be a handler: "]);
    refused("module", b"\0asm\x01\0\0\0").complains(&["module.wasm cannot be a handler: "]);
    refused("liar", &capstan_test_guests::liar("{\"name\": 1}").unwrap())
        .complains(&["liar.wasm cannot be a handler: "]);
    project
        .capstan(&["handler", "add", "/no/such.wasm"])
        .exits(2)
        .complains(&["error: component /no/such.wasm: No such file or directory"]);
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED));
    let files = std::fs::read_dir(project.root().join("handlers")).unwrap().flatten();
    assert_eq!(files.filter(|entry| entry.path().is_file()).count(), BUNDLED);
}

#[test]
fn jobs_of_a_kind_whose_handler_vanished_say_so() {
    let project = Project::new();
    let added = project.handler("noop", capstan_test_guests::noop()).ok().json();
    project.add("noop", "{}");
    let digest = added["digest"].as_str().unwrap();
    let file = project.root().join(format!("handlers/{digest}.wasm"));
    std::fs::remove_file(&file).unwrap();
    project.capstan(&["run"]).exits(1).complains(&["handler is not usable"]);
    let job = project.job(1);
    assert_eq!(
        job["error"],
        json!({
            "class": "no-handler",
            "message": format!(
                "the handler of kind \"noop\" (sha256:{digest}) cannot be used: cannot read {}: No such file or directory \
                 (os error 2); add it again with `capstan handler add FILE`",
                file.display()
            ),
        })
    );
    let listed = project.json(&["handler", "list"]);
    let broken = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == "noop").unwrap();
    assert_eq!((&broken["name"], &broken["state"]), (&json!("noop"), &json!("broken")));
    assert!(broken["why"].as_str().unwrap().contains("No such file"), "{broken}");
    project.capstan(&["handler", "list"]).ok().says(&["is broken: cannot read "]);
    project.handler("noop", capstan_test_guests::noop()).ok();
    project.capstan(&["job", "retry", "1"]).ok();
    project.capstan(&["run"]).ok();
}
