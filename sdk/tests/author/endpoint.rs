//! A model behind an API: a handler that asks it, and a server that answers.

use std::sync::{Arc, Mutex};

use capstan_sdk::endpoint::{Ending, Endpoint, Message};
use capstan_sdk::http::HttpError;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Asked, Bench, Run};
use capstan_sdk::{Asks, Failure, Handler, Job, Success};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

mod chat;
mod refusal;
mod vectors;

const URL: &str = "http://127.0.0.1:11434/v1";

/// Puts one question to a model.
#[derive(Default)]
struct Thinks;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Payload {
    Chat,
    Json,
    Embed { texts: Vec<String>, dimension: Option<usize> },
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Tag {
    tag: String,
}

impl Handler for Thinks {
    const KIND: &'static str = "thinks";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "puts one question to a model";
    type Payload = Payload;
    type Config = Config;
    type Result = Value;

    fn asks() -> Asks {
        Asks::default().http("POST *://*:*")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Value>, Failure> {
        let endpoint = job.config().endpoint.as_ref().unwrap();
        let messages = [Message::system("Be short."), Message::user("Where?"), Message::assistant("Here.")];
        Ok(Success::Done(match job.payload() {
            Payload::Chat => {
                let reply = endpoint.chat(&messages)?;
                json!({ "text": reply.text, "tokens": reply.tokens, "whole": reply.ending == Ending::Whole })
            }
            Payload::Json => {
                let known = |Tag { tag }| if tag == "sea" { Ok(tag) } else { Err(format!("tag {tag:?} is unknown")) };
                json!(endpoint.json(&messages, known)?)
            }
            Payload::Embed { texts, dimension } => json!(endpoint.embeddings(texts, *dimension)?),
        }))
    }
}

type Outcome = Result<Answer, HttpError>;

/// Run it beside this server; what it did, and what the server was asked.
fn run(payload: &Value, more: &Value, answer: impl Fn(&Asked) -> Outcome + Send + Sync + 'static) -> (Run, Vec<Asked>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let mut endpoint = json!({ "url": URL, "model": "sage" });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let outside = move |request: &Asked| {
        notes.lock().unwrap().push(request.clone());
        answer(request)
    };
    let bench = Bench::<Thinks>::new().payload(payload.clone()).config(json!({ "endpoint": endpoint }));
    let run = bench.outside(outside).run().unwrap();
    let asked = asked.lock().unwrap().clone();
    (run, asked)
}

fn ok(body: &Value) -> Outcome {
    Ok(Answer::new(200).body(body.to_string()))
}

fn says(content: &Value, reason: &str) -> Value {
    json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": reason }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 },
    })
}

fn sent(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

fn embed(texts: usize, dimension: Option<usize>) -> Value {
    let texts: Vec<String> = (0..texts).map(|text| text.to_string()).collect();
    json!({ "embed": { "texts": texts, "dimension": dimension } })
}

/// An answer with these vectors, in this order.
fn vectors(rows: &[(usize, Value)]) -> Value {
    let data: Vec<Value> = rows.iter().map(|(index, of)| json!({ "index": index, "embedding": of })).collect();
    json!({ "data": data, "usage": { "prompt_tokens": 3, "total_tokens": 3 } })
}

#[track_caller]
fn is_bad(run: &Run, words: &str) {
    match run.failure() {
        Some(Failure::Other { code, json }) if code == "bad-output" => {
            let message = json["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
            let entry = run.log().iter().find(|entry| entry.level == Level::Error).unwrap();
            assert!(entry.message.contains(words), "{entry:?}");
        }
        other => panic!("{words}: {other:?}"),
    }
}

/// The beginning of the answer, as the log has it.
fn logged(run: &Run) -> &str {
    let entry = run.log().iter().find(|entry| entry.level == Level::Error).unwrap();
    &entry.fields.iter().find(|(name, _)| name == "answer").unwrap().1
}
