//! What goes wrong with a list or an item of it, and what is lost of an entry.

use super::{Format, MAX_COLUMNS, MAX_DEPTH, MAX_ITEM, MAX_NOTE, MAX_TAG, MAX_TAGS, MAX_TITLE, Place};
use std::fmt;

/// What of an entry could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The end of its title.
    Title,
    /// The end of a tag, or the name of a folder that is no UTF-8.
    Tag,
    /// Tags beyond the number.
    Tags,
    /// The end of its note.
    Note,
    /// Its date, which is none.
    Date,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title => write!(f, "its title was cut after {MAX_TITLE} letters"),
            Self::Tag => write!(f, "a tag was cut after {MAX_TAG} letters or is no UTF-8"),
            Self::Tags => write!(f, "it has more than {MAX_TAGS} tags"),
            Self::Note => write!(f, "its note was cut after {MAX_NOTE} letters"),
            Self::Date => f.write_str("when it was added is no date"),
        }
    }
}

/// An item that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct Broken {
    /// Where it stands.
    pub place: Place,
    /// The reason.
    pub why: Why,
    /// Its beginning, with what may be a password left out.
    pub excerpt: String,
}

/// Why an item cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It has no address.
    #[error("it has no URL")]
    NoUrl,
    /// What stands for its address is none.
    #[error("{url:?} is no URL: {reason}")]
    NotAUrl {
        /// What stands there.
        url: String,
        /// What the URL standard says about it.
        reason: String,
    },
    /// Its address is of another scheme than `http` and `https`.
    #[error("{url:?} is no address of the web: scheme {scheme} is not fetched")]
    Scheme {
        /// The address, shortened.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// Its address holds a user or a password, which must not be kept.
    #[error("an address of {0} holds a user or a password")]
    Login(String),
    /// It is larger than [`MAX_ITEM`].
    #[error("it is larger than {MAX_ITEM} bytes")]
    TooLarge,
    /// It has more columns than [`MAX_COLUMNS`].
    #[error("it has more than {MAX_COLUMNS} columns")]
    TooWide,
    /// It lies deeper than [`MAX_DEPTH`].
    #[error("it is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A byte of it is no UTF-8.
    #[error("it is no UTF-8")]
    NotUtf8,
    /// It is not written in the form of the list.
    #[error("it is malformed: {0}")]
    Malformed(String),
}

/// Why a list cannot be read (on).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It ends in the middle.
    #[error("it ends in the middle of {0}")]
    Truncated(&'static str),
    /// It is not written in its form.
    #[error("it is no {format}: at byte {at} stands no {expected}")]
    Syntax {
        /// The form.
        format: Format,
        /// How many bytes are before.
        at: u64,
        /// What should stand there.
        expected: &'static str,
    },
    /// What should hold the items is missing.
    #[error("it is no {format}: it has no {missing}")]
    Shape {
        /// The form.
        format: Format,
        /// What is missing.
        missing: &'static str,
    },
    /// It is not UTF-8 and does not say what else it is in a known way.
    #[error("its encoding is {0}")]
    Encoding(String),
    /// Its reader failed.
    #[error("it cannot be read: {0}")]
    Io(String),
}

/// What may stand in the place of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// One item is broken; the next one follows.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The list cannot be read on; nothing follows.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
