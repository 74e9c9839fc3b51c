//! Requests to the outside.
//!
//! A handler lists the requests that it wants to send in [`Asks::http`](crate::Asks::http); the operator
//! grants them, in whole or in part. A [`Request`] is sent once, or along redirects when it says so; each
//! redirect is a request of its own and needs a grant of its own. The answer's body is read as it arrives,
//! so that a reader can stop.
//!
//! ```
//! use capstan_sdk::http::{HttpError, Request};
//! use std::time::Duration;
//!
//! fn page(url: &str) -> Result<String, HttpError> {
//!     let answer = Request::get(url).redirects(10).within(Duration::from_secs(30)).send()?;
//!     answer.text(10 << 20)
//! }
//! ```
//!
//! What it cannot promise: to say why the host refused a request. The attempt's log says it, and an attempt
//! that fails after a refusal has the class `denied`.

use crate::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use url::Url;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::wire;
#[cfg(target_family = "wasm")]
use wasi as wire;

mod pause;
#[cfg(target_family = "wasm")]
mod wasi;

/// Time for a request with its redirects and its body, when it does not say: 60 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    redirects: u32,
    patience: Duration,
}

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address, a header or the method cannot be one.
    #[error("request to {url}: {reason}")]
    Invalid {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The host refused it; the attempt's log says why.
    #[error("request to {0} was refused: it is not granted")]
    Denied(String),
    /// The name has no address.
    #[error("{0}: the host name cannot be found")]
    NotFound(String),
    /// Nobody answers there, or the connection broke.
    #[error("{url}: {reason}")]
    Connection {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The certificate is not trusted.
    #[error("{url}: the connection is not trusted: {reason}")]
    Untrusted {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It took too long.
    #[error("{url}: no whole answer within {} ms", .after.as_millis())]
    Timeout {
        /// The address.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The body is longer than the reader wanted.
    #[error("{url}: the answer is longer than {limit} bytes")]
    TooLong {
        /// The address.
        url: String,
        /// What the reader wanted at most.
        limit: u64,
    },
    /// The answer is not HTTP, or not what was expected in it.
    #[error("{url}: the answer cannot be read: {reason}")]
    Broken {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It redirects too often.
    #[error("{url}: more than {limit} redirects")]
    Redirects {
        /// The last address.
        url: String,
        /// How many were wanted at most.
        limit: u32,
    },
}

impl HttpError {
    /// Whether another try may go better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::Connection { .. } | Self::Timeout { .. })
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        if error.is_transient() { Self::transient(error.to_string()) } else { Self::permanent(error.to_string()) }
    }
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            redirects: 0,
            patience: PATIENCE,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// One more header. `host`, `connection`, `transfer-encoding` and the like are the host's.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into().to_lowercase(), value.into()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON document as body, with its content type.
    ///
    /// # Errors
    /// It has no form in JSON.
    pub fn json(self, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(self.header("content-type", "application/json").body(serde_json::to_vec(body)?))
    }

    /// Follow so many redirects; none by default. After 303, and after 301 and 302 of a POST, with GET and
    /// without body, otherwise with the same; `authorization` and `cookie` stay behind at another origin.
    #[must_use]
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Give up after so long, redirects and body included; 60 s by default.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Send it and wait for the head of the answer.
    ///
    /// # Errors
    /// There is none. A status such as 404 is an answer, no error.
    pub fn send(self) -> Result<Response, HttpError> {
        let clock = Clock { url: self.url.clone(), end: Instant::now() + self.patience, after: self.patience };
        let limit = self.redirects;
        let mut next = self;
        for _ in 0..=limit {
            let url = address(&next.url)?;
            let clock = Clock { url: next.url.clone(), ..clock.clone() };
            next = next.measured();
            let (head, body) = wire::send(&next, &url, &clock)?;
            let answer = Response { url: next.url.clone(), status: head.status, headers: head.headers, body, clock };
            match answer.redirect(&url).filter(|_| limit > 0) {
                Some(to) => next = next.moved(answer.status, &url, &to),
                None => return Ok(answer),
            }
        }
        Err(HttpError::Redirects { url: next.url, limit })
    }

    /// With the length of its body, so that it is sent in one piece.
    fn measured(mut self) -> Self {
        let is_measured = self.headers.iter().any(|(name, _)| name == "content-length");
        if !self.body.is_empty() && !is_measured {
            self.headers.push(("content-length".to_owned(), self.body.len().to_string()));
        }
        self
    }

    fn moved(mut self, status: u16, from: &Url, to: &Url) -> Self {
        if status == 303 || (matches!(status, 301 | 302) && self.method == "POST") {
            self.method = "GET".to_owned();
            self.body.clear();
            self.headers.retain(|(name, _)| !name.starts_with("content-"));
        }
        if from.origin() != to.origin() {
            self.headers.retain(|(name, _)| !matches!(name.as_str(), "authorization" | "cookie"));
        }
        to.as_str().clone_into(&mut self.url);
        self
    }
}

fn address(url: &str) -> Result<Url, HttpError> {
    let invalid = |reason: String| HttpError::Invalid { url: url.to_owned(), reason };
    let parsed = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(invalid(format!("scheme `{}` is not http or https", parsed.scheme())));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(invalid("an address holds no user and password; use a secret".to_owned()));
    }
    Ok(parsed)
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

/// When to give up.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) url: String,
    pub(crate) end: Instant,
    pub(crate) after: Duration,
}

impl Clock {
    /// The time that is left.
    pub(crate) fn left(&self) -> Result<Duration, HttpError> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.late()) } else { Ok(left) }
    }

    pub(crate) fn late(&self) -> HttpError {
        HttpError::Timeout { url: self.url.clone(), after: self.after }
    }
}

/// An answer: its head, and a body that is read from the wire.
pub struct Response {
    url: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: wire::Body,
    clock: Clock,
}

impl Response {
    /// Where it came from, after redirects.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The status, for example 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header's first value; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All headers, names in lower case; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    fn redirect(&self, from: &Url) -> Option<Url> {
        let location = self.header("location").filter(|_| matches!(self.status, 301 | 302 | 303 | 307 | 308))?;
        from.join(location).ok()
    }

    /// The whole body, if it is no longer than `limit` bytes.
    ///
    /// # Errors
    /// It is longer, or did not arrive whole and in time.
    pub fn bytes(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        while let Some(part) = self.body.next(&self.clock)? {
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > limit {
                return Err(HttpError::TooLong { url: self.url, limit });
            }
        }
        Ok(bytes)
    }

    /// The whole body as UTF-8 text.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), or it is not UTF-8.
    pub fn text(self, limit: u64) -> Result<String, HttpError> {
        let url = self.url.clone();
        String::from_utf8(self.bytes(limit)?).map_err(|error| HttpError::Broken { url, reason: error.to_string() })
    }

    /// The whole body as a JSON document.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), or it is not what was expected.
    pub fn json<T: DeserializeOwned>(self, limit: u64) -> Result<T, HttpError> {
        let url = self.url.clone();
        serde_json::from_slice(&self.bytes(limit)?)
            .map_err(|error| HttpError::Broken { url, reason: error.to_string() })
    }

    /// The body as it arrives.
    #[must_use]
    pub fn reader(self) -> Reader {
        Reader { answer: self, part: Vec::new(), at: 0 }
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("url", &self.url).field("status", &self.status).finish_non_exhaustive()
    }
}

/// The body of an answer as it arrives. Errors carry an [`HttpError`].
#[derive(Debug)]
pub struct Reader {
    answer: Response,
    part: Vec<u8>,
    at: usize,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.answer.body.next(&self.answer.clock).map_err(io::Error::other)? {
                Some(part) => (self.part, self.at) = (part, 0),
                None => return Ok(0),
            }
        }
        let read = (&self.part[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}
