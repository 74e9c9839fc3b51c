//! From the host's two calls to a handler, and back.
//!
//! [`Entry`] forgets a handler's types, so that a component may hold several; `testing` goes through
//! the same entries. The only host calls made here are those for payload and configuration, and for the
//! kind when there is a choice.

use serde::de::DeserializeOwned;

use crate::describe::{self, Asks, Description, Kind};
use crate::{Facts, Failure, Handler, Job, Success};

/// An exported handler without its types.
#[derive(Clone, Copy)]
pub struct Entry {
    kind: &'static str,
    name: &'static str,
    version: &'static str,
    about: &'static str,
    asks: fn() -> Asks,
    describe: fn() -> Kind,
    run: fn(Facts) -> Result<Success<String>, Failure>,
}

impl Entry {
    /// The entry of a handler.
    #[must_use]
    pub const fn of<H: Handler>() -> Self {
        Self {
            kind: H::KIND,
            name: H::NAME,
            version: H::VERSION,
            about: H::ABOUT,
            asks: H::asks,
            describe: describe::kind::<H>,
            run: attempt::<H>,
        }
    }
}

fn attempt<H: Handler>(facts: Facts) -> Result<Success<String>, Failure> {
    let payload = parse(H::KIND, "payload", &facts.payload())?;
    let config = parse(H::KIND, "config", &facts.config())?;
    let job = Job::<H>::new(payload, config, facts);
    H::default().run(&job)?.try_map(|result| {
        serde_json::to_string(&result)
            .map_err(|error| Failure::permanent(format!("result of `{}` is no JSON: {error}", H::KIND)))
    })
}

fn parse<T: DeserializeOwned>(kind: &str, part: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::permanent(format!(
            "{part} of kind `{kind}` does not fit: {error}; `capstan handler inspect` shows its schema"
        ))
    })
}

/// What a component with these handlers says about itself; `None` without any.
pub(crate) fn description(entries: &[Entry]) -> Option<Description> {
    let first = entries.first()?;
    Some(Description {
        name: first.name.to_owned(),
        version: first.version.to_owned(),
        about: first.about.to_owned(),
        kinds: entries.iter().map(|entry| (entry.describe)()).collect(),
        asks: entries.iter().fold(Asks::default(), |asks, entry| asks.and((entry.asks)())),
    })
}

pub(crate) fn run(entries: &[Entry], facts: Facts) -> Result<Success<String>, Failure> {
    if let [only] = entries {
        return (only.run)(facts);
    }
    let kind = facts.kind();
    match entries.iter().find(|entry| entry.kind == kind) {
        Some(entry) => (entry.run)(facts),
        None => {
            let known: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
            Err(Failure::permanent(format!("kind `{kind}` is not done here, only {}", known.join(", "))))
        }
    }
}

/// The export `describe`.
#[cfg(target_family = "wasm")]
#[must_use]
pub fn describe_component(entries: &[Entry]) -> String {
    serde_json::to_string(&description(entries)).unwrap_or_default()
}

/// The export `run`.
#[cfg(target_family = "wasm")]
pub fn run_component(entries: &[Entry], job: &crate::wit::Job) -> Result<crate::wit::Success, crate::wit::Failure> {
    let answer = run(entries, Facts::of(job));
    // Nothing runs when a component ends, so a last line without its end would stay in the buffer. What cannot be
    // written is lost, as a log may be.
    let _ = std::io::Write::flush(&mut std::io::stdout());
    match answer {
        Ok(success) => Ok(success.into()),
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Empty;

    macro_rules! handler {
        ($name:ident, $kind:literal, $asks:expr) => {
            #[derive(Default)]
            struct $name;

            impl Handler for $name {
                const KIND: &'static str = $kind;
                const VERSION: &'static str = concat!("0.0.0-", $kind);
                const ABOUT: &'static str = $kind;
                type Payload = Empty;
                type Config = Empty;
                type Result = &'static str;

                fn asks() -> Asks {
                    $asks
                }

                fn run(&mut self, _job: &Job<Self>) -> Result<Success<&'static str>, Failure> {
                    Ok(Success::Done($kind))
                }
            }
        };
    }
    handler!(One, "one", Asks::default().artifacts("ingest"));
    handler!(Two, "two", Asks::default().imports().artifacts("ingest").artifacts("one"));
    const BOTH: &[Entry] = &[Entry::of::<One>(), Entry::of::<Two>()];

    #[test]
    fn the_kind_decides_among_several() {
        let answer = |kind| run(BOTH, Facts::about(kind));
        assert_eq!(answer("one"), Ok(Success::Done("\"one\"".into())));
        assert_eq!(answer("two"), Ok(Success::Done("\"two\"".into())));
        assert_eq!(answer("six"), Err(Failure::permanent("kind `six` is not done here, only one, two")));
    }

    #[test]
    fn a_component_asks_for_what_any_handler_asks_for() {
        let said = description(BOTH).unwrap();
        assert_eq!((said.name.as_str(), said.version.as_str()), ("one", "0.0.0-one"));
        assert_eq!(said.kinds.iter().map(|kind| kind.kind.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(said.asks, Asks::default().imports().artifacts("ingest").artifacts("one"));
        assert_eq!(description(&[]), None);
    }
}
