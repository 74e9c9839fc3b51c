//! Searching the library, and what a handler can do without, on the bench.

use capstan_sdk::testing::Bench;
use capstan_sdk::{Asks, Empty, Failure, Handler, Job, Passage, Scope, Success};
use serde_json::{Value, json};

/// Answers the texts that it finds about ducks.
#[derive(Default)]
struct Looks;

impl Handler for Looks {
    const KIND: &'static str = "looks";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "looks for ducks";
    type Payload = Empty;
    type Config = Empty;
    type Result = Vec<String>;

    fn asks() -> Asks {
        Asks::default().retrieve().optional_http("POST *://*:*").optional_secret("chat")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Vec<String>>, Failure> {
        let scope = Scope { sources: vec!["https://a.example".to_owned()], ..Scope::default() };
        let found = job.retrieve("\"Swimming\" ducks?", &scope, 2)?;
        Ok(Success::Done(found.into_iter().map(|passage| passage.text).collect()))
    }
}

/// The same without asking for it.
#[derive(Default)]
struct Peeks;

impl Handler for Peeks {
    const KIND: &'static str = "peeks";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "looks without asking";
    type Payload = Empty;
    type Config = Empty;
    type Result = usize;

    fn run(&mut self, job: &Job<Self>) -> Result<Success<usize>, Failure> {
        Ok(Success::Done(job.retrieve("ducks", &Scope::default(), 1)?.len()))
    }
}

fn passage(url: &str, text: &str) -> Passage {
    Passage { url: url.to_owned(), text: text.to_owned(), ..Passage::default() }
}

#[test]
fn the_best_passages_within_the_scope_are_found() {
    let library = vec![
        passage("https://a.example/1", "Ducks."),
        passage("https://a.example/2", "Tea."),
        passage("https://b.example/3", "Swimming ducks."),
        passage("https://a.example/4", "Ducks are swimming."),
    ];
    let run = Bench::<Looks>::new().library(library).run().unwrap();
    assert_eq!(run.done(), Some(&json!(["Ducks are swimming.", "Ducks."])));
    assert_eq!(run.searches(), ["\"Swimming\" ducks?"]);
}

#[test]
fn who_did_not_ask_finds_nothing() {
    let run = Bench::<Peeks>::new().run().unwrap();
    assert!(run.failure().unwrap().to_string().contains("name it with `Asks::retrieve`"));
    let refused = Bench::<Peeks>::new().library(Vec::new()).run().unwrap_err();
    assert!(refused.to_string().contains("retrieve"), "{refused}");
}

#[test]
fn what_a_handler_can_do_without_is_described_apart() {
    let asks: Value = serde_json::to_value(Bench::<Looks>::describe().unwrap().asks).unwrap();
    assert_eq!(asks["retrieve"], true);
    assert_eq!(asks["optional"], json!({"http": ["POST *://*:*"], "secrets": ["chat"]}));
    assert!(asks.get("http").is_none() && asks.get("secrets").is_none(), "{asks}");
}
