//! What a job may be given, whoever gives it.

use crate::host::refusal::Refusal;
use crate::rules::enqueue::{MAX_PAYLOAD, MAX_TAG, MAX_TAGS, MAX_TITLE};
use crate::rules::queue::MAX_PRIORITY;
use crate::rules::{key, queue};
use crate::service::handler::Handlers;
use serde_json::Value;

/// A payload as the store keeps it, checked against the schema of its kind.
pub(in crate::host) fn payload(handlers: &Handlers, kind: &str, payload: &Value) -> Result<String, Refusal> {
    let Some(ready) = handlers.of(kind) else {
        let known: Vec<String> = handlers.all().into_keys().collect();
        return Err(Refusal::usage(format!("no handler does kind {kind:?}"))
            .hint(format!("kinds that can be added: {}", known.join(", "))));
    };
    let text = payload.to_string();
    if text.len() > MAX_PAYLOAD {
        return Err(Refusal::usage(format!("the payload has {} bytes: at most {MAX_PAYLOAD}", text.len()))
            .hint("put large input into a file of an import, or into an artifact"));
    }
    if let Some(Err(wrong)) = ready.checks(kind).map(|checks| checks.payload(payload)) {
        return Err(Refusal::usage(format!("the payload does not match the schema of kind {kind:?}: {wrong}"))
            .hint(format!("`capstan handler inspect {}` prints the schema", ready.loaded.description.name)));
    }
    Ok(text)
}

/// What is said about a job beside its payload.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) priority: i64,
    pub(super) queue: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) tags: &'a [String],
    /// What it is unique by.
    pub(super) by: Option<&'a str>,
}

impl Said<'_> {
    /// Whether all of it is within its bounds.
    pub(super) fn fits(&self) -> Result<(), Refusal> {
        if !(-MAX_PRIORITY..=MAX_PRIORITY).contains(&self.priority) {
            let wrong = format!("priority {} is out of range: -{MAX_PRIORITY} to {MAX_PRIORITY}", self.priority);
            return Err(Refusal::usage(wrong).hint("the smaller is claimed first, and 0 is what jobs have without"));
        }
        if let Some(name) = self.queue {
            let hint = "`capstan queue list` shows those that there are";
            queue::name(name).map_err(|wrong| Refusal::usage(wrong.to_string()).hint(hint))?;
        }
        let longest = self.tags.iter().map(String::len).max().unwrap_or(0);
        if self.tags.iter().any(String::is_empty) {
            return Err(Refusal::usage("a tag is empty").hint("leave it out, or give it letters"));
        }
        for (what, has, most) in [
            ("bytes of title", self.title.map_or(0, str::len), MAX_TITLE),
            ("tags", self.tags.len(), MAX_TAGS),
            ("bytes in a tag", longest, MAX_TAG),
            ("bytes in what it is unique by", self.by.map_or(0, str::len), MAX_TITLE),
        ] {
            if has > most {
                return Err(Refusal::usage(format!("the job has {has} {what}: at most {most}"))
                    .hint("what is long belongs into the payload"));
            }
        }
        self.key.map_or(Ok(()), key::name).map_err(|wrong| Refusal::usage(wrong.to_string()))
    }
}
