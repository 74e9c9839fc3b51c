//! Lists in every form: what is read of them, what is told of the rest, and what no
//! list may do.

mod address;
mod broken;
mod detect;
mod encoding;
mod limits;
mod round;
mod samples;

use capstan::rules::format::{Broken, Entry, Format, Problem, Unreadable, read};
use std::io::BufReader;

/// What a list gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) entries: Vec<Entry>,
    pub(super) broken: Vec<Broken>,
    pub(super) unreadable: Option<Unreadable>,
}

impl Outcome {
    fn of(items: impl Iterator<Item = Result<Entry, Problem>>) -> Self {
        let mut outcome = Self::default();
        for item in items {
            assert_eq!(outcome.unreadable, None, "nothing follows the end");
            match item {
                Ok(entry) => outcome.entries.push(entry),
                Err(Problem::Broken(broken)) => outcome.broken.push(broken),
                Err(Problem::Unreadable(error)) => outcome.unreadable = Some(error),
            }
        }
        outcome
    }

    /// The addresses, in order.
    pub(super) fn urls(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.url.as_str()).collect()
    }

    /// What is said of the broken items.
    pub(super) fn said(&self) -> Vec<String> {
        self.broken.iter().map(ToString::to_string).collect()
    }
}

/// Read a list that lies in memory.
pub(super) fn all(format: Format, list: impl AsRef<[u8]>) -> Outcome {
    Outcome::of(read(format, list.as_ref()))
}

/// Read it in steps of so many bytes, as a slow disk gives it.
pub(super) fn slowly(format: Format, list: &[u8], step: usize) -> Outcome {
    Outcome::of(read(format, BufReader::with_capacity(step, list)))
}

#[test]
fn names_read_back() {
    for format in Format::ALL {
        assert_eq!((Format::parse(format.name()), format.to_string()), (Some(format), format.name().to_owned()));
    }
    assert_eq!(Format::parse("Urls"), None);
}
