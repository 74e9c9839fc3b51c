//! Ask ∩ grant.
//!
//! The author's ask comes from `describe`, the operator's grant from
//! `capstan.toml`, bound to a digest. The intersection is what an attempt gets;
//! a folder or a secret that is not covered refuses the handler as a whole, with the
//! lines that would allow it, because a handler that runs with half of its inputs
//! fails in ways that nobody understands. Requests are matched one by one: a handler
//! that asks for the whole internet may be granted two sites of it.

use super::enqueue::Right;
use super::net::Net;
use crate::rules::enqueue::{Kinds, Queueing, Subjects};
use crate::rules::pattern::Pattern;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether a handler may see the folder of the job's import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Imports {
    /// It may not.
    #[default]
    Hidden,
    /// It may, read-only.
    Readable,
}

/// Whether a handler may see the project's model files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Models {
    /// It may not.
    #[default]
    Hidden,
    /// It may, read-only.
    Readable,
}

/// Whether a handler may search what all documents of the library say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Library {
    /// It may not.
    #[default]
    Hidden,
    /// It may.
    Readable,
}

/// What a handler can do without: nothing of it is granted by default, and nothing is
/// refused for want of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Optional {
    /// Requests that it may want to send.
    pub http: BTreeSet<Pattern>,
    /// Secrets that may go with them, by name.
    pub secrets: BTreeSet<String>,
}

/// What a handler's author asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// The folder of the job's import.
    pub imports: Imports,
    /// Kinds whose current generation of the job's subject it wants to read.
    pub artifacts: BTreeSet<String>,
    /// The folder of model files.
    pub models: Models,
    /// Requests that it wants to send.
    pub http: BTreeSet<Pattern>,
    /// Secrets that are to go with its requests, by name.
    pub secrets: BTreeSet<String>,
    /// Searching the library.
    pub library: Library,
    /// What it can do without; empty in a grant.
    pub optional: Optional,
    /// Jobs that it wants to queue.
    pub enqueue: Kinds,
}

/// What an operator grants to one digest: the same words, the other side.
pub type Grant = Ask;

/// What an attempt gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// The folder of the job's import.
    pub imports: Imports,
    /// Kinds whose generations are mounted.
    pub artifacts: BTreeSet<String>,
    /// The folder of model files.
    pub models: Models,
    /// The requests that it may send: what was asked for and what was granted, for
    /// each request must match both. `None` when it asks for none.
    pub net: Option<Arc<Net>>,
    /// The secrets that go with its requests.
    pub secrets: BTreeSet<String>,
    /// Whether it may search the library.
    pub library: Library,
    /// The jobs that it may queue, and the words for those that it may not.
    pub enqueue: Arc<Right>,
}

/// An ask that the operator has not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("handler {handler} asks for {what}, which is not granted; to allow it put this into capstan.toml:\n{hint}")]
pub struct Refused {
    /// The handler's name.
    pub handler: String,
    /// What is missing, in words.
    pub what: String,
    /// The lines that would allow everything it asks.
    pub hint: String,
}

/// The intersection of ask and grant, or what is missing. `digest` is the
/// handler's, as `sha256:…`.
pub fn intersect(handler: &str, digest: &str, ask: &Ask, allowed: &Grant) -> Result<Granted, Refused> {
    let mut missing: Vec<String> = Vec::new();
    if ask.imports > allowed.imports {
        missing.push("the folder of the import (imports)".to_owned());
    }
    missing.extend(ask.artifacts.difference(&allowed.artifacts).map(|kind| format!("artifacts of `{kind}`")));
    if ask.models > allowed.models {
        missing.push("the folder of models (models)".to_owned());
    }
    missing.extend(ask.secrets.difference(&allowed.secrets).map(|name| format!("the secret `{name}`")));
    if ask.library > allowed.library {
        missing.push("searching the library (retrieve)".to_owned());
    }
    missing.extend(ask.enqueue.iter().filter(|(kind, wide)| allowed.enqueue.get(*kind) < Some(*wide)).map(queueing));
    if missing.is_empty() {
        let enqueue = Arc::new(Right { handler: handler.to_owned(), digest: digest.to_owned(), ask: ask.clone() });
        let asked = ask.http.union(&ask.optional.http).cloned().collect();
        let granted = allowed.http.clone();
        let net = Net { handler: handler.to_owned(), asked, granted };
        return Ok(Granted {
            imports: ask.imports,
            artifacts: ask.artifacts.clone(),
            models: ask.models,
            net: (!net.asked.is_empty()).then(|| Arc::new(net)),
            secrets: ask.secrets.iter().chain(ask.optional.secrets.intersection(&allowed.secrets)).cloned().collect(),
            library: ask.library,
            enqueue,
        });
    }
    Err(Refused { handler: handler.to_owned(), what: missing.join(" and "), hint: hint(handler, digest, ask) })
}

fn queueing((kind, subjects): (&String, &Subjects)) -> String {
    match subjects {
        Subjects::Own => format!("queueing jobs of `{kind}`"),
        Subjects::Any => format!("queueing jobs of `{kind}` about any subject"),
    }
}

/// The `[[grants]]` entry that allows exactly this ask.
pub fn hint(handler: &str, digest: &str, ask: &Ask) -> String {
    let mut lines = vec!["[[grants]]".to_owned(), format!("handler = {handler:?}"), format!("digest = {digest:?}")];
    if ask.imports == Imports::Readable {
        lines.push("imports = true".to_owned());
    }
    if ask.models == Models::Readable {
        lines.push("models = true".to_owned());
    }
    if ask.library == Library::Readable {
        lines.push("retrieve = true".to_owned());
    }
    let http = ask.http.iter().map(ToString::to_string).collect();
    for (name, all) in [("artifacts", &ask.artifacts), ("http", &http), ("secrets", &ask.secrets)] {
        if !all.is_empty() {
            let all: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
            lines.push(format!("{name} = [{}]", all.join(", ")));
        }
    }
    if !ask.enqueue.is_empty() {
        let entry = |(kind, subjects): (&String, &Subjects)| Queueing { kind: kind.clone(), subjects: *subjects };
        let entries: Vec<String> = ask.enqueue.iter().map(|one| format!("{:?}", entry(one).to_string())).collect();
        lines.push(format!("enqueue = [{}]", entries.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(imports: Imports, artifacts: &[&str]) -> Ask {
        Ask { imports, artifacts: artifacts.iter().map(|kind| (*kind).to_owned()).collect(), ..Ask::default() }
    }

    #[test]
    fn the_intersection_is_never_more_than_the_ask() {
        let allowed = ask(Imports::Readable, &["ingest", "normalise"]);
        let granted = intersect("n", "sha256:00", &ask(Imports::Hidden, &["ingest"]), &allowed).unwrap();
        assert_eq!(granted.imports, Imports::Hidden);
        assert_eq!(granted.artifacts.into_iter().collect::<Vec<_>>(), ["ingest"]);
    }

    #[test]
    fn a_refusal_prints_the_lines_that_would_allow_it() {
        let wanted = ask(Imports::Readable, &["a", "b"]);
        let error = intersect("ingest", "sha256:00", &wanted, &ask(Imports::Hidden, &["a"])).unwrap_err();
        assert_eq!(error.what, "the folder of the import (imports) and artifacts of `b`");
        assert_eq!(
            error.hint,
            "[[grants]]\nhandler = \"ingest\"\ndigest = \"sha256:00\"\nimports = true\nartifacts = [\"a\", \"b\"]"
        );
    }

    #[test]
    fn requests_are_granted_in_part_and_hidden_folders_not_at_all() {
        let http: BTreeSet<Pattern> = ["https://*".parse().unwrap()].into();
        let wanted = Ask { http: http.clone(), ..Ask::default() };
        let granted = intersect("h", "sha256:00", &wanted, &Grant::default()).unwrap();
        assert_eq!(granted.net.unwrap().asked, http);
        let wanted = Ask { models: Models::Readable, secrets: ["key".to_owned()].into(), ..wanted };
        let error = intersect("h", "sha256:00", &wanted, &Grant::default()).unwrap_err();
        assert_eq!(error.what, "the folder of models (models) and the secret `key`");
        assert!(
            error.hint.ends_with("models = true\nhttp = [\"GET,HEAD https://*\"]\nsecrets = [\"key\"]"),
            "{}",
            error.hint
        );
    }

    #[test]
    fn what_a_handler_can_do_without_refuses_nothing() {
        let (http, secrets) = (["POST *://*:*".parse().unwrap()].into(), ["chat".to_owned()].into());
        let wanted = Ask { optional: Optional { http, secrets }, library: Library::Readable, ..Ask::default() };
        let error = intersect("h", "sha256:00", &wanted, &Grant::default()).unwrap_err();
        assert_eq!(error.what, "searching the library (retrieve)");
        assert_eq!(error.hint, "[[grants]]\nhandler = \"h\"\ndigest = \"sha256:00\"\nretrieve = true");
        let bare = intersect("h", "sha256:00", &wanted, &Grant { library: Library::Readable, ..Grant::default() });
        let bare = bare.unwrap();
        assert!(bare.secrets.is_empty() && bare.net.unwrap().granted.is_empty());
        let secrets = ["chat".to_owned(), "other".to_owned()].into();
        let allowed = Grant { library: Library::Readable, secrets, ..Grant::default() };
        let granted = intersect("h", "sha256:00", &wanted, &allowed).unwrap();
        assert_eq!(granted.secrets.into_iter().collect::<Vec<_>>(), ["chat"]);
    }

    #[test]
    fn queueing_about_any_subject_is_more_than_about_its_own() {
        let wanted = |subjects| Ask { enqueue: [("a".to_owned(), subjects)].into(), ..Ask::default() };
        let (own, any) = (wanted(Subjects::Own), wanted(Subjects::Any));
        assert_eq!(intersect("h", "sha256:00", &own, &any).unwrap().enqueue.ask.enqueue, own.enqueue);
        let error = intersect("h", "sha256:00", &any, &own).unwrap_err();
        assert_eq!(error.what, "queueing jobs of `a` about any subject");
        assert!(error.hint.ends_with("\nenqueue = [\"a:any\"]"), "{}", error.hint);
        assert!(intersect("h", "sha256:00", &own, &Grant::default()).is_err());
    }
}
