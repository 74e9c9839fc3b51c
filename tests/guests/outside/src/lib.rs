//! The kind `outside`: sends the requests that its payload lists, one after the other, and answers with what
//! came back. With `"strict": true` the first that goes wrong fails the attempt. It asks for the secret `harbour`, and
//! logs whatever it finds of the host's environment.

use capstan_sdk::http::{HttpError, Request};
use capstan_sdk::{Asks, Empty, Failure, Handler, Job, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Sends requests.
#[derive(Default)]
pub struct Outside;

/// What to send.
#[derive(Deserialize, JsonSchema)]
pub struct Payload {
    /// The requests.
    pub send: Vec<Send>,
    /// Whether the first that goes wrong fails the attempt.
    #[serde(default)]
    pub strict: bool,
}

/// One request.
#[derive(Deserialize, JsonSchema)]
pub struct Send {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The address.
    pub url: String,
    /// Headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The length of the body.
    #[serde(default)]
    pub body: usize,
    /// A path that is put into the request as it is, in place of that of `url`.
    #[serde(default)]
    pub raw_path: Option<String>,
    /// How many redirects to follow.
    #[serde(default)]
    pub redirects: u32,
    /// A header of the answer that is told in front of the body.
    #[serde(default)]
    pub tell: Option<String>,
    /// How long to wait, in milliseconds.
    #[serde(default = "patience")]
    pub within_ms: u64,
}

fn get() -> String {
    "GET".to_owned()
}

fn patience() -> u64 {
    60_000
}

/// What came back.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// An answer: its status and its body.
    Answer(u16, String),
    /// None, and why.
    Error(String),
}

impl Handler for Outside {
    const KIND: &'static str = "outside";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "sends requests";
    type Payload = Payload;
    type Config = Empty;
    type Result = Vec<Back>;

    fn asks() -> Asks {
        Asks::default().http("* *://*:*").secret("harbour")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Vec<Back>>, Failure> {
        log::info!("environment {:?}", std::env::vars().collect::<Vec<_>>());
        let mut back = Vec::new();
        for request in &job.payload().send {
            match send(request) {
                Ok((status, body)) => back.push(Back::Answer(status, body)),
                Err(error) if job.payload().strict => return Err(error.into()),
                Err(error) => back.push(Back::Error(error.to_string())),
            }
        }
        Ok(Success::Done(back))
    }
}

fn send(wanted: &Send) -> Result<(u16, String), HttpError> {
    if let Some(path) = &wanted.raw_path {
        return raw(&wanted.url, path);
    }
    let mut request = Request::new(&wanted.method, &wanted.url)
        .redirects(wanted.redirects)
        .within(Duration::from_millis(wanted.within_ms));
    for (name, value) in &wanted.headers {
        request = request.header(name, value);
    }
    let answer = request.body(vec![b'x'; wanted.body]).send()?;
    let status = answer.status();
    let told = wanted.tell.as_deref().map(|name| format!("{name}: {}\n", answer.header(name).unwrap_or_default()));
    let body = answer.bytes(1 << 30)?;
    Ok((status, told.unwrap_or_default() + &String::from_utf8_lossy(&body).chars().take(200).collect::<String>()))
}

/// Past the SDK's own checks.
#[cfg(target_family = "wasm")]
fn raw(url: &str, path: &str) -> Result<(u16, String), HttpError> {
    use wasip2::http::types::{Headers, OutgoingRequest, Scheme};
    let refused = |what: &str| HttpError::Invalid { url: url.to_owned(), reason: format!("{what} is refused") };
    let request = OutgoingRequest::new(Headers::new());
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| refused("scheme"))?;
    request.set_authority(Some(authority)).map_err(|()| refused("authority"))?;
    request.set_path_with_query(Some(path)).map_err(|()| refused("path"))?;
    let future = wasip2::http::outgoing_handler::handle(request, None)
        .map_err(|code| HttpError::Broken { url: url.to_owned(), reason: code.to_string() })?;
    future.subscribe().block();
    match future.get() {
        Some(Ok(Ok(answer))) => Ok((answer.status(), String::new())),
        Some(Ok(Err(code))) => Err(HttpError::Broken { url: url.to_owned(), reason: code.to_string() }),
        _ => Err(refused("waiting")),
    }
}

#[cfg(not(target_family = "wasm"))]
fn raw(url: &str, _: &str) -> Result<(u16, String), HttpError> {
    Err(HttpError::Denied(url.to_owned()))
}

capstan_sdk::export!(Outside);
