//! A page of the web: fetched, judged by its status, and noted.
//!
//! At most 10 redirects, the configured time (60 s) and 10 MiB. What was fetched before is asked for with its validators, so an
//! unchanged page costs one small answer. 408, 425, 429 and 5xx are worth another try, after the time that
//! the server names if it names one; other refusals and types that are not read are not.

use std::time::{Duration, SystemTime};

use capstan_sdk::Failure;
use capstan_sdk::http::{HttpError, Request, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const REDIRECTS: u32 = 10;
const MAX_BYTES: u64 = 10 << 20;

/// Headers that are worth keeping.
const KEPT: &str = "content-type content-language date etag last-modified cache-control expires x-robots-tag";

/// What the server said about a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Web {
    /// The address after redirects.
    pub url: String,
    /// The status.
    pub status: u16,
    /// When it was fetched, in seconds since 1970.
    pub fetched_at: u64,
    /// Headers that matter, as name and value, in the server's order.
    pub headers: Vec<(String, String)>,
}

impl Web {
    /// The value of a header that was kept.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Fetch a page; none when it is what was noted the `last` time.
pub(crate) fn fetch(url: &str, within: Duration, last: Option<&Web>) -> Result<Option<(Web, Vec<u8>)>, Failure> {
    let mut request = Request::get(url).redirects(REDIRECTS).within(within);
    request =
        request.header("accept", "text/html,application/xhtml+xml,text/markdown,text/plain,application/pdf;q=0.9");
    for (validator, condition) in [("etag", "if-none-match"), ("last-modified", "if-modified-since")] {
        if let Some(value) = last.and_then(|last| last.header(validator)) {
            request = request.header(condition, value);
        }
    }
    let answer = request.send()?;
    if answer.status() == 304 && last.is_some() {
        return Ok(None);
    }
    if !(200..300).contains(&answer.status()) {
        return Err(refusal(&answer, SystemTime::now()));
    }
    let kept = |(name, _): &&(String, String)| KEPT.split(' ').any(|kept| kept == name);
    let web = Web {
        url: answer.url().to_owned(),
        status: answer.status(),
        fetched_at: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        headers: answer.headers().iter().filter(kept).cloned().collect(),
    };
    let bytes = answer.bytes(MAX_BYTES).map_err(|error| match error {
        HttpError::TooLong { .. } => Failure::permanent(format!("{error}; longer pages are not taken in")),
        error => error.into(),
    })?;
    Ok(Some((web, bytes)))
}

/// What a status that is no success means.
fn refusal(answer: &Response, now: SystemTime) -> Failure {
    let status = answer.status();
    let meaning = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let said = format!("{} answered {status} {meaning}", answer.url());
    if !matches!(status, 408 | 425 | 429 | 500..=599) {
        return Failure::permanent(said);
    }
    match answer.retry_after(now) {
        Some(after) => Failure::retry_after(after, said),
        None => Failure::transient(said),
    }
}
