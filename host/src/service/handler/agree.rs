//! Agreeing to what a new digest asks for.
//!
//! Grants belong to a digest, so each new one needs an entry of its own. What was
//! granted to the digest before it is carried over; what goes beyond that is agreed
//! to as a difference, or the change is refused. Nothing is ever granted because it
//! was asked for.

use crate::capability::difference::{Before, beyond, with, words};
use crate::capability::grant::{self, Ask, Grant, Refused};
use crate::config::Config;
use crate::config::live::Source;
use crate::handler::loaded::{Loaded, named};
use crate::project::Project;
use crate::service::ServiceError;

/// What an operator says to asks that go beyond what was granted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Given,
    /// No: then nothing changes.
    Withheld,
    /// Nothing yet: it is put in place, and its jobs are denied until it is granted.
    Later,
}

/// Why a digest may not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// It asks for more.
    #[error("handler {name} {version} asks for more than was granted before: {}", .more.join("; "))]
    Grows {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// What is new, in words.
        more: Vec<String>,
        /// The entry that would grant it.
        lines: String,
    },
    /// There is an entry of this digest, and it grants less than is asked.
    #[error("capstan.toml has an entry of this very digest, which does not grant {}", .0.what)]
    Narrow(Refused),
}

impl Disagreement {
    /// What to do next. `command` would do the same with the operator's consent.
    pub fn hint(&self, command: &str) -> String {
        match self {
            Self::Grows { lines, .. } => format!(
                "agree to the difference with `{command} --agree`, or put this into capstan.toml and do it again:\n{lines}"
            ),
            Self::Narrow(refused) => format!("mend that entry, for example to this:\n{}", refused.hint),
        }
    }
}

/// The entry that has to be added to the configuration so that a handler gets what
/// it asks for; none when there is nothing to add. `own` is what the entry of its
/// digest grants, `before` what the digest that it replaces was granted and asked for.
///
/// # Errors
/// It asks for more than was granted, and nobody agrees.
pub fn agree(
    loaded: &Loaded,
    own: Option<&Grant>,
    before: &Before,
    consent: Consent,
) -> Result<Option<String>, Disagreement> {
    let ask = loaded.description.ask();
    if ask == Ask::default() {
        return Ok(None);
    }
    if let Some(own) = own {
        return match loaded.intersect(own) {
            Err(refused) if consent != Consent::Later => Err(Disagreement::Narrow(refused)),
            _ => Ok(None),
        };
    }
    let (name, digest) = (&loaded.description.name, named(&loaded.digest));
    let more = beyond(&ask, before);
    let entry = |grant: &Grant| (*grant != Grant::default()).then(|| grant::hint(name, &digest, grant));
    if more == Ask::default() || consent == Consent::Later {
        return Ok(entry(&before.granted));
    }
    let all = with(&before.granted, &more);
    if consent == Consent::Given {
        return Ok(entry(&all));
    }
    Err(Disagreement::Grows {
        name: name.clone(),
        version: loaded.description.version.clone(),
        more: words(&more),
        lines: grant::hint(name, &digest, &all),
    })
}

/// Add an entry to the end of `capstan.toml`, whose text stays as it is; the
/// configuration as it is then.
///
/// # Errors
/// The file is not in order, or the file system said no.
pub fn append(project: &Project, source: &Source, lines: &str) -> Result<Config, ServiceError> {
    let path = project.config();
    let text = std::fs::read_to_string(&path).map_err(|error| ServiceError::Io {
        doing: "read",
        path: path.clone(),
        error,
    })?;
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let text = format!("{text}{end}\n{lines}\n");
    let config = source.over(&text)?;
    project.configure(&text).map_err(|error| ServiceError::Folder(error.to_string()))?;
    Ok(config)
}
