//! Questions in words.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Endpoint;
use super::ask::{Answer, Service, Usage, ask, unusable};
use crate::Failure;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever instructs the model.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// One part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// An instruction.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A question.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// Something that the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its words, without the white space around them; never empty.
    pub text: String,
    /// Tokens that the server says it used, question and answer together; 0 when it does not say. They are charged
    /// already.
    pub tokens: u64,
    /// Whether it came to its end.
    pub ending: Ending,
    url: String,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Where the model ended it.
    Whole,
    /// Where the tokens did: those of `max_tokens`, or of the model's context.
    Cut,
}

impl Reply {
    /// The failure of a handler that cannot use this answer, with the reason as a fragment such as
    /// `it cites passage 9 of 4`. The beginning of the answer goes to the log.
    #[must_use]
    pub fn unusable(&self, reason: &str) -> Failure {
        let cut = match self.ending {
            Ending::Whole => "",
            Ending::Cut => " (it was cut where its tokens ended: raise `max_tokens` or `context`)",
        };
        unusable(&self.url, self.text.as_bytes(), &format!("{reason}{cut}"))
    }
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: &'a [Message],
    temperature: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format>,
    stream: bool,
}

/// The form that is asked for.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    JsonObject,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

impl Endpoint {
    /// Ask the model.
    ///
    /// # Errors
    /// There is no answer that can be used; which failure it is, [the module](super) says.
    pub fn chat(&self, messages: &[Message]) -> Result<Reply, Failure> {
        self.converse(messages, None)
    }

    /// Ask the model for a JSON object, which `check` judges, and turns into what the handler works with; its error
    /// is a fragment such as `tag "x" is not in the taxonomy`. The messages have to say that JSON is wanted, and in
    /// which form: some servers refuse the question otherwise. A fence of Markdown around the object is taken off.
    ///
    /// # Errors
    /// As [`chat`](Self::chat); what is no such object, and what `check` refuses, is [`Failure::bad_output`].
    pub fn json<T: DeserializeOwned, U>(
        &self,
        messages: &[Message],
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<U, Failure> {
        let reply = self.converse(messages, Some(Format::JsonObject))?;
        let object = serde_json::from_str(bare(&reply.text)).map_err(|error| reply.unusable(&error.to_string()))?;
        check(object).map_err(|reason| reply.unusable(&reason))
    }

    fn converse(&self, messages: &[Message], response_format: Option<Format>) -> Result<Reply, Failure> {
        let (max_tokens, temperature) = (self.max_tokens, self.temperature);
        let question =
            Question { model: &self.model, messages, temperature, max_tokens, response_format, stream: false };
        let answer = ask(self, Service::Chat, &question)?;
        let (completion, tokens) = answer.parse(|completion: &Completion| completion.usage)?;
        reply(&answer, completion, tokens)
    }
}

fn reply(answer: &Answer, completion: Completion, tokens: u64) -> Result<Reply, Failure> {
    let choice = completion.choices.into_iter().next();
    let Choice { message, finish_reason } = choice.ok_or_else(|| answer.unusable("it has no choice"))?;
    let reason = finish_reason.as_deref().unwrap_or("none");
    let text = message.content.unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        return Err(answer.unusable(&format!("it has no text (finish_reason {reason:?})")));
    }
    let ending = if reason == "length" { Ending::Cut } else { Ending::Whole };
    Ok(Reply { text, tokens, ending, url: answer.url.clone() })
}

/// The text without a fence of Markdown around all of it, which some models cannot do without.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some((language, body)) = inside.and_then(|inside| inside.split_once('\n')) else { return text };
    if language.trim().chars().all(char::is_alphanumeric) { body.trim() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fence_is_taken_off_only_around_everything() {
        assert_eq!(bare("```json\n{\"a\": 1}\n```"), "{\"a\": 1}");
        assert_eq!(bare(" ```\n{}\n``` "), "{}");
        assert_eq!(bare("Here: ```json\n{}\n```"), "Here: ```json\n{}\n```");
        assert_eq!(bare("```{}```"), "```{}```");
        assert_eq!(bare("```"), "```");
    }

    proptest! {
        /// An object comes out as it went in, with and without a fence.
        #[test]
        fn an_object_is_left_as_it_is(key in "[a-z`\n]{0,8}", value in any::<String>()) {
            let object = serde_json::json!({ key: value }).to_string();
            prop_assert_eq!(bare(&object), &object);
            let fenced = format!("```json\n{object}\n```");
            prop_assert_eq!(bare(&fenced), &object);
        }
    }
}
