//! How an attempt fails.
//!
//! The class of a [`Failure`] is the author's word on whether another try can help. `?` picks a class
//! by the type of the error: an [`io::Error`] is transient when its kind is about timing or about
//! a connection, everything else that converts is permanent. Where that guess is wrong, [`OrFail`]
//! names the class and adds what was being done. The guess cannot see causes deeper than the outermost
//! error.

use std::fmt::{self, Display};
use std::io;
use std::time::Duration;

use serde_json::{Value, json};

/// The code of an answer that cannot be used.
const BAD_OUTPUT: &str = "bad-output";

/// Why an attempt did not do what the job asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It may work another time: the host tries again with backoff until the attempts are spent.
    #[error("transient: {0}")]
    Transient(Problem),
    /// Try again, but not before a time that the other side named. Charges no attempt.
    #[error("retry after {} ms: {problem}", after.as_millis())]
    RetryAfter {
        /// How long to wait; the host clamps it to 1 s to 24 h.
        after: Duration,
        /// Why.
        problem: Problem,
    },
    /// It will not work however often it is tried.
    #[error("permanent: {0}")]
    Permanent(Problem),
    /// A failure with a code of the author's own; treated as permanent.
    #[error("{code}: {json}")]
    Other {
        /// At most 64 bytes of `a-z`, `0-9` and `-`.
        code: String,
        /// What there is to say about it.
        json: Value,
    },
}

/// What went wrong, for people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problem {
    /// One line that names the thing and the value; at most 4 KiB are kept.
    pub message: String,
    /// More about it, or `Value::Null`; dropped when it is longer than 16 KiB as text.
    pub details: Value,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self { message, details: Value::Null }
    }
}

impl Failure {
    /// A failure that may not happen another time.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient(Problem::from(message.into()))
    }

    /// A failure that will happen every time.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::Permanent(Problem::from(message.into()))
    }

    /// A wish to run again `after` that long.
    pub fn retry_after(after: Duration, message: impl Into<String>) -> Self {
        Self::RetryAfter { after, problem: Problem::from(message.into()) }
    }

    /// What was asked of a model or another service came back in a form that cannot be used. The host gives it
    /// the class `bad-output`, with `message` as its words; another try is the operator's decision.
    pub fn bad_output(message: impl Into<String>) -> Self {
        Self::Other { code: BAD_OUTPUT.to_owned(), json: json!({ "message": message.into() }) }
    }

    /// The same failure with more about it. `Other` keeps its JSON in place of these details.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        match &mut self {
            Self::Transient(problem) | Self::RetryAfter { problem, .. } | Self::Permanent(problem) => {
                problem.details = details;
            }
            Self::Other { json, .. } => *json = details,
        }
        self
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if passes(error.kind()) { Self::transient(error.to_string()) } else { Self::permanent(error.to_string()) }
    }
}

fn passes(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::Interrupted
            | Kind::WouldBlock
            | Kind::TimedOut
            | Kind::ResourceBusy
            | Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::BrokenPipe
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
    )
}

macro_rules! permanent {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::permanent(error.to_string())
            }
        })+
    };
}

permanent!(
    serde_json::Error,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
    std::fmt::Error,
    Box<dyn std::error::Error>,
    Box<dyn std::error::Error + Send + Sync>,
);

/// Names the class of whatever went wrong, and what was being done.
pub trait OrFail<T> {
    /// # Errors
    ///
    /// [`Failure::Transient`] with `context` and the error, if there is no value.
    fn transient(self, context: impl Display) -> Result<T, Failure>;

    /// # Errors
    ///
    /// [`Failure::Permanent`] with `context` and the error, if there is no value.
    fn permanent(self, context: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn transient(self, context: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::transient(format!("{context}: {error:#}")))
    }

    fn permanent(self, context: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::permanent(format!("{context}: {error:#}")))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn transient(self, context: impl Display) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::transient(context.to_string()))
    }

    fn permanent(self, context: impl Display) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::permanent(context.to_string()))
    }
}
