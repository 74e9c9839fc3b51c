//! Looking at a component before it is a handler.

use super::stage::{component, file};
use crate::support::BUNDLED;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use serde_json::{Value, json};

/// A component that imports these interfaces, all of them empty, and exports nothing.
fn importing(names: &[&str]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).unwrap();
    let mut imports = vec![length(names.len())];
    for name in names {
        imports.extend([0x00, length(name.len())]);
        imports.extend(name.as_bytes());
        // An instance of the first type.
        imports.extend([0x05, 0x00]);
    }
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // One type: an instance without anything in it.
    wasm.extend([0x07, 0x03, 0x01, 0x42, 0x00]);
    assert!(imports.len() < 128 * 128);
    let size = imports.len();
    wasm.push(0x0a);
    wasm.extend(if size < 128 { vec![length(size)] } else { vec![length(size % 128 + 128), length(size / 128)] });
    wasm.extend(imports);
    wasm
}

#[test]
fn each_missing_import_is_named_with_the_version_that_would_fit() {
    let project = Project::new();
    let names = ["wasi:cli/environment@0.3.0", "wasi:io/poll@0.2.0", "capstan:handler/log@0.9.0", "me:own/thing"];
    let path = file(&project, "odd.wasm", &importing(&names));
    let path = path.to_str().unwrap();
    let seen = project.json(&["handler", "inspect", path]);
    assert_eq!(
        seen["missing"],
        json!([
            { "import": "wasi:cli/environment@0.3.0", "offered": "0.2.12" },
            { "import": "capstan:handler/log@0.9.0", "offered": "0.1.0" },
            { "import": "me:own/thing", "offered": null },
        ])
    );
    assert_eq!(
        (&seen["imports"], &seen["world"], &seen["compiled_bytes"]),
        (&json!(names), &Value::Null, &Value::Null)
    );
    let says = "imports wasi:cli/environment@0.3.0: this host offers 0.2.12, capstan:handler/log@0.9.0: this host offers \
                0.1.0, me:own/thing: this host has nothing of that name; build it against what this host has";
    project.capstan(&["handler", "inspect", path]).ok().says(&[&format!("it cannot be a handler: {says}")]);
    for verb in ["add", "swap"] {
        project.capstan(&["handler", verb, path]).exits(2).complains(&["odd.wasm cannot be a handler: ", says]);
    }
}

#[test]
fn a_component_is_shown_before_it_is_added() {
    let project = Project::new();
    let asks = json!({ "imports": true, "artifacts": ["ingest"] });
    let path = file(&project, "steady.wasm", &component("steady", "1", &["steady"], &asks));
    let path = path.to_str().unwrap();
    let seen = project.json(&["handler", "inspect", path]);
    assert_eq!((&seen["world"], &seen["unfit"]), (&json!("capstan:handler/handler@0.1.0"), &Value::Null));
    assert_eq!(seen["exports"], json!(["describe", "run"]));
    let imports: Vec<&str> = seen["imports"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(imports.contains(&"capstan:handler/jobs@0.1.0"), "{imports:?}");
    assert!(seen["compiled_bytes"].as_u64() > seen["bytes"].as_u64(), "{seen}");
    let words = json!(["to read the folder of the job's import", "to read what ingest made about the subject"]);
    assert_eq!((&seen["asks"], &seen["more"]), (&words, &words));
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED));
    project.capstan(&["handler", "inspect", path]).ok().says(&[
        "name    steady 1: ",
        "asks    to read the folder of the job's import; to read what ingest made about the subject",
        "to grant it what it asks:\n  [[grants]]\n",
        "world   capstan:handler/handler@0.1.0\nimports ",
    ]);
    project.capstan(&["handler", "add", path, "--agree"]).ok().says(&["added to capstan.toml:\n  [[grants]]\n"]);
    assert_eq!(project.json(&["handler", "inspect", path])["more"], json!([]));
    let detail = project.json(&["handler", "inspect", "steady"]);
    for field in ["world", "imports", "exports", "asks", "compiled_bytes", "digest"] {
        assert_eq!(detail[field], seen[field], "{field}");
    }
}

#[test]
fn what_is_no_component_or_describes_itself_anew_each_time_is_refused() {
    let project = Project::new();
    let fickle = r##"@fickle {"name": "steady", "version": "#", "kinds": [{"kind": "steady"}]}"##;
    for (name, wasm, says) in [
        ("text.wasm", b"not a component".to_vec(), "not a valid component: "),
        ("fickle.wasm", capstan_test_guests::liar(fickle).unwrap(), "describe answers differently each time"),
    ] {
        let path = file(&project, name, &wasm);
        let path = path.to_str().unwrap();
        project.capstan(&["handler", "inspect", path]).ok().says(&["it cannot be a handler: ", says]);
        project
            .capstan(&["handler", "add", path])
            .exits(2)
            .complains(&[&format!("{name} cannot be a handler: "), says]);
    }
    project
        .capstan(&["handler", "inspect", "./nothing.wasm"])
        .exits(2)
        .complains(&["/nothing.wasm: No such file or directory"]);
}

#[test]
fn while_a_component_is_checked_it_is_listed_and_work_goes_on() {
    let project = Project::new();
    let path = file(&project, "steady.wasm", &component("steady", "1", &["steady"], &json!({})));
    project.capstan(&["handler", "add", path.to_str().unwrap()]).ok();
    let host = project.serve();
    // Its `describe` computes until its limit ends it, which takes two seconds of CPU.
    let endless = file(&project, "endless.wasm", &capstan_test_guests::liar("@spin").unwrap());
    let adding = Serving::spawn(project.root(), &["handler", "add", endless.to_str().unwrap()]);
    let digest = capstan::handler::loaded::digest(&capstan_test_guests::liar("@spin").unwrap());
    until("it is checked", || {
        let list = project.json(&["handler", "list"]);
        let item = list["items"].as_array().unwrap().iter().find(|item| item["digest"] == digest.as_str())?.clone();
        assert_eq!(item["state"], "checking");
        Some(())
    });
    let id = project.add("steady", r#"{"end": "described"}"#).to_string();
    project.capstan(&["job", "wait", &id]).ok();
    adding.ended().exits(2).complains(&["endless.wasm cannot be a handler: describe failed with cpu-limit: "]);
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED + 1));
    host.stop().ok();
}
