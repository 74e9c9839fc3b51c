//! From the job's JSON to the handler and back.

use capstan_sdk::testing::{Bench, BenchError};
use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, Success};
use rustix::time::{ClockId, clock_gettime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Answers what it is told about the job.
#[derive(Default)]
pub(crate) struct Echo;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Payload {
    word: String,
    #[serde(default)]
    unchanged: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    times: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { times: 2 }
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    words: String,
    #[serde(flatten)]
    job: Map<String, Value>,
}

impl Handler for Echo {
    const KIND: &'static str = "echo";
    const VERSION: &'static str = "1.2.3";
    const ABOUT: &'static str = "answers what it is told";
    type Payload = Payload;
    type Config = Config;
    type Result = Answer;

    fn asks() -> Asks {
        Asks::default().imports().artifacts("ingest").artifacts("ingest")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![Artifact::new("said.txt", "text/plain", "what was said")]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Answer>, Failure> {
        let words = job.payload().word.repeat(job.config().times);
        job.output().write("said.txt", &words)?;
        let facts = json!({
            "id": job.id(), "kind": job.kind(), "subject": job.subject(), "source": job.source(),
            "title": job.title(), "tags": job.tags(), "attempt": job.attempt(), "key": job.idempotency_key(),
        });
        let answer = Answer { words, job: facts.as_object().cloned().unwrap_or_default() };
        Ok(if job.payload().unchanged { Success::Unchanged(answer) } else { Success::Done(answer) })
    }
}

capstan_sdk::export!(Echo);

#[test]
fn a_handler_sees_its_job() {
    let run = Bench::<Echo>::new()
        .payload(json!({ "word": "ho" }))
        .config(json!({ "times": 3 }))
        .id(7)
        .subject("ab".repeat(16))
        .source("file:///a.html")
        .title("A page")
        .tag("new")
        .tag("read")
        .attempt(2)
        .run()
        .unwrap();
    assert_eq!(
        run.done(),
        Some(&json!({
            "words": "hohoho", "id": 7, "kind": "echo", "subject": "ab".repeat(16), "source": "file:///a.html",
            "title": "A page", "tags": ["new", "read"], "attempt": 2, "key": "bench-7",
        }))
    );
    assert_eq!(run.outputs().collect::<Vec<_>>(), ["said.txt"]);
    assert_eq!(run.text("said.txt"), Some("hohoho"));
    assert_eq!(run.unchanged(), None);
}

#[test]
fn configuration_is_the_default_unless_set() {
    let run = Bench::<Echo>::new().payload(json!({ "word": "ho" })).run().unwrap();
    assert_eq!(run.done().unwrap()["words"], "hoho");
}

#[test]
fn unchanged_is_another_ending() {
    let run = Bench::<Echo>::new().payload(json!({ "word": "", "unchanged": true })).run().unwrap();
    assert_eq!(run.done(), None);
    assert_eq!(run.unchanged().unwrap()["id"], 1);
    assert!(run.outcome().is_ok());
}

#[test]
fn a_payload_that_does_not_fit_is_a_permanent_failure() {
    let run = Bench::<Echo>::new().payload(json!({ "world": "ho" })).run().unwrap();
    assert_eq!(
        run.failure().unwrap().to_string(),
        "permanent: payload of kind `echo` does not fit: missing field `word` at line 1 column 14; \
         `capstan handler inspect` shows its schema"
    );
}

#[test]
fn a_configuration_that_does_not_fit_is_a_permanent_failure() {
    let run = Bench::<Echo>::new().payload(json!({ "word": "ho" })).config(json!({ "time": 1 })).run().unwrap();
    let failure = run.failure().unwrap().to_string();
    assert!(failure.starts_with("permanent: config of kind `echo` does not fit: unknown field `time`"), "{failure}");
}

#[test]
fn a_bench_gives_only_what_was_asked_for() {
    let refused = Bench::<Echo>::new().input("summarise", "a.txt", "").run();
    assert!(matches!(refused, Err(BenchError::NotAsked(what)) if what == "artifacts of summarise"));
}

/// Works until its thread has run for two milliseconds.
#[derive(Default)]
struct Busy;

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

const WORK: Duration = Duration::from_millis(2);

impl Handler for Busy {
    const KIND: &'static str = "busy";
    const VERSION: &'static str = "1.0.0";
    const ABOUT: &'static str = "works";
    type Payload = Map<String, Value>;
    type Config = Map<String, Value>;
    type Result = ();

    fn run(&mut self, _job: &Job<Self>) -> Result<Success<()>, Failure> {
        let began = thread_time();
        while thread_time() - began < WORK {}
        Ok(Success::Done(()))
    }
}

#[test]
fn a_run_says_what_the_handler_cost_and_not_what_the_bench_did() {
    let began = thread_time();
    let run = Bench::<Busy>::new().run().unwrap();
    let all = thread_time() - began;
    assert!(WORK <= run.cpu() && run.cpu() < all, "{:?} of {all:?}", run.cpu());
}
