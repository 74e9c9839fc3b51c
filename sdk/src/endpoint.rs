//! A model behind an OpenAI-compatible API: Ollama, vLLM, a hosted one.
//!
//! An [`Endpoint`] is a table of a handler's configuration. Each question is one `POST`, answered as a whole
//! (`stream` is off), judged by its status and its form, and the tokens that it says it used are charged to the
//! attempt, also when the answer is of no use.
//!
//! ```
//! use capstan_sdk::Failure;
//! use capstan_sdk::endpoint::{Endpoint, Message};
//!
//! fn title(endpoint: &Endpoint, text: &str) -> Result<String, Failure> {
//!     let reply = endpoint.chat(&[Message::system("Answer with a title."), Message::user(text)])?;
//!     if reply.text.lines().count() > 1 {
//!         return Err(reply.unusable("the title has several lines"));
//!     }
//!     Ok(reply.text)
//! }
//! ```
//!
//! | what happens | failure |
//! |---|---|
//! | 408, 425, 429 or 5xx with a `Retry-After` that can be read | retry after |
//! | the same without; no connection, no name, no answer in time | transient |
//! | 401, 403 | permanent, with how a key is given |
//! | 404 | permanent, with address and model |
//! | any other status but 2xx | permanent, with what the server says |
//! | refused by the host, not trusted, no HTTP | permanent, as [`HttpError`](crate::http::HttpError) says |
//! | an answer that is too long, no JSON, lacks something, or is refused by the caller | [`bad-output`], its beginning in the log |
//!
//! [`bad-output`]: crate::Failure::bad_output
//!
//! The key never is here: the host puts it into the request when it leaves and masks it in what comes back.
//!
//! What it cannot promise: that a model says anything true, or the same thing twice; that a server counts its
//! tokens, or counts them right; that a text which fits by [`Endpoint::room`] fits by the model's own count.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use url::Url;

mod ask;
mod chat;
mod vectors;

pub use ask::{MAX_CHAT, MAX_VECTORS};
pub use chat::{Ending, Message, Reply, Role};
pub use vectors::{BATCH, BATCH_BYTES};

/// Seconds that an answer may take when the configuration does not say.
const TIMEOUT_S: u64 = 300;
/// Seconds that can be configured: the host itself waits no longer for the head of an answer, and a server that
/// does not stream sends the head when the answer is made.
const MAX_TIMEOUT_S: u64 = 600;
/// Tokens that a model takes when the configuration does not say: what Ollama gives a model by default on a
/// machine with less than 24 GiB of graphics memory, and it drops what is beyond without a word.
const CONTEXT: u32 = 4_096;
/// The least context that can be configured, in tokens.
const MIN_CONTEXT: u32 = 256;
/// The most of `temperature`, by the API.
const MAX_TEMPERATURE: f32 = 2.0;
/// Without `max_tokens`, one part in so many of the context is left to the answer.
const ANSWER_PART: u32 = 4;
/// Bytes of text that are counted as one token. English has about four in the usual vocabularies; the difference
/// is left for texts that are cut finer.
const TOKEN_BYTES: usize = 3;
/// Tokens that are left for what the server puts around the messages.
const FRAME_TOKENS: usize = 64;

/// Where a model is, and how it is asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Endpoint {
    url: Url,
    model: String,
    max_tokens: Option<u32>,
    temperature: f32,
    context: u32,
    timeout: Duration,
}

/// A model behind an OpenAI-compatible API.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Where the API begins, for example `http://127.0.0.1:11434/v1`: what stands before `/chat/completions`.
    #[schemars(regex(pattern = "^https?://"))]
    url: String,
    /// The model, by the name that the server knows it by.
    #[schemars(length(min = 1))]
    model: String,
    /// Tokens that an answer may have at most; left to the server without.
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
    /// How freely the model chooses its words, 0 to 2; 0 without.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2.0))]
    temperature: f32,
    /// Tokens that the model takes at once, question and answer together; 4096 without.
    #[serde(default = "context")]
    #[schemars(range(min = 256))]
    context: u32,
    /// Seconds that an answer may take, 1 to 600; 300 without.
    #[serde(default = "timeout_s")]
    #[schemars(range(min = 1, max = 600))]
    timeout_s: u64,
}

fn context() -> u32 {
    CONTEXT
}

fn timeout_s() -> u64 {
    TIMEOUT_S
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Table::json_schema(generator)
    }
}

/// Why a configuration names no endpoint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum EndpointError {
    #[error("endpoint.url {url:?} is no address of an API: {reason}; write it like \"http://127.0.0.1:11434/v1\"")]
    Url { url: String, reason: String },
    #[error("endpoint.model is empty: name the model as the server does")]
    Model,
    #[error("endpoint.{key} = {value} is out of range: {range} is possible")]
    Range { key: &'static str, value: String, range: String },
}

impl TryFrom<Table> for Endpoint {
    type Error = EndpointError;

    fn try_from(table: Table) -> Result<Self, EndpointError> {
        let range = |key, value, range| Err(EndpointError::Range { key, value, range });
        let Table { url, model, max_tokens, temperature, context, timeout_s } = table;
        let url = base(&url).map_err(|reason| EndpointError::Url { url, reason })?;
        if model.trim().is_empty() {
            return Err(EndpointError::Model);
        }
        if !(0.0..=MAX_TEMPERATURE).contains(&temperature) {
            return range("temperature", temperature.to_string(), format!("0 to {MAX_TEMPERATURE}"));
        }
        if context < MIN_CONTEXT {
            return range("context", context.to_string(), format!("{MIN_CONTEXT} or more"));
        }
        if let Some(most) = max_tokens.filter(|most| !(1..context).contains(most)) {
            return range("max_tokens", most.to_string(), format!("1 to less than endpoint.context = {context}"));
        }
        if !(1..=MAX_TIMEOUT_S).contains(&timeout_s) {
            return range("timeout_s", timeout_s.to_string(), format!("1 to {MAX_TIMEOUT_S}"));
        }
        Ok(Self { url, model, max_tokens, temperature, context, timeout: Duration::from_secs(timeout_s) })
    }
}

/// The address that paths are put behind.
fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("scheme `{}` is not http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user or a password; use a secret".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a `?` or a `#`".to_owned());
    }
    Ok(url)
}

impl Endpoint {
    /// The model, as the server names it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Where the API begins, as it was configured.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Bytes of text that are expected to fit into one question, beside `instructions` of so many bytes and the
    /// answer (`max_tokens`, or a quarter of the context). An estimate: three bytes are counted as one token.
    #[must_use]
    pub fn room(&self, instructions: usize) -> usize {
        let answer = self.max_tokens.unwrap_or(self.context / ANSWER_PART);
        let left = usize::try_from(self.context.saturating_sub(answer)).unwrap_or(usize::MAX);
        let taken = FRAME_TOKENS.saturating_add(instructions.div_ceil(TOKEN_BYTES));
        left.saturating_sub(taken).saturating_mul(TOKEN_BYTES)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(more: &Value) -> Result<Endpoint, String> {
        let mut table = json!({ "url": "http://127.0.0.1:11434/v1", "model": "m" });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(table).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let endpoint = read(&json!({})).unwrap();
        assert_eq!((endpoint.url(), endpoint.model()), ("http://127.0.0.1:11434/v1", "m"));
        assert_eq!((endpoint.max_tokens, endpoint.temperature, endpoint.context), (None, 0.0, 4096));
        assert_eq!(endpoint.timeout, Duration::from_secs(300));
    }

    #[test]
    fn the_ends_of_each_range_are_possible_and_what_is_beyond_is_named() {
        for fine in [
            json!({ "temperature": 2.0 }),
            json!({ "context": 256, "max_tokens": 255 }),
            json!({ "max_tokens": 1 }),
            json!({ "timeout_s": 1 }),
            json!({ "timeout_s": 600 }),
            json!({ "url": "https://api.example.org" }),
        ] {
            read(&fine).unwrap();
        }
        for (wrong, words) in [
            (json!({ "temperature": 2.1 }), "endpoint.temperature = 2.1 is out of range: 0 to 2 is possible"),
            (json!({ "temperature": -0.1 }), "endpoint.temperature = -0.1"),
            (json!({ "context": 255 }), "endpoint.context = 255 is out of range: 256 or more is possible"),
            (json!({ "max_tokens": 0 }), "endpoint.max_tokens = 0 is out of range: 1 to less than"),
            (json!({ "context": 256, "max_tokens": 256 }), "endpoint.max_tokens = 256"),
            (json!({ "timeout_s": 0 }), "endpoint.timeout_s = 0 is out of range: 1 to 600 is possible"),
            (json!({ "timeout_s": 601 }), "endpoint.timeout_s = 601"),
            (json!({ "model": " " }), "endpoint.model is empty"),
            (json!({ "url": "api.example.org/v1" }), "endpoint.url \"api.example.org/v1\" is no address of an API"),
            (json!({ "url": "file:///v1" }), "scheme `file` is not http or https"),
            (json!({ "url": "https://me:key@api.example.org" }), "use a secret"),
            (json!({ "url": "https://api.example.org/v1?key=1" }), "it has a `?`"),
            (json!({ "key": "sk-1" }), "unknown field `key`"),
        ] {
            let error = read(&wrong).unwrap_err();
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_schema_says_the_same_ranges() {
        let schema = serde_json::to_value(schemars::schema_for!(Endpoint)).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["url", "model"]));
        let of = |key: &str| &schema["properties"][key];
        assert_eq!(of("temperature")["maximum"], MAX_TEMPERATURE);
        assert_eq!((&of("context")["minimum"], &of("context")["default"]), (&json!(MIN_CONTEXT), &json!(CONTEXT)));
        assert_eq!((&of("timeout_s")["minimum"], &of("timeout_s")["maximum"]), (&json!(1), &json!(MAX_TIMEOUT_S)));
        assert_eq!(of("timeout_s")["default"], TIMEOUT_S);
    }

    proptest! {
        /// Text, instructions, frame and answer together are no more than the context, and more instructions
        /// never leave more room.
        #[test]
        fn what_has_room_fits(context in 256_u32..2_000_000, part in 1_u32..100, instructions in 0_usize..100_000) {
            let most = (context * part.min(99) / 100).max(1);
            for more in [json!({ "context": context }), json!({ "context": context, "max_tokens": most })] {
                let endpoint = read(&more).unwrap();
                let answer = endpoint.max_tokens.unwrap_or(context / ANSWER_PART) as usize;
                let room = endpoint.room(instructions);
                let used = room / TOKEN_BYTES + instructions.div_ceil(TOKEN_BYTES) + FRAME_TOKENS + answer;
                prop_assert!(room == 0 || used <= context as usize);
                prop_assert!(endpoint.room(instructions + 1) <= room);
            }
        }
    }
}
