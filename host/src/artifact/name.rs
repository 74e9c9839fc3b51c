//! Where a generation lies: `artifacts/<shard>/<subject>/<kind>/g<lease>`.
//!
//! Built from parts that are checked here, and parsed back the same way; no text
//! of a guest or a user becomes part of it.

use crate::rules::subject;
use std::path::PathBuf;

/// The folder below the project that generations lie in.
pub const FOLDER: &str = "artifacts";

/// One generation of one kind of artifacts about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    subject: String,
    kind: String,
    lease: i64,
}

/// Why a name is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The subject is not an id.
    #[error("subject {0:?} is not 32 lower-case hex digits")]
    Subject(String),
    /// The kind has other characters or another length.
    #[error("kind {0:?} is not 1 to 64 characters of a-z 0-9 -")]
    Kind(String),
    /// The lease was never given.
    #[error("lease {0} is not positive")]
    Lease(i64),
}

/// Whether a text may be a kind: 1 to 64 of `a-z 0-9 -`.
pub fn is_kind(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Name {
    /// Check the parts.
    pub fn new(subject: &str, kind: &str, lease: i64) -> Result<Self, NameError> {
        if !subject::is_id(subject) {
            return Err(NameError::Subject(subject.to_owned()));
        }
        if !is_kind(kind) {
            return Err(NameError::Kind(kind.to_owned()));
        }
        if lease <= 0 {
            return Err(NameError::Lease(lease));
        }
        Ok(Self { subject: subject.to_owned(), kind: kind.to_owned(), lease })
    }

    /// The subject's id.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The lease of the attempt that made it.
    pub const fn lease(&self) -> i64 {
        self.lease
    }

    /// The path relative to the project folder, as the database keeps it.
    pub fn location(&self) -> String {
        format!("{FOLDER}/{}/{}/{}/g{}", subject::shard(&self.subject), self.subject, self.kind, self.lease)
    }

    /// The name at a location.
    pub fn parse(location: &str) -> Option<Self> {
        let mut parts = location.split('/');
        let (folder, shard, subject) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, generation) = (parts.next()?, parts.next()?);
        let lease = lease_of(generation)?;
        let name = Self::new(subject, kind, lease).ok()?;
        (folder == FOLDER && shard == subject::shard(subject) && parts.next().is_none()).then_some(name)
    }

    /// The folders from `artifacts` down to the generation, as paths relative to
    /// the project.
    pub(super) fn steps(&self) -> [PathBuf; 5] {
        let root = PathBuf::from(FOLDER);
        let shard = root.join(subject::shard(&self.subject));
        let subject = shard.join(&self.subject);
        let kind = subject.join(&self.kind);
        let generation = kind.join(format!("g{}", self.lease));
        [root, shard, subject, kind, generation]
    }
}

/// The lease in `g<lease>`, only in the form that [`Name::location`] writes.
pub(super) fn lease_of(folder: &str) -> Option<i64> {
    let lease: i64 = folder.strip_prefix('g')?.parse().ok()?;
    (lease > 0 && folder == format!("g{lease}")).then_some(lease)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SUBJECT: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_location_is_parsed_back() {
        let name = Name::new(SUBJECT, "normalise", 42).unwrap();
        assert_eq!(name.location(), format!("artifacts/00/{SUBJECT}/normalise/g42"));
        assert_eq!(Name::parse(&name.location()), Some(name));
    }

    #[test]
    fn other_texts_are_no_locations() {
        for text in [
            format!("artifacts/01/{SUBJECT}/normalise/g42"),
            format!("artifacts/00/{SUBJECT}/normalise/g042"),
            format!("artifacts/00/{SUBJECT}/normalise/g+42"),
            format!("artifacts/00/{SUBJECT}/normalise/g42/x"),
            format!("artifacts/00/{SUBJECT}/../g42"),
            format!("/artifacts/00/{SUBJECT}/normalise/g42"),
            "artifacts".to_owned(),
        ] {
            assert_eq!(Name::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn parts_that_could_escape_are_refused() {
        assert!(matches!(Name::new("../..", "a", 1), Err(NameError::Subject(_))));
        for kind in ["", ".", "..", "a/b", "A", "a_b", &"a".repeat(65)] {
            assert!(matches!(Name::new(SUBJECT, kind, 1), Err(NameError::Kind(_))), "{kind}");
        }
        assert_eq!(Name::new(SUBJECT, "a", 0), Err(NameError::Lease(0)));
    }
}
