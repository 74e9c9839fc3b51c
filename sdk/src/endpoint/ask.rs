//! One question to the server: sent, judged by its status, read as far as is allowed.

use std::io::Read;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Endpoint;
use crate::http::{HttpError, Request, Response};
use crate::{Failure, log};

/// Bytes that the answer of a chat may have: 8 MiB.
pub const MAX_CHAT: u64 = 8 << 20;
/// Bytes that the answer with the vectors of one batch may have: 64 MiB.
pub const MAX_VECTORS: u64 = 64 << 20;
/// Bytes that are read of an answer which is no success.
const MAX_REFUSAL: u64 = 64 << 10;
/// Bytes that are repeated of what a server says about its refusal.
const MAX_SAID: usize = 512;
/// Bytes of an answer without use that go to the log.
const MAX_RAW: usize = 8 << 10;

/// What is asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Chat,
    Embeddings,
}

impl Service {
    const fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Embeddings => "embeddings",
        }
    }

    /// The name that the bundled handlers ask for its key by.
    const fn secret(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }

    const fn limit(self) -> u64 {
        match self {
            Self::Chat => MAX_CHAT,
            Self::Embeddings => MAX_VECTORS,
        }
    }
}

/// What a server says about the tokens that it used.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Usage {
    total_tokens: Option<u64>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Usage {
    fn tokens(self) -> Option<u64> {
        let parts = || self.prompt_tokens.map(|asked| asked.saturating_add(self.completion_tokens.unwrap_or(0)));
        self.total_tokens.or_else(parts)
    }
}

/// The part of every answer that is of interest whatever else is in it.
#[derive(Deserialize)]
struct Bill {
    usage: Option<Usage>,
}

/// The body of an answer, and where it came from.
pub(super) struct Answer {
    pub(super) url: String,
    body: Vec<u8>,
}

impl Answer {
    /// The answer as a document, and the tokens that it says were used, which are charged.
    pub(super) fn parse<T: DeserializeOwned>(&self, usage: fn(&T) -> Option<Usage>) -> Result<(T, u64), Failure> {
        let parsed = serde_json::from_slice::<T>(&self.body);
        let used = match &parsed {
            Ok(document) => usage(document),
            Err(_) => serde_json::from_slice::<Bill>(&self.body).ok().and_then(|bill| bill.usage),
        };
        let tokens = used.and_then(Usage::tokens);
        crate::desk::tokens(tokens.unwrap_or(0));
        let document = parsed.map_err(|error| self.unusable(&error.to_string()))?;
        if tokens.is_none() {
            log::warn!("{} does not say how many tokens it used, so none are charged", self.url);
        }
        Ok((document, tokens.unwrap_or(0)))
    }

    /// The failure of an answer without use. Its beginning goes to the log.
    pub(super) fn unusable(&self, reason: &str) -> Failure {
        unusable(&self.url, &self.body, reason)
    }
}

/// The failure of an answer without use. Its beginning goes to the log.
pub(super) fn unusable(url: &str, body: &[u8], reason: &str) -> Failure {
    let raw = String::from_utf8_lossy(&body[..body.len().min(MAX_RAW)]);
    log::error!("the answer of {url} cannot be used: {reason}"; "bytes" => body.len(), "answer" => raw);
    Failure::bad_output(format!("the answer of {url} cannot be used: {reason}; its beginning is in the log"))
}

/// Ask, and read the whole answer.
pub(super) fn ask(endpoint: &Endpoint, service: Service, question: &impl Serialize) -> Result<Answer, Failure> {
    let url = format!("{}/{}", endpoint.url().trim_end_matches('/'), service.path());
    let request = Request::post(url.as_str()).within(endpoint.timeout).header("accept", "application/json");
    let answer = request.json(question)?.send()?;
    if !(200..300).contains(&answer.status()) {
        let after = answer.retry_after(SystemTime::now());
        let status = answer.status();
        let (body, _) = read(answer, MAX_REFUSAL);
        return Err(refused(endpoint, service, &Refusal { url, status, after, said: said(&body) }));
    }
    let limit = service.limit();
    let (body, broken) = read(answer, limit + 1);
    if let Some(error) = broken {
        return Err(error);
    }
    if body.len() as u64 > limit {
        return Err(unusable(&url, &body, &format!("it is longer than {limit} bytes")));
    }
    Ok(Answer { url, body })
}

/// At most so many bytes of a body, and why there are no more where it broke.
fn read(answer: Response, most: u64) -> (Vec<u8>, Option<Failure>) {
    let mut body = Vec::new();
    let read = answer.reader().take(most).read_to_end(&mut body);
    (body, read.err().map(|error| error.downcast::<HttpError>().map_or_else(Failure::from, Failure::from)))
}

/// An answer that is no success.
struct Refusal {
    url: String,
    status: u16,
    after: Option<Duration>,
    said: String,
}

fn refused(endpoint: &Endpoint, service: Service, refusal: &Refusal) -> Failure {
    let Refusal { url, status, after, said } = refusal;
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let (model, secret) = (endpoint.model(), service.secret());
    match status {
        408 | 425 | 429 | 500..=599 => match after {
            Some(after) => Failure::retry_after(*after, format!("{url} answered {status}{said}")),
            None => Failure::transient(format!("{url} answered {status}{said}")),
        },
        401 | 403 => Failure::permanent(format!(
            "{url} answered {status}{said}; if it needs a key, declare [secret.{secret}] in capstan.toml and add \
             secrets = [\"{secret}\"] to the handler's [[grants]] entry"
        )),
        404 => Failure::permanent(format!(
            "{url} answered 404 for model `{model}`{said}; check `url` (what stands before /{}) and `model`",
            service.path()
        )),
        300..=399 => Failure::permanent(format!(
            "{url} answered {status}{said}; redirects are not followed: put the address that it leads to into `url`"
        )),
        _ => Failure::permanent(format!("{url} answered {status} for model `{model}`{said}")),
    }
}

/// What the server says about its refusal, in one line: the message in its JSON, or the text as it is.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let document = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let places = ["/error/message", "/error", "/message", "/detail"];
    let message = places.iter().find_map(|place| document.pointer(place)?.as_str());
    let words: Vec<&str> = message.unwrap_or(&text).split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_SAID { line } else { format!("{}…", &line[..line.floor_char_boundary(MAX_SAID)]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_server_says_is_found_where_servers_put_it() {
        let cases = [
            (r#"{"error": {"message": "no such model", "type": "x"}}"#, "no such model"),
            (r#"{"error": "model not found"}"#, "model not found"),
            (r#"{"object": "error", "message": "too long"}"#, "too long"),
            (r#"{"detail": "Not Found"}"#, "Not Found"),
            (r#"{"other": 1}"#, r#"{"other": 1}"#),
            ("  Bad\r\n\tGateway\u{1b} ", "Bad Gateway"),
            ("", ""),
        ];
        for (body, message) in cases {
            assert_eq!(said(body.as_bytes()), message, "{body}");
        }
    }

    #[test]
    fn a_long_word_is_cut_at_its_limit() {
        assert_eq!(said("x".repeat(MAX_SAID).as_bytes()), "x".repeat(MAX_SAID));
        assert_eq!(said("x".repeat(MAX_SAID + 1).as_bytes()), format!("{}…", "x".repeat(MAX_SAID)));
    }

    #[test]
    fn tokens_are_the_total_or_the_sum() {
        let of = |total_tokens, prompt_tokens, completion_tokens| {
            Usage { total_tokens, prompt_tokens, completion_tokens }.tokens()
        };
        assert_eq!(of(Some(7), Some(1), Some(2)), Some(7));
        assert_eq!(of(None, Some(1), Some(2)), Some(3));
        assert_eq!(of(None, Some(1), None), Some(1));
        assert_eq!(of(None, None, None), None);
    }

    proptest! {
        /// Whatever a server sends, what is repeated of it is one line of bounded length.
        #[test]
        fn whatever_is_said_is_one_short_line(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let line = said(&body);
            prop_assert!(line.len() <= MAX_SAID + '…'.len_utf8());
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
