//! Subjects: show, remove.
//!
//! Removing forgets the generations in one transaction and removes their files afterwards. What this cannot promise:
//! that nothing is left of the files of a subject if the host dies in between; nothing knows of them then.

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::artifact::generation;
use crate::artifact::name::Name;
use crate::clock;
use crate::rules::subject;
use crate::service::search;
pub use crate::store::subject::SubjectKind;
use crate::store::subject::{Removed, Removing};
use serde::{Deserialize, Serialize};

impl Host {
    /// The id of the subject that a text names: an id, the beginning of one, or a canonical source.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub(super) async fn subject(&self, text: &str) -> Result<String, Refusal> {
        if text.is_empty() {
            return Err(Refusal::usage("no subject is named").hint("`capstan artifact list` shows the subjects"));
        }
        let wanted = if text.contains(':') { subject::id_of_source(text) } else { text.to_owned() };
        match self.store.subjects_like(&wanted).await?.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Refusal::not_found(format!("there is no subject {text:?}"))
                .hint("`capstan artifact list` shows the subjects")),
            [_, _, ..] => {
                Err(Refusal::usage(format!("{text:?} begins more than one subject id")).hint("write more digits of it"))
            }
        }
    }
}

/// Digits of an id that a removal needs.
const LEAST: usize = 8;

/// What is known about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectShow {
    /// A subject's id, the beginning of one, or a canonical source.
    pub subject: String,
}

/// A subject, and what is current about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its id.
    pub subject: String,
    /// Its canonical source.
    pub source: String,
    /// Its title.
    pub title: String,
    /// What each kind made of it.
    pub kinds: Vec<SubjectKind>,
}

impl Verb for SubjectShow {
    const ROUTE: &'static str = "subject/show";
    type Reply = Subject;

    async fn call(self, host: &Host) -> Result<Subject, Refusal> {
        let subject = host.subject(&self.subject).await?;
        let about = host.store.about(&subject).await?;
        let (source, title) = about.map(|about| (about.source, about.title)).unwrap_or_default();
        let kinds = host.store.kinds_of(&subject).await?;
        Ok(Subject { subject, source, title, kinds })
    }
}

/// Forget what was published about a subject, and remove its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectRemove {
    /// A subject's id, the beginning of one, or a canonical source.
    pub subject: String,
    /// Who wants it.
    pub by: String,
}

/// A subject that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRemoved {
    /// Its id.
    pub subject: String,
    /// How many generations there were, current ones and those before them.
    pub generations: u64,
    /// What could not be removed of their files, with the reason.
    pub left: Vec<String>,
}

impl Verb for SubjectRemove {
    const ROUTE: &'static str = "subject/remove";
    type Reply = SubjectRemoved;

    async fn call(self, host: &Host) -> Result<SubjectRemoved, Refusal> {
        if !self.subject.contains(':') && self.subject.len() < LEAST {
            let said = format!("{:?} is too short for what cannot be undone: at least {LEAST} digits", self.subject);
            return Err(Refusal::usage(said).hint("write more digits of the id, or the source"));
        }
        let subject = host.subject(&self.subject).await?;
        let removing = Removing { subject: subject.clone(), by: self.by, now: clock::now() };
        let generations = match host.store.remove_subject(removing).await? {
            Removed::Generations(generations) => generations,
            Removed::Running(jobs) => {
                let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
                let jobs = jobs.join(", ");
                return Err(Refusal::failed(format!(
                    "subject {subject} is worked on by job {jobs}: nothing was removed"
                ))
                .hint("cancel it with `capstan job cancel`, or try again when it has ended"));
            }
        };
        let count = generations.len() as u64;
        let (root, of) = (host.project.root().to_owned(), subject.clone());
        let remove = move || {
            let remove = |(kind, lease): (String, i64)| {
                let name = Name::new(&of, &kind, lease).map_err(|error| error.to_string())?;
                generation::remove(&root, &name).map_err(|error| error.to_string())
            };
            generations.into_iter().filter_map(|generation| remove(generation).err()).collect()
        };
        let left = tokio::task::spawn_blocking(remove).await.map_err(|error| Refusal::failed(error.to_string()))?;
        if let Some(runtime) = host.runtime.get() {
            // What fails now is done by the next search.
            let _ = search::catch_up(runtime).await;
        }
        Ok(SubjectRemoved { subject, generations: count, left })
    }
}
