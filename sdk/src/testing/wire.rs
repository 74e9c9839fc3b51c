//! The fake outside: what a test answers to requests.

use crate::http::{Clock, Head, HttpError, Request};
use std::cell::RefCell;
use std::sync::Arc;
use url::Url;

/// What a test answers to a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer with this status and nothing else.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// One more header.
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
}

/// A request as the test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Answers requests.
pub(crate) type Outside = Arc<dyn Fn(&Asked) -> Result<Answer, HttpError> + Send + Sync>;

thread_local! {
    static OUTSIDE: RefCell<Option<Outside>> = const { RefCell::new(None) };
}

/// What `act` returns, with this outside on this thread.
pub(super) fn beside<T>(outside: Option<Outside>, act: impl FnOnce() -> T) -> T {
    OUTSIDE.set(outside);
    let value = act();
    OUTSIDE.set(None);
    value
}

/// The body of an answer, in one part.
pub(crate) struct Body(Option<Vec<u8>>);

impl Body {
    pub(crate) fn next(&mut self, clock: &Clock) -> Result<Option<Vec<u8>>, HttpError> {
        clock.left()?;
        Ok(self.0.take().filter(|part| !part.is_empty()))
    }
}

/// Ask the test. Without one that answers, every request is refused.
pub(crate) fn send(request: &Request, url: &Url, clock: &Clock) -> Result<(Head, Body), HttpError> {
    clock.left()?;
    let asked = Asked {
        method: request.method.clone(),
        url: url.to_string(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    };
    let outside = OUTSIDE.with_borrow(Clone::clone).ok_or_else(|| HttpError::Denied(asked.url.clone()))?;
    let Answer { status, headers, body } = outside(&asked)?;
    Ok((Head { status, headers }, Body(Some(body))))
}
