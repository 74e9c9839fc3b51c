//! A server that speaks the OpenAI-compatible API, well and badly, as each test needs it.
//!
//! What it answers depends on the question alone: the words of a chat begin with those of the question, and texts
//! that share words have vectors that are near each other. It answers by a script, a [`Turn`] for each request, and
//! remembers every request as it came. What it cannot promise: to be as strict as a real server about anything but
//! the model's name and streaming.

use super::web::{Page, Request, Web, answer};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// The only model that it has.
pub(crate) const MODEL: &str = "sage";
/// Words of the question that are in its answer.
const REPEATED: usize = 12;

/// What it does about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// What is asked of it.
    Fine,
    /// A chat that says exactly this.
    Says(String),
    /// A chat that is cut where its tokens end, after this.
    Cut(String),
    /// Vectors of so many dimensions, whatever it was made for.
    Dimension(usize),
    /// A 429 with this `Retry-After`.
    Busy(&'static str),
    /// A refusal with this status line, and nothing about when to come again.
    Refuses(&'static str),
    /// Nothing at all until the client goes.
    Hangs,
    /// A head and a byte, and nothing more until the client goes.
    Stalls,
    /// A success that is no JSON.
    Garbage,
    /// All that was sent, headers and body, given back in this form.
    Echo(Echo),
}

/// Where an echo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// In the words of a chat, and beside the vectors.
    Answer,
    /// In a success that is no JSON.
    Garbage,
    /// In the message of a refusal.
    Refusal,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Value,
}

pub(crate) struct Model {
    web: Web,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Model {
    /// One with vectors of so many dimensions. Each request takes a turn of the script; the last one stays.
    pub(crate) fn new(dimension: usize, script: &[Turn]) -> Self {
        assert!(!script.is_empty(), "a script has a turn");
        let (asked, script) = (Arc::new(Mutex::new(Vec::new())), script.to_vec());
        let notes = Arc::clone(&asked);
        let make = Page::Made(Arc::new(move |request: &Request| {
            let request = read(request);
            let turn = {
                let mut notes = notes.lock().unwrap();
                let turn = script[notes.len().min(script.len() - 1)].clone();
                notes.push(request.clone());
                turn
            };
            reply(&request, &turn, dimension)
        }));
        let web = Web::new(&[("/v1/chat/completions", make.clone()), ("/v1/embeddings", make)]);
        Self { web, asked }
    }

    /// Where the API begins.
    pub(crate) fn url(&self) -> String {
        self.web.url("/v1")
    }

    /// The table that sends the handler of this kind here.
    pub(crate) fn endpoint(&self, kind: &str) -> String {
        format!("[kind.{kind}.config.endpoint]\nurl = \"{}\"\nmodel = \"{MODEL}\"", self.url())
    }

    /// The pattern that grants requests to it.
    pub(crate) fn pattern(&self) -> String {
        format!("POST http://127.0.0.1:{}", self.web.port())
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Wait until so many requests have come.
    pub(crate) fn await_requests(&self, wanted: usize) {
        self.web.await_requests(wanted);
    }
}

fn read(request: &Request) -> Asked {
    let path = request.line.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    Asked { path, headers: request.headers.clone(), body }
}

fn reply(asked: &Asked, turn: &Turn, dimension: usize) -> Page {
    let type_of_json = ["content-type: application/json"];
    let fine = |body: &Value| Page::Raw(answer("200 OK", &type_of_json, body.to_string().as_bytes()));
    let refuses = |status: &str, headers: &[&str], message: &str| {
        let body = json!({ "error": { "message": message, "type": "of the test" } }).to_string();
        Page::Raw(answer(status, &[&type_of_json, headers].concat(), body.as_bytes()))
    };
    let plain = |text: &str| Page::Raw(answer("200 OK", &["content-type: text/plain"], text.as_bytes()));
    if let Some(mistake) = mistake(asked) {
        return refuses(mistake.0, &[], &mistake.1);
    }
    let is_chat = asked.path.ends_with("/chat/completions");
    match turn {
        Turn::Fine if is_chat => fine(&chat(asked, &words(asked), "stop")),
        Turn::Fine => fine(&vectors(asked, dimension)),
        Turn::Says(text) => fine(&chat(asked, text, "stop")),
        Turn::Cut(text) => fine(&chat(asked, text, "length")),
        Turn::Dimension(other) => fine(&vectors(asked, *other)),
        Turn::Busy(after) => {
            refuses("429 Too Many Requests", &[&format!("retry-after: {after}")], "too many questions at once")
        }
        Turn::Refuses(status) => refuses(status, &[], "it is not to be"),
        Turn::Hangs => Page::Silent,
        Turn::Stalls => {
            Page::Stalls(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n".to_vec())
        }
        Turn::Garbage => plain("The model is thinking, come back later."),
        Turn::Echo(Echo::Garbage) => plain(&echo(asked)),
        Turn::Echo(Echo::Refusal) => refuses("400 Bad Request", &[], &echo(asked)),
        Turn::Echo(Echo::Answer) if is_chat => fine(&chat(asked, &echo(asked), "stop")),
        Turn::Echo(Echo::Answer) => {
            let mut body = vectors(asked, dimension);
            body["echo"] = json!(echo(asked));
            fine(&body)
        }
    }
}

/// What every server refuses: the status, and why.
fn mistake(asked: &Asked) -> Option<(&'static str, String)> {
    let model = &asked.body["model"];
    if model != MODEL {
        return Some(("404 Not Found", format!("model {model} is not here")));
    }
    let wants_stream = asked.path.ends_with("/chat/completions") && asked.body["stream"] != json!(false);
    wants_stream.then(|| ("400 Bad Request", "it answers as a whole only".to_owned()))
}

fn echo(asked: &Asked) -> String {
    format!("{}\n{}", asked.headers.join("\n"), asked.body)
}

/// What is said in the messages or texts.
fn said(asked: &Asked) -> Vec<&str> {
    let messages = asked.body["messages"].as_array().into_iter().flatten();
    let texts = asked.body["input"].as_array().into_iter().flatten();
    messages.filter_map(|message| message["content"].as_str()).chain(texts.filter_map(Value::as_str)).collect()
}

/// The first words of the last message, as a sentence, or as an object where JSON is wanted.
fn words(asked: &Asked) -> String {
    let last = said(asked).last().copied().unwrap_or_default();
    let first: Vec<&str> = last.split_whitespace().take(REPEATED).collect();
    if asked.body["response_format"]["type"] == "json_object" {
        return json!({ "words": first }).to_string();
    }
    format!("It says: {}.", first.join(" ").trim_end_matches('.'))
}

fn count(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.split_whitespace().count()).sum()
}

fn chat(asked: &Asked, text: &str, reason: &str) -> Value {
    let (prompt, completion) = (count(&said(asked)), count(&[text]));
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": reason }],
        "usage": { "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion },
    })
}

/// A vector for each text, the last one first.
fn vectors(asked: &Asked, dimension: usize) -> Value {
    let texts = said(asked);
    let row = |(index, text): (usize, &&str)| json!({ "object": "embedding", "index": index, "embedding": vector(text, dimension) });
    let data: Vec<Value> = texts.iter().enumerate().rev().map(row).collect();
    let used = count(&texts);
    json!({
        "object": "list", "data": data, "model": MODEL, "usage": { "prompt_tokens": used, "total_tokens": used },
    })
}

/// How often words are in a text, each counted in the dimension that its hash (FNV-1a) names; never all zeros.
fn vector(text: &str, dimension: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimension];
    vector[0] = 0.125;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = word
            .to_lowercase()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        vector[usize::try_from(hash % dimension as u64).unwrap()] += 1.0;
    }
    vector
}

mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// The status line and the body of what comes back, head included where it is not JSON.
    fn post(model: &Model, path: &str, body: &Value) -> (String, String) {
        let mut stream = TcpStream::connect(model.url().split('/').nth(2).unwrap()).unwrap();
        let body = body.to_string();
        let head = format!("POST /v1/{path} HTTP/1.1\r\nAuthorization: Bearer Key-1\r\ncontent-length: {}", body.len());
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn question(more: &Value) -> Value {
        let mut question = json!({
            "model": MODEL, "stream": false, "messages": [{ "role": "user", "content": "Where is the harbour?" }],
        });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    }

    fn content(body: &str) -> String {
        let body: Value = serde_json::from_str(body).unwrap();
        body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_model_answers_by_its_question_and_remembers_it() {
        let model = Model::new(4, &[Turn::Fine]);
        let (head, body) = post(&model, "chat/completions", &question(&json!({})));
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert_eq!(content(&body), "It says: Where is the harbour?.");
        let wanted = json!({ "response_format": { "type": "json_object" } });
        let (_, body) = post(&model, "chat/completions", &question(&wanted));
        assert_eq!(content(&body), r#"{"words":["Where","is","the","harbour?"]}"#);
        let (_, body) = post(&model, "embeddings", &json!({ "model": MODEL, "input": ["sea", "Sea, sea!"] }));
        let body: Value = serde_json::from_str(&body).unwrap();
        let rows = body["data"].as_array().unwrap();
        assert_eq!((&rows[0]["index"], &rows[1]["index"]), (&json!(1), &json!(0)));
        assert_eq!(body["usage"]["total_tokens"], 3);
        assert_eq!((vector("sea", 4), vector("SEA!", 4)), (vector("Sea", 4), vector("sea", 4)));
        assert_ne!(vector("sea", 64), vector("land", 64));
        model.await_requests(3);
        let asked = model.asked();
        assert_eq!((asked.len(), asked[2].path.as_str()), (3, "/v1/embeddings"));
        assert_eq!(asked[0].headers[0], "Authorization: Bearer Key-1");
        assert_eq!(asked[1].body["response_format"]["type"], "json_object");
        assert!(model.endpoint("summarise").starts_with("[kind.summarise.config.endpoint]\nurl = \"http://127.0.0.1:"));
        assert!(model.url().contains(model.pattern().rsplit('/').next().unwrap()));
    }

    #[test]
    fn a_script_is_followed_to_its_end() {
        let script = [
            Turn::Refuses("500 Internal Server Error"),
            Turn::Busy("7"),
            Turn::Says("Here.".to_owned()),
            Turn::Cut("He".to_owned()),
            Turn::Garbage,
            Turn::Echo(Echo::Answer),
            Turn::Echo(Echo::Garbage),
            Turn::Echo(Echo::Refusal),
        ];
        let model = Model::new(4, &script);
        let ask = || post(&model, "chat/completions", &question(&json!({})));
        assert!(ask().0.starts_with("HTTP/1.1 500 Internal Server Error"));
        let busy = ask().0;
        assert!(busy.starts_with("HTTP/1.1 429") && busy.contains("\r\nretry-after: 7\r\n"), "{busy}");
        assert_eq!(content(&ask().1), "Here.");
        assert!(ask().1.contains("\"finish_reason\":\"length\""));
        assert!(ask().1.starts_with("The model is thinking"));
        assert!(content(&ask().1).starts_with("Authorization: Bearer Key-1\n"));
        assert!(ask().1.starts_with("Authorization: Bearer Key-1\n"));
        for _ in 0..2 {
            let (head, body) = ask();
            assert!(head.starts_with("HTTP/1.1 400") && body.contains("Bearer Key-1"), "{head}\n{body}");
        }
    }

    #[test]
    fn another_dimension_and_an_echo_are_beside_the_vectors() {
        let model = Model::new(4, &[Turn::Dimension(3), Turn::Echo(Echo::Answer)]);
        let ask = || -> Value {
            let (_, body) = post(&model, "embeddings", &json!({ "model": MODEL, "input": ["sea"] }));
            serde_json::from_str(&body).unwrap()
        };
        assert_eq!(ask()["data"][0]["embedding"].as_array().unwrap().len(), 3);
        let echoed = ask();
        assert_eq!(echoed["data"][0]["embedding"].as_array().unwrap().len(), 4);
        assert!(echoed["echo"].as_str().unwrap().contains("Bearer Key-1"));
    }

    #[test]
    fn other_models_and_streams_are_refused() {
        let model = Model::new(4, &[Turn::Fine]);
        let (head, body) = post(&model, "chat/completions", &question(&json!({ "model": "fool" })));
        assert!(head.starts_with("HTTP/1.1 404") && body.contains("model \\\"fool\\\" is not here"), "{body}");
        let (head, _) = post(&model, "chat/completions", &question(&json!({ "stream": true })));
        assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    }

    #[test]
    fn one_that_hangs_says_nothing_and_one_that_stalls_a_byte() {
        let model = Model::new(4, &[Turn::Hangs, Turn::Stalls]);
        let body = question(&json!({})).to_string();
        for said in ["", "x"] {
            let mut stream = TcpStream::connect(model.url().split('/').nth(2).unwrap()).unwrap();
            let head = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.ends_with(said) && answer.is_empty() == said.is_empty(), "{answer}");
        }
    }
}
