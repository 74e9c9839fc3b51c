//! Adding jobs: one, or many that are all checked before the first is accepted.

use super::check::{self, Said};
use super::row;
use crate::clock;
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::job::State;
use crate::rules::time::{Millis, Timestamp};
use crate::rules::unique::{self, By, Conflict, States, Unique};
use crate::rules::{format, subject};
use crate::service::handler::Handlers;
use crate::store::job::{About, JobRow, NewJob};
use crate::store::unique::Accepted;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Add a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobAdd {
    /// What it asks for.
    pub kind: String,
    /// Its payload.
    #[serde(default = "empty")]
    pub payload: Value,
    /// The id of the subject that it is about; a subject of its own without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The smaller is claimed first: −100 to 100. Default 0.
    #[serde(default)]
    pub priority: i64,
    /// Its queue; that of its kind without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What it shares a limit with; what its kind says without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Not before this time (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Not before so long from now (ms).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "in")]
    pub delay: Option<Millis>,
    /// It is of no use after this time (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// When one that is there is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueAsk>,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// When one that is there is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniqueAsk {
    /// What two jobs of the kind are the same by; their payload without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// In which states the one that is there counts. By default queued and running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// How long ago it may have been accepted (ms); any time without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Millis>,
    /// What becomes of the new one. By default the one that is there is the answer.
    #[serde(default = "existing")]
    pub conflict: Conflict,
}

fn existing() -> Conflict {
    Conflict::Existing
}

/// A job that was added, or the one that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAdded {
    /// The job.
    #[serde(flatten)]
    pub job: JobRow,
    /// What became of the new one: `added`, `replaced`, `existing` or `skipped`.
    pub became: Became,
}

/// What became of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Became {
    /// It was accepted.
    Added,
    /// One that was queued has what it brought.
    Replaced,
    /// One that is there is the answer.
    Existing,
    /// One is there, and it was forgotten.
    Skipped,
}

impl From<Accepted> for Became {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Accepted::Added(_) => Self::Added,
            Accepted::Replaced(_) => Self::Replaced,
            Accepted::Existing(_) => Self::Existing,
            Accepted::Skipped(_) => Self::Skipped,
        }
    }
}

impl Verb for JobAdd {
    const ROUTE: &'static str = "job/add";
    type Reply = JobAdded;

    async fn call(self, host: &Host) -> Result<JobAdded, Refusal> {
        let (_, handlers) = host.engine().await?;
        let job = self.prepare(host, handlers, clock::now()).await?;
        // Reading the row again would cost as much as writing it.
        let foreseen = job.key.is_none().then(|| job.accepted(0));
        let accepted = host.store.accept(vec![job]).await?;
        let accepted = accepted.first().copied().ok_or_else(|| Refusal::failed("the store gave no answer"))?;
        let job = match (accepted, foreseen) {
            (Accepted::Added(id), Some(row)) => JobRow { id, ..row },
            _ => row(host, accepted.id()).await?,
        };
        Ok(JobAdded { job, became: accepted.into() })
    }
}

/// Whether many jobs are only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Say what is wrong, and change nothing.
    Check,
    /// Accept them: all or none.
    Add,
}

/// Add many jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobAddMany {
    /// The jobs, each with the line that it comes from.
    pub jobs: Vec<(u64, JobAdd)>,
    /// Whether they are only looked at.
    pub mode: Mode,
}

/// What became of many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobsAdded {
    /// How many were accepted.
    pub added: u64,
    /// How many replaced one that was queued.
    pub replaced: u64,
    /// How many were there already.
    pub existing: u64,
    /// How many were skipped.
    pub skipped: u64,
    /// The first and the last that was accepted.
    pub first: Option<i64>,
    /// The last that was accepted.
    pub last: Option<i64>,
}

impl JobsAdded {
    /// Count one more.
    fn count(&mut self, accepted: Accepted) {
        match accepted {
            Accepted::Added(id) => {
                self.added += 1;
                self.first = self.first.or(Some(id));
                self.last = Some(id);
            }
            Accepted::Replaced(_) => self.replaced += 1,
            Accepted::Existing(_) => self.existing += 1,
            Accepted::Skipped(_) => self.skipped += 1,
        }
    }

    /// With those that came after.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            added: self.added + later.added,
            replaced: self.replaced + later.replaced,
            existing: self.existing + later.existing,
            skipped: self.skipped + later.skipped,
            first: self.first.or(later.first),
            last: later.last.or(self.last),
        }
    }
}

impl Verb for JobAddMany {
    const ROUTE: &'static str = "job/add-many";
    type Reply = JobsAdded;

    async fn call(self, host: &Host) -> Result<JobsAdded, Refusal> {
        let (_, handlers) = host.engine().await?;
        let now = clock::now();
        let mut jobs = Vec::with_capacity(self.jobs.len());
        for (line, job) in self.jobs {
            jobs.push(job.prepare(host, handlers, now).await.map_err(|refusal| Refusal {
                message: format!("line {line}: {}; nothing of the input was added", refusal.message),
                ..refusal
            })?);
        }
        let mut added = JobsAdded::default();
        if self.mode == Mode::Add {
            host.store.accept(jobs).await?.into_iter().for_each(|accepted| added.count(accepted));
        }
        Ok(added)
    }
}

impl JobAdd {
    /// A job of this kind with this payload, and the rest as it is without a word.
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self {
            kind: kind.into(),
            payload,
            subject: None,
            title: None,
            tags: Vec::new(),
            priority: 0,
            queue: None,
            key: None,
            at: None,
            delay: None,
            deadline: None,
            unique: None,
        }
    }

    /// The job as the store accepts it.
    async fn prepare(self, host: &Host, handlers: &Handlers, now: Timestamp) -> Result<NewJob, Refusal> {
        let payload = check::payload(handlers, &self.kind, &self.payload)?;
        self.said().fits()?;
        let run_at = self.run_at(now)?;
        let about = self.about(host, &payload).await?;
        let config = host.config.now();
        Ok(NewJob {
            queue: self.queue.clone().unwrap_or_else(|| config.queue(&self.kind)),
            max_attempts: config.policy(&self.kind).max_attempts,
            key: self.key.clone().or_else(|| config.key(&self.kind, &about.source)),
            unique: self.unique(&payload),
            deadline: self.deadline,
            priority: self.priority,
            kind: self.kind,
            about,
            payload,
            run_at,
            parent: None,
            item: None,
            now,
        })
    }

    fn said(&self) -> Said<'_> {
        Said {
            priority: self.priority,
            queue: self.queue.as_deref(),
            key: self.key.as_deref(),
            title: self.title.as_deref(),
            tags: &self.tags,
            by: self.unique.as_ref().and_then(|unique| unique.by.as_deref()),
        }
    }

    fn run_at(&self, now: Timestamp) -> Result<Timestamp, Refusal> {
        let run_at = match (self.at, self.delay) {
            (Some(_), Some(_)) => {
                return Err(Refusal::usage("a job has either a time or a delay").hint("leave out `at` or `in`"));
            }
            (at, delay) => at.unwrap_or_else(|| delay.map_or(now, |delay| now.after(delay))),
        };
        match self.deadline {
            Some(at) if at <= now => {
                Err(Refusal::usage(format!("deadline {} has passed", at.rfc3339())).hint("name a later one"))
            }
            Some(at) if at <= run_at => Err(Refusal::usage(format!(
                "deadline {} is not after {}, before which the job does not run",
                at.rfc3339(),
                run_at.rfc3339()
            ))
            .hint("name a later deadline, or an earlier time")),
            _ => Ok(run_at),
        }
    }

    fn unique(&self, payload: &str) -> Option<Unique> {
        let ask = self.unique.as_ref()?;
        let by = ask.by.as_deref().map_or(By::Payload(payload), By::Key);
        Some(Unique {
            hash: unique::hash(&self.kind, by),
            states: if ask.states.is_empty() { States::OPEN } else { States::of(&ask.states) },
            period: ask.period,
            conflict: ask.conflict,
        })
    }

    async fn about(&self, host: &Host, payload: &str) -> Result<About, Refusal> {
        let mut about = match &self.subject {
            Some(subject) => known(host, subject).await?,
            None => {
                // The same page is the same subject, whether it comes from a list or by itself.
                let address = self.payload.get("url").and_then(|url| url.as_str());
                let address = address.and_then(|url| format::page(url).ok());
                address.map_or_else(|| About::payload(&self.kind, payload), About::source)
            }
        };
        if let Some(title) = &self.title {
            about.title.clone_from(title);
        }
        if !self.tags.is_empty() {
            about.tags.clone_from(&self.tags);
        }
        Ok(about)
    }
}

async fn known(host: &Host, id: &str) -> Result<About, Refusal> {
    let hint = "`capstan artifact list` shows the ids";
    if !subject::is_id(id) {
        return Err(Refusal::usage(format!("subject {id:?} is no subject id: 32 lower-case hex digits")).hint(hint));
    }
    let about = host.store.about(id).await?;
    about.ok_or_else(|| Refusal::not_found(format!("there is no subject {id}")).hint(hint))
}
