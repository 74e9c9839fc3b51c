//! How far an ask goes beyond what was granted before.
//!
//! An update that asks for more is agreed to by its difference, not as a whole: what
//! is new is put into words, and the new digest is granted what the old one was
//! granted and the difference, nothing else. Every field is named here, so that a new
//! one cannot be forgotten. Requests are granted in part and one by one, so a pattern that
//! was asked for before, and not granted, is nothing new. What a handler can do without is nothing to
//! agree to: it is granted by hand or not at all.

use super::grant::{Ask, Grant, Imports, Library, Models, Optional};
use crate::rules::enqueue::{Kinds, Subjects};

/// What there was before an update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Before {
    /// What was granted.
    pub granted: Grant,
    /// What was asked for.
    pub asked: Ask,
}

/// The part of an ask that is new.
pub fn beyond(ask: &Ask, before: &Before) -> Ask {
    let Ask { imports, artifacts, models, http, secrets, library, optional: _, enqueue } = ask;
    let granted = &before.granted;
    let is_new = |(kind, subjects): &(&String, &Subjects)| granted.enqueue.get(*kind) < Some(*subjects);
    Ask {
        imports: if *imports > granted.imports { *imports } else { Imports::default() },
        artifacts: artifacts.difference(&granted.artifacts).cloned().collect(),
        models: if *models > granted.models { *models } else { Models::default() },
        http: http.difference(&granted.http).filter(|pattern| !before.asked.http.contains(pattern)).cloned().collect(),
        secrets: secrets.difference(&granted.secrets).cloned().collect(),
        library: if *library > granted.library { *library } else { Library::default() },
        optional: Optional::default(),
        enqueue: enqueue.iter().filter(is_new).map(|(kind, subjects)| (kind.clone(), *subjects)).collect(),
    }
}

/// What was granted, and this as well.
#[must_use]
pub fn with(granted: &Grant, more: &Ask) -> Grant {
    let Ask { imports, artifacts, models, http, secrets, library, optional: _, enqueue } = more;
    let mut queued: Kinds = granted.enqueue.clone();
    for (kind, subjects) in enqueue {
        let known = queued.entry(kind.clone()).or_insert(*subjects);
        *known = (*known).max(*subjects);
    }
    Grant {
        imports: granted.imports.max(*imports),
        artifacts: granted.artifacts.union(artifacts).cloned().collect(),
        models: granted.models.max(*models),
        http: granted.http.union(http).cloned().collect(),
        secrets: granted.secrets.union(secrets).cloned().collect(),
        library: granted.library.max(*library),
        optional: Optional::default(),
        enqueue: queued,
    }
}

/// An ask in words, one for each thing.
pub fn words(ask: &Ask) -> Vec<String> {
    let Ask { imports, artifacts, models, http, secrets, library, optional, enqueue } = ask;
    let mut words = Vec::new();
    if *imports == Imports::Readable {
        words.push("to read the folder of the job's import".to_owned());
    }
    words.extend(artifacts.iter().map(|kind| format!("to read what {kind} made about the subject")));
    if *models == Models::Readable {
        words.push("to read the project's model files".to_owned());
    }
    words.extend(http.iter().map(|pattern| format!("to send requests: {pattern}")));
    words.extend(secrets.iter().map(|name| format!("to have the secret {name} in its requests")));
    words.extend(enqueue.iter().map(|(kind, subjects)| match subjects {
        Subjects::Own => format!("to queue jobs of {kind} about the subject"),
        Subjects::Any => format!("to queue jobs of {kind} about any subject"),
    }));
    if *library == Library::Readable {
        words.push("to search what all documents of the library say".to_owned());
    }
    words.extend(optional.http.iter().map(|pattern| format!("if granted, to send requests: {pattern}")));
    words.extend(optional.secrets.iter().map(|name| format!("if granted, to have the secret {name} in its requests")));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(imports: Imports, artifacts: &[&str]) -> Ask {
        Ask { imports, artifacts: artifacts.iter().map(|kind| (*kind).to_owned()).collect(), ..Ask::default() }
    }

    fn before(grant: &Grant) -> Before {
        Before { granted: grant.clone(), asked: Ask::default() }
    }

    #[test]
    fn the_same_or_less_is_nothing_more() {
        let granted = ask(Imports::Readable, &["a", "b"]);
        for less in [granted.clone(), ask(Imports::Hidden, &["a"]), Ask::default()] {
            assert_eq!(beyond(&less, &before(&granted)), Ask::default());
        }
        assert!(words(&Ask::default()).is_empty());
    }

    #[test]
    fn only_what_is_new_is_named_and_what_was_granted_stays() {
        let (wanted, granted) = (ask(Imports::Readable, &["b", "c"]), ask(Imports::Hidden, &["a", "b"]));
        let more = beyond(&wanted, &before(&granted));
        assert_eq!(more, ask(Imports::Readable, &["c"]));
        assert_eq!(words(&more), ["to read the folder of the job's import", "to read what c made about the subject"]);
        assert_eq!(with(&granted, &more), ask(Imports::Readable, &["a", "b", "c"]));
    }

    #[test]
    fn requests_that_were_asked_for_and_not_granted_are_nothing_new() {
        let http = |patterns: &[&str]| patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
        let asked = Ask { http: http(&["https://*"]), ..Ask::default() };
        let granted = Grant { http: http(&["https://a.example"]), ..Grant::default() };
        let before = Before { granted, asked: asked.clone() };
        assert_eq!(beyond(&asked, &before), Ask::default());
        let wider = Ask { http: http(&["https://*", "POST https://*"]), ..Ask::default() };
        assert_eq!(words(&beyond(&wider, &before)), ["to send requests: POST https://*"]);
    }

    #[test]
    fn any_subject_is_more_than_the_own() {
        let queue = |subjects| Ask { enqueue: [("a".to_owned(), subjects)].into(), ..Ask::default() };
        let own = before(&queue(Subjects::Own));
        assert_eq!(beyond(&queue(Subjects::Own), &own), Ask::default());
        let more = beyond(&queue(Subjects::Any), &own);
        assert_eq!(words(&more), ["to queue jobs of a about any subject"]);
        assert_eq!(with(&own.granted, &more), queue(Subjects::Any));
    }
}
