//! Whose fault a failure is, and so who has to act: one party and one sentence.
//!
//! Decided from the class, and for failures that may have come from outside from whether
//! the guest had asked anybody. It cannot look into a handler: one that calls its own bug
//! `permanent` sends the reader to the job first.

use super::attempt::{Class, Usage};
use serde::{Deserialize, Serialize};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// Whoever wrote the handler.
    Handler,
    /// Whoever configures this capstan.
    Operator,
    /// Whoever added the job, or the document that it is about.
    Submitter,
    /// A server that the handler asked.
    Remote,
    /// Whoever looks after the machine and the host process.
    Machine,
    /// Nobody.
    Nobody,
}

impl Party {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Handler => "the handler's author",
            Self::Operator => "the operator",
            Self::Submitter => "whoever added the job",
            Self::Remote => "the other side",
            Self::Machine => "the machine",
            Self::Nobody => "nobody",
        }
    }
}

/// Whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// Who has to act.
    pub party: Party,
    /// Why, and what to do: one sentence.
    pub sentence: String,
}

/// Whose fault a failure of this class is. `usage` is that of the attempt, if it was measured.
pub fn blame(class: Class, usage: Option<&Usage>) -> Blame {
    let asked = if usage.is_some_and(|usage| usage.requests > 0) { Asked::Somebody } else { Asked::Nobody };
    let (party, sentence) = verdict(class, asked);
    Blame { party, sentence: sentence.to_owned() }
}

/// Whether the guest had sent requests.
#[derive(Clone, Copy)]
enum Asked {
    Somebody,
    Nobody,
}

const fn verdict(class: Class, asked: Asked) -> (Party, &'static str) {
    match (class, asked) {
        (Class::Transient, Asked::Somebody) => {
            (Party::Remote, "A server that it asked did not serve it, and may another time.")
        }
        (Class::Transient, Asked::Nobody) => {
            (Party::Nobody, "The handler met something that may pass by itself; its message says what.")
        }
        (Class::Deferred, Asked::Somebody) => (Party::Remote, "A server that it asked told it to come back later."),
        (Class::Deferred, Asked::Nobody) => (Party::Nobody, "The handler named a time to try again."),
        (Class::Permanent, _) => (
            Party::Submitter,
            "The handler says that this job will never work: change its payload or the document, as the message says.",
        ),
        (Class::Trap, _) => {
            (Party::Handler, "It crashed: mend it with the backtrace, the log and the payload of this job.")
        }
        (Class::Timeout, Asked::Somebody) => {
            (Party::Remote, "The time went by while it asked others: see whether they answer, or raise limits.wall.")
        }
        (Class::Timeout, Asked::Nobody) => (
            Party::Handler,
            "It took longer than it may: let it do less at a time, or let the operator raise limits.wall.",
        ),
        (Class::CpuLimit | Class::MemoryLimit | Class::Quota, _) => (
            Party::Handler,
            "It needed more than it may have: let it need less, or let the operator raise the limit that the message names.",
        ),
        (Class::Denied, _) => (
            Party::Operator,
            "It reached for what was not granted: grant it as the message says, or replace the handler.",
        ),
        (Class::BadPayload, _) => (
            Party::Submitter,
            "The payload is not what the handler's schema allows: add the job again with one that is.",
        ),
        (Class::BadOutput, _) => (
            Party::Handler,
            "What it made is not what it announced in its description, or it was given an answer that it cannot use.",
        ),
        (Class::NoHandler, _) => {
            (Party::Operator, "Nothing here does this kind of job: add or enable a handler for it.")
        }
        (Class::HostFault, _) => {
            (Party::Machine, "The host could not do its part: look at the disk, the folders and capstan.toml.")
        }
        (Class::Lost, _) => (
            Party::Machine,
            "The host died each time while only this job ran: look for the reason in the system's log (out of memory?).",
        ),
        (Class::Cancelled, _) => (Party::Nobody, "Somebody cancelled it."),
    }
}
