//! What a new version asks for beyond the old one has to be agreed.

use super::stage::{component, file};
use crate::support::command::Ran;
use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;

fn asking(version: &str, asks: &Value) -> Vec<u8> {
    component("steady", version, &["steady"], asks)
}

/// `handler VERB FILE` with these options.
fn take(project: &Project, verb: &str, wasm: &[u8], options: &[&str]) -> Ran {
    let path = file(project, "steady.wasm", wasm);
    project.capstan(&[&["handler", verb, path.to_str().unwrap()], options].concat())
}

fn config(project: &Project) -> String {
    fs::read_to_string(project.root().join("capstan.toml")).unwrap()
}

fn digest(project: &Project) -> String {
    project.json(&["handler", "inspect", "steady"])["digest"].as_str().unwrap().to_owned()
}

#[test]
fn more_is_refused_in_words_and_agreed_with_the_exact_lines() {
    let project = Project::new();
    take(&project, "add", &asking("1", &json!({ "artifacts": ["ingest"] })), &["--agree"]).ok();
    let (before, text) = (digest(&project), config(&project));
    assert!(text.ends_with(&format!("digest = \"sha256:{before}\"\nartifacts = [\"ingest\"]\n")), "{text}");
    let more = asking("2", &json!({ "imports": true, "artifacts": ["ingest", "normalise"] }));
    let refused = take(&project, "swap", &more, &[]).exits(1);
    let new = capstan::handler::loaded::digest(&more);
    let lines = format!(
        "[[grants]]\nhandler = \"steady\"\ndigest = \"sha256:{new}\"\nimports = true\nartifacts = [\"ingest\", \"normalise\"]\n"
    );
    refused.complains(&[
        "error: handler steady 2 asks for more than was granted before: to read the folder of the job's import; to read \
         what normalise made about the subject\nhint: agree to the difference with `capstan handler swap ",
        "/steady.wasm --agree`, or put this into capstan.toml and do it again:\n",
        &lines,
    ]);
    assert_eq!((digest(&project), config(&project)), (before.clone(), text.clone()));
    assert!(!project.root().join(format!("handlers/{new}.wasm")).exists());

    let swapped = take(&project, "swap", &more, &["--agree", "--json"]).ok().json();
    assert_eq!((&swapped["replaced"], &swapped["granted"]), (&json!(before), &json!(lines.trim_end())));
    assert_eq!((&swapped["refused"], &swapped["version"]), (&Value::Null, &json!("2")));
    assert_eq!(config(&project), format!("{text}\n{lines}"));
    project.capstan(&["config", "check"]).ok();
}

#[test]
fn the_same_or_less_is_carried_over_and_nothing_more() {
    let project = Project::new();
    let both = json!({ "artifacts": ["ingest", "normalise"] });
    take(&project, "add", &asking("1", &both), &["--agree"]).ok();
    let text = config(&project);
    take(&project, "swap", &asking("2", &json!({ "artifacts": ["ingest"] })), &[]).ok().says(&[
        "steady 2 does steady instead of sha256:",
        "added to capstan.toml:\n  [[grants]]\n  handler = \"steady\"\n",
    ]);
    let entry = format!("\n[[grants]]\nhandler = \"steady\"\ndigest = \"sha256:{}\"\n", digest(&project));
    assert_eq!(config(&project), format!("{text}{entry}artifacts = [\"ingest\", \"normalise\"]\n"));
    assert_eq!(project.json(&["handler", "inspect", "steady"])["refused"], Value::Null);
    // A version that asks for nothing needs no entry.
    let text = config(&project);
    take(&project, "swap", &asking("3", &json!({})), &[]).ok();
    assert_eq!(config(&project), text);
    // Back to one with an entry, and none is added.
    project.capstan(&["handler", "rollback", "steady"]).ok().says(&["steady 2 does steady instead of sha256:"]);
    assert_eq!(config(&project), text);
    project.add("steady", r#"{"end": "described"}"#);
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(1)["result"]["version"], "2");
}

#[test]
fn what_was_asked_and_never_granted_is_refused_again() {
    let project = Project::new();
    let asks = json!({ "artifacts": ["ingest"] });
    let added = take(&project, "add", &asking("1", &asks), &["--json"]).ok().json();
    assert!(added["refused"].as_str().unwrap().contains("which is not granted"), "{added}");
    assert_eq!(added["asks"], json!(["to read what ingest made about the subject"]));
    take(&project, "swap", &asking("2", &asks), &[])
        .exits(1)
        .complains(&["asks for more than was granted before: to read what ingest made about the subject"]);
    // Put there by hand, as the hint says.
    let two = asking("2", &asks);
    let name = capstan::handler::loaded::named(&capstan::handler::loaded::digest(&two));
    let narrow = format!("{}\n[[grants]]\nhandler = \"steady\"\ndigest = \"{name}\"\n", config(&project));
    fs::write(project.root().join("capstan.toml"), &narrow).unwrap();
    take(&project, "swap", &two, &["--agree"])
        .exits(1)
        .complains(&["capstan.toml has an entry of this very digest, which does not grant artifacts of `ingest`"]);
    fs::write(project.root().join("capstan.toml"), format!("{narrow}artifacts = [\"ingest\"]\n")).unwrap();
    take(&project, "swap", &two, &[]).ok();
}

#[test]
fn a_grant_that_was_agreed_counts_at_once_for_a_host_that_runs() {
    let project = Project::new();
    let host = project.serve();
    take(&project, "add", &asking("1", &json!({ "artifacts": ["ingest"] })), &["--agree"]).ok();
    let id = project.add("steady", r#"{"end": "described"}"#).to_string();
    project.capstan(&["job", "wait", &id]).ok();
    take(&project, "swap", &asking("2", &json!({ "imports": true })), &["--agree"]).ok();
    let id = project.add("steady", r#"{"end": "described", "n": 2}"#).to_string();
    project.capstan(&["job", "wait", &id]).ok();
    host.stop().ok();
}

#[test]
fn a_configuration_that_does_not_fit_the_new_schema_is_refused_before_the_swap() {
    let project = Project::new();
    take(&project, "add", &asking("1", &json!({})), &[]).ok();
    let strict = json!({
        "name": "steady", "version": "2",
        "kinds": [{ "kind": "steady", "config": { "type": "object", "required": ["depth"] } }],
    });
    let strict = capstan_test_guests::liar(&strict.to_string()).unwrap();
    take(&project, "swap", &strict, &[]).exits(1).complains(&[
        "error: [kind.steady.config] does not match the schema of version 2: ",
        "hint: mend [kind.steady.config] in capstan.toml first",
    ]);
    project.set("kind.steady.config", "depth = 3");
    take(&project, "swap", &strict, &[]).ok();
}
