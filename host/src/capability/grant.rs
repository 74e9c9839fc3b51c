//! Ask ∩ grant.
//!
//! The author's ask comes from `describe`, the operator's grant from
//! `capstan.toml`, bound to a digest. The intersection is what an attempt gets;
//! an ask that is not covered is refused as a whole, with the lines that would
//! allow it, because a handler that runs with half of its inputs fails in ways
//! that nobody understands.

use std::collections::BTreeSet;

/// Whether a handler may see the folder of the job's import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Imports {
    /// It may not.
    #[default]
    Hidden,
    /// It may, read-only.
    Readable,
}

/// What a handler's author asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// The folder of the job's import.
    pub imports: Imports,
    /// Kinds whose current generation of the job's subject it wants to read.
    pub artifacts: BTreeSet<String>,
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
    if missing.is_empty() {
        return Ok(Granted { imports: ask.imports, artifacts: ask.artifacts.clone() });
    }
    Err(Refused { handler: handler.to_owned(), what: missing.join(" and "), hint: hint(handler, digest, ask) })
}

/// The `[[grants]]` entry that allows exactly this ask.
pub fn hint(handler: &str, digest: &str, ask: &Ask) -> String {
    let mut lines = vec!["[[grants]]".to_owned(), format!("handler = {handler:?}"), format!("digest = {digest:?}")];
    if ask.imports == Imports::Readable {
        lines.push("imports = true".to_owned());
    }
    if !ask.artifacts.is_empty() {
        let kinds: Vec<String> = ask.artifacts.iter().map(|kind| format!("{kind:?}")).collect();
        lines.push(format!("artifacts = [{}]", kinds.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(imports: Imports, artifacts: &[&str]) -> Ask {
        Ask { imports, artifacts: artifacts.iter().map(|kind| (*kind).to_owned()).collect() }
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
}
