//! Inputs and outputs.

use std::io::{Read, Write};

use capstan_sdk::testing::Bench;
use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Copies a file from one place to another.
#[derive(Default)]
struct Copy;

#[derive(Deserialize, JsonSchema)]
struct Payload {
    /// `imports`, `models`, or a kind.
    of: String,
    from: String,
    to: String,
}

impl Handler for Copy {
    const KIND: &'static str = "copy";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "copies a file";
    type Payload = Payload;
    type Config = Empty;
    type Result = ();

    fn asks() -> Asks {
        Asks::default().imports().models().artifacts("copy")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new("copy", "text/plain", "the copy")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<()>, Failure> {
        let Payload { of, from, to } = job.payload();
        let input = match of.as_str() {
            "imports" => job.imports()?,
            "models" => job.models()?,
            kind => job.input(kind).permanent("no generation")?,
        };
        let mut bytes = Vec::new();
        input.open(from)?.read_to_end(&mut bytes)?;
        assert_eq!(input.read(from)?, bytes);
        assert!(input.exists(from) && input.path(from).is_file());
        job.output().create(to)?.write_all(&bytes)?;
        Ok(Success::Done(()))
    }
}

fn copy(of: &str, from: &str, to: &str) -> Bench<Copy> {
    Bench::new().payload(json!({ "of": of, "from": from, "to": to }))
}

fn refusal(bench: &Bench<Copy>) -> String {
    bench.run().unwrap().failure().unwrap().to_string()
}

#[test]
fn folders_are_made_on_the_way() {
    let run = copy("imports", "a/b.txt", "c/d/e.txt").import("a/b.txt", "text").run().unwrap();
    assert_eq!(run.outputs().collect::<Vec<_>>(), ["c/d/e.txt"]);
    assert_eq!(run.text("c/d/e.txt"), Some("text"));
}

#[test]
fn an_earlier_run_can_be_an_input() {
    let first = copy("imports", "a.txt", "b.txt").import("a.txt", "text").run().unwrap();
    let second = copy("copy", "b.txt", "c.txt").generation("copy", &first).run().unwrap();
    assert_eq!(second.output("c.txt"), Some(b"text".as_slice()));
}

#[test]
fn a_real_folder_can_be_the_import() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "text").unwrap();
    let run = copy("imports", "a.txt", "b.txt").import_folder(folder.path()).run().unwrap();
    assert_eq!(run.text("b.txt"), Some("text"));
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        refusal(&copy("imports", "a.txt", "b.txt")),
        "permanent: /imports is not there; the job comes from no imported folder, or `imports` was not asked for \
         or not granted"
    );
    assert_eq!(refusal(&copy("copy", "a.txt", "b.txt")), "permanent: no generation");
    let missing = refusal(&copy("imports", "a.txt", "b.txt").import("c.txt", ""));
    assert!(missing.contains("a.txt`: No such file"), "{missing}");
}

#[test]
fn a_path_that_leaves_its_folder_is_refused() {
    for (from, to) in [("../a.txt", "b.txt"), ("/etc/hostname", "b.txt"), ("a.txt", "../b.txt"), ("a.txt", "/b.txt")] {
        let refusal = refusal(&copy("imports", from, to).import("a.txt", "text"));
        assert!(refusal.contains("leaves its folder"), "{from} {to}: {refusal}");
    }
}

#[test]
fn models_are_read_from_the_folder_that_a_test_gives() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weights"), "12").unwrap();
    let run = copy("models", "weights", "copy").models_folder(folder.path()).run().unwrap();
    assert_eq!(run.output("copy"), Some(&b"12"[..]));
    let refused = refusal(&copy("models", "weights", "copy"));
    assert!(refused.contains("/models is not there"), "{refused}");
}
