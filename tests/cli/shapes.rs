//! The JSON of every command, with types: a key that goes, comes or changes its type is seen.
//!
//! `shapes/NOUN-VERB.json` has the shape of what `capstan NOUN VERB --json` prints: names and
//! types, several where a value may be of several. `CAPSTAN_RENEW=1 cargo test --test main shapes`
//! writes them anew; what changed is then in the diff, where it is decided whether scripts can
//! live with it.

use crate::handler::stage::{file, version};
use crate::support::command::{capstan, run, run_with};
use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Commands that print no JSON of their own: texts, a host that says nothing, and the demo,
/// which prints what `run` does.
const WITHOUT: [&str; 5] = ["completions", "man", "serve", "demo", "config-default"];

/// Objects whose names are data.
const MAPS: [&str; 2] = ["kinds", "waiting"];

/// Values that are documents of handlers and of whoever adds jobs.
const DOCUMENTS: [&str; 3] = ["payload", "config", "result"];

/// Names and types of a value.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(number) => if number.is_f64() { "number" } else { "integer" }.into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => items.iter().map(shape).reduce(either).map_or_else(|| json!([]), |item| json!([item])),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| (name.clone(), named(name, value));
            fields.iter().map(of).collect::<Map<_, _>>().into()
        }
    }
}

fn named(name: &str, value: &Value) -> Value {
    match value.as_object() {
        _ if DOCUMENTS.contains(&name) => "any".into(),
        Some(map) if MAPS.contains(&name) => {
            json!({ "*": map.values().map(shape).reduce(either).unwrap_or_else(|| json!([])) })
        }
        _ => shape(value),
    }
}

/// The shape of what is of one or of the other.
fn either(one: Value, other: Value) -> Value {
    match (one, other) {
        (one, other) if one == other => one,
        (Value::Array(one), Value::Array(other)) => {
            one.into_iter().chain(other).reduce(either).map_or_else(|| json!([]), |item| json!([item]))
        }
        (Value::Object(one), Value::Object(other)) if !is_choice(&one) && !is_choice(&other) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let of = |name: &String| match (one.get(name), other.get(name)) {
                (Some(one), Some(other)) => (name.clone(), either(one.clone(), other.clone())),
                (Some(only), None) | (None, Some(only)) => (format!("{}?", name.trim_end_matches('?')), only.clone()),
                (None, None) => unreachable!("{name} is of one of them"),
            };
            names.into_iter().map(of).collect::<Map<_, _>>().into()
        }
        (one, other) => choice([choices(one), choices(other)].concat()),
    }
}

fn is_choice(fields: &Map<String, Value>) -> bool {
    fields.contains_key("one of")
}

fn choices(shape: Value) -> Vec<Value> {
    match shape {
        Value::Object(fields) if is_choice(&fields) => fields["one of"].as_array().unwrap().clone(),
        other => vec![other],
    }
}

/// One of these, where all objects are one and all arrays are one.
fn choice(all: Vec<Value>) -> Value {
    let mut kept: BTreeMap<&str, Value> = BTreeMap::new();
    for each in all {
        let sort = match &each {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::String(name) if name == "integer" || name == "number" => "number",
            Value::String(name) if name == "null" => "null",
            Value::String(name) if name == "boolean" => "boolean",
            _ => "string",
        };
        let merged = match kept.remove(sort) {
            None => each,
            Some(before) if sort == "number" && before != each => "number".into(),
            Some(before) => either(before, each),
        };
        kept.insert(sort, merged);
    }
    match kept.len() {
        1 => kept.into_values().next().unwrap(),
        _ => json!({ "one of": kept.into_values().collect::<Vec<_>>() }),
    }
}

/// What commands printed, by their names.
#[derive(Default)]
struct Shapes(BTreeMap<String, Value>);

impl Shapes {
    fn saw(&mut self, name: &str, value: &Value) {
        let seen = shape(value);
        let seen = match self.0.remove(name) {
            Some(before) => either(before, seen),
            None => seen,
        };
        self.0.insert(name.to_owned(), seen);
    }

    /// Run a command of two words about the project, or of one; what it printed.
    fn of(&mut self, project: &Project, words: &[&str], args: &[&str]) -> Value {
        let printed = project.capstan(&[words, args, &["--json"]].concat());
        let value = printed.json();
        self.saw(&words.join("-"), &value);
        value
    }
}

fn shelf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli/shapes")
}

/// Every command that does something, by its man page.
fn commands() -> BTreeSet<String> {
    let pages = tempfile::tempdir().unwrap();
    let mut command = capstan();
    command.arg("man").arg(pages.path());
    run(command).ok();
    let names = std::fs::read_dir(pages.path()).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".1")?.to_owned())).collect();
    let is_noun = |name: &String| names.iter().any(|other| other.starts_with(&format!("{name}-")));
    let leaves = names.iter().filter(|name| !is_noun(name));
    leaves.filter_map(|name| Some(name.strip_prefix("capstan-")?.to_owned())).collect()
}

fn jobs(shapes: &mut Shapes, project: &Project) {
    let odd = |payload: &'static str| ["odd", payload];
    shapes.of(project, &["job", "add"], &odd(r#"{"do": "answer", "value": {"n": 1}, "write": {"odd.txt": "text"}}"#));
    shapes.of(
        project,
        &["job", "add"],
        &[&odd(r#"{"do": "log", "message": "ahoy"}"#)[..], &["--key", "k", "--deadline", "2h"]].concat(),
    );
    shapes.of(project, &["job", "add"], &odd(r#"{"do": "permanent", "message": "no"}"#));
    shapes.of(project, &["job", "add"], &[&odd(r#"{"do": "echo"}"#)[..], &["--in", "2h", "--title", "T"]].concat());
    let mut lines = crate::support::command::about(project.root(), &["job", "add", "--from", "-", "--json"]);
    lines.env("TZ", "UTC");
    let many = run_with(lines, "{\"kind\": \"odd\", \"payload\": {\"do\": \"random\"}}\n").ok().json();
    shapes.saw("job-add-from", &many);
    shapes.of(project, &["job", "edit"], &["4", "--priority", "3", "--tag", "t"]);
    shapes.of(project, &["job", "reschedule"], &["4", "--in", "3h"]);
    shapes.of(project, &["job", "explain"], &["4"]);
    shapes.of(project, &["job", "explain"], &["1"]);
    shapes.of(project, &["job", "cancel"], &["4"]);
    shapes.of(project, &["key", "list"], &[]);
    shapes.of(project, &["run"], &[]);
    for id in ["1", "2", "3", "4"] {
        shapes.of(project, &["job", "show"], &[id]);
        shapes.of(project, &["job", "explain"], &[id]);
        shapes.of(project, &["job", "wait"], &[id]);
        shapes.of(project, &["job", "logs"], &[id]);
    }
    let several = project.capstan(&["job", "wait", "1", "3", "--json"]).exits(1).json();
    shapes.saw("job-wait-several", &several);
    for part in project.capstan(&["job", "logs", "2", "--follow", "--json"]).ok().out.lines() {
        shapes.saw("job-logs-follow", &serde_json::from_str(part).unwrap());
    }
    shapes.of(project, &["failure", "list"], &[]);
    shapes.of(project, &["failure", "groups"], &[]);
    shapes.of(project, &["failure", "show"], &["1"]);
    shapes.of(project, &["failure", "resubmit"], &["1"]);
    project.capstan(&["run"]).exits(1);
    shapes.of(project, &["failure", "list"], &["--resolution", "all"]);
    shapes.of(project, &["failure", "groups"], &["--resolution", "all"]);
    shapes.of(project, &["failure", "show"], &["2"]);
    shapes.of(project, &["failure", "export"], &["--resolution", "all"]);
    shapes.of(project, &["failure", "delete"], &["2"]);
    shapes.of(project, &["job", "retry"], &["3"]);
    shapes.of(project, &["job", "list"], &[]);
}

fn bulks(shapes: &mut Shapes, project: &Project) {
    shapes.of(project, &["job", "add"], &["odd", r#"{"do": "echo"}"#, "--in", "2h", "--tag", "many"]);
    let of_many = |shapes: &mut Shapes, name: &str, args: &[&str]| {
        let printed = project.capstan(&[args, &["--tag", "many", "--json"]].concat()).ok().json();
        shapes.saw(name, &printed);
    };
    shapes.of(project, &["job", "prioritise"], &["6", "--priority", "3"]);
    of_many(shapes, "bulk-preview", &["job", "cancel", "--dry-run"]);
    of_many(shapes, "bulk-start", &["job", "cancel"]);
    of_many(shapes, "bulk-start-detached", &["job", "retry", "--detach"]);
    shapes.of(project, &["bulk", "resume"], &["2"]);
    shapes.of(project, &["bulk", "show"], &["2"]);
    of_many(shapes, "bulk-start-detached", &["job", "prioritise", "--priority", "1", "--detach"]);
    shapes.of(project, &["bulk", "cancel"], &["3"]);
    shapes.of(project, &["bulk", "list"], &[]);
}

fn queues_and_keys(shapes: &mut Shapes, project: &Project) {
    shapes.of(project, &["queue", "pause"], &["odd"]);
    shapes.of(project, &["queue", "resume"], &["odd"]);
    shapes.of(project, &["queue", "drain"], &["odd"]);
    shapes.of(project, &["queue", "set"], &["odd", "--concurrency", "3", "--rate", "5/s", "--tokens", "100/h"]);
    shapes.of(project, &["queue", "list"], &[]);
    shapes.of(project, &["key", "set"], &["k", "--limit", "2", "--interval", "1s"]);
    shapes.of(project, &["key", "release"], &["k"]);
    shapes.of(project, &["key", "list"], &[]);
}

fn handlers(shapes: &mut Shapes, project: &Project) {
    let first = file(project, "first.wasm", &version("steady", "1"));
    let second = file(project, "second.wasm", &version("steady", "2"));
    let digest = shapes.of(project, &["handler", "add"], &[first.to_str().unwrap()])["digest"].clone();
    shapes.of(project, &["handler", "swap"], &[second.to_str().unwrap()]);
    shapes.of(project, &["handler", "rollback"], &["steady"]);
    shapes.of(project, &["handler", "disable"], &[digest.as_str().unwrap()]);
    shapes.of(project, &["handler", "enable"], &[digest.as_str().unwrap()]);
    shapes.of(project, &["handler", "list"], &[]);
    shapes.of(project, &["handler", "inspect"], &["odd"]);
    let examined = project.json(&["handler", "inspect", second.to_str().unwrap()]);
    shapes.saw("handler-inspect-file", &examined);
    let old = capstan_digest(&second);
    shapes.of(project, &["handler", "disable"], &[digest.as_str().unwrap()]);
    shapes.of(project, &["handler", "remove"], &[&old]);
}

fn capstan_digest(file: &Path) -> String {
    capstan::handler::loaded::digest(&std::fs::read(file).unwrap())
}

fn the_rest(shapes: &mut Shapes, project: &Project) {
    let pages = folder(&project.beside().join("pages"), 2);
    project.pipeline(r#"["index"]"#);
    shapes.of(project, &["import", "start"], &[pages.to_str().unwrap()]);
    shapes.of(project, &["run"], &[]);
    shapes.of(project, &["import", "list"], &[]);
    shapes.of(project, &["import", "show"], &["1"]);
    shapes.of(project, &["import", "wait"], &["1"]);
    let list = project.beside().join("list.txt");
    std::fs::write(&list, "https://a.example/\njavascript:alert(1)\n").unwrap();
    let then = ["--then", "odd", "--then-payload", r#"{"do": "echo"}"#];
    shapes.of(project, &["import", "start"], &[&[list.to_str().unwrap()][..], &then].concat());
    shapes.of(project, &["import", "pause"], &["2"]);
    shapes.of(project, &["import", "resume"], &["2"]);
    shapes.of(project, &["import", "cancel"], &["2"]);
    shapes.of(project, &["import", "list"], &[]);
    shapes.of(project, &["import", "start"], &[pages.to_str().unwrap()]);
    std::fs::remove_file(pages.join("part-1/day-001.html")).unwrap();
    let run = project.capstan(&["run", "--json"]).exits(1).json();
    shapes.saw("run", &run);
    shapes.of(project, &["import", "errors"], &["2"]);
    shapes.of(project, &["import", "errors"], &["3"]);
    let artifacts = shapes.of(project, &["artifact", "list"], &[]);
    let subject = artifacts["items"][0]["subject"].as_str().unwrap();
    shapes.of(project, &["artifact", "show"], &[subject]);
    shapes.of(project, &["artifact", "verify"], &[]);
    shapes.of(project, &["search"], &["harbour", "--limit", "1"]);
    shapes.of(project, &["search"], &["harbour"]);
    let rebuilt = project.json(&["search", "--rebuild"]);
    shapes.saw("search-rebuild", &rebuilt);
    shapes.of(project, &["subject", "show"], &[subject]);
    shapes.of(project, &["subject", "remove"], &[subject]);
    shapes.of(project, &["import", "retry"], &["3"]);
    shapes.of(project, &["stats"], &[]);
    shapes.of(project, &["doctor"], &[]);
    shapes.of(project, &["config", "check"], &[]);
    shapes.of(project, &["config", "reload"], &[]);
    let made = project.beside().join("another");
    shapes.of(project, &["init"], &[made.to_str().unwrap()]);
}

#[test]
fn every_command_prints_json_of_its_shape() {
    let project = Project::with_odd();
    let mut shapes = Shapes::default();
    jobs(&mut shapes, &project);
    bulks(&mut shapes, &project);
    queues_and_keys(&mut shapes, &project);
    the_rest(&mut shapes, &project);
    handlers(&mut shapes, &project);

    let known: BTreeSet<String> = shapes.0.keys().cloned().chain(WITHOUT.map(str::to_owned)).collect();
    let missing: Vec<String> = commands().difference(&known).cloned().collect();
    assert!(missing.is_empty(), "commands without a shape: {missing:?}");

    if std::env::var_os("CAPSTAN_RENEW").is_some() {
        std::fs::remove_dir_all(shelf()).ok();
        std::fs::create_dir_all(shelf()).unwrap();
        for (name, shape) in &shapes.0 {
            std::fs::write(shelf().join(format!("{name}.json")), serde_json::to_string_pretty(shape).unwrap() + "\n")
                .unwrap();
        }
    }
    let mut wrong = Vec::new();
    for (name, shape) in &shapes.0 {
        let path = shelf().join(format!("{name}.json"));
        let kept: Value =
            std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        differences(name, &kept, shape, &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "\n{}\nCAPSTAN_RENEW=1 renews the shapes, if scripts can live with that",
        wrong.join("\n")
    );
}

/// Where two shapes differ.
fn differences(at: &str, kept: &Value, found: &Value, wrong: &mut Vec<String>) {
    match (kept, found) {
        (kept, found) if kept == found => {}
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => differences(&format!("{at}.{name}"), one, other, wrong),
                    (Some(_), None) => wrong.push(format!("{at}.{name} is gone")),
                    (None, _) => wrong.push(format!("{at}.{name} is new")),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == 1 && other.len() == 1 => {
            differences(&format!("{at}[]"), &one[0], &other[0], wrong);
        }
        (kept, found) => wrong.push(format!("{at} was {kept} and is {found}")),
    }
}

#[test]
fn a_key_that_goes_and_one_that_changes_its_type_are_seen() {
    let kept =
        shape(&json!({"id": 1, "rate": 0.5, "tags": ["a"], "error": {"class": "x"}, "items": [{"a": 1}, {"a": null}]}));
    assert_eq!(kept["items"], json!([{"a": {"one of": ["null", "integer"]}}]));
    for (found, words) in [
        (
            json!({"id": "1", "rate": 0.5, "tags": ["a"], "error": {"class": "x"}, "items": [{"a": 1}, {"a": null}]}),
            "at.id was \"integer\" and is \"string\"",
        ),
        (
            json!({"id": 1, "rate": 0.5, "tags": ["a"], "error": {}, "items": [{"a": 1}, {"a": null}]}),
            "at.error.class is gone",
        ),
        (
            json!({"id": 1, "rate": 0.5, "tags": [1], "error": {"class": "x"}, "items": [{"a": 1}, {"a": null}]}),
            "at.tags[] was \"string\" and is \"integer\"",
        ),
        (
            json!({"id": 1, "rate": 0.5, "tags": ["a"], "error": {"class": "x"}, "items": [{"a": 1}, {}]}),
            "at.items[].a is gone",
        ),
    ] {
        let mut wrong = Vec::new();
        differences("at", &kept, &shape(&found), &mut wrong);
        assert!(wrong.iter().any(|wrong| wrong == words), "{wrong:?} without {words:?}");
    }
}
