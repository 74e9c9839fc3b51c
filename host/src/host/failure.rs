//! Failures: list, groups, show, resubmit, delete.

use super::job::{AttemptDetail, MAX_PAGE, Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::rules::blame::{Blame, blame};
pub use crate::rules::failure::Resolution;
use crate::rules::failure::{FINGERPRINT, PREFIX, is_prefix};
use crate::rules::job::{State, retry};
pub use crate::store::failure::{FailureFilter, FailureGroup, FailureRow, Unresolved, Which};
use crate::store::job::JobRow;
use crate::store::settle::Applied;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the text that messages are searched for at most.
const MAX_TEXT: usize = 1_024;
/// Earlier failures of the same job that are shown at most, the newest ones.
const HISTORY: u32 = 50;

/// What is wanted, after a look whether it can be: the group by its whole fingerprint.
pub(super) async fn checked(host: &Host, mut filter: FailureFilter) -> Result<FailureFilter, Refusal> {
    if let Some(group) = filter.group.take() {
        filter.group = Some(fingerprint(host, &group.to_ascii_lowercase(), filter.which).await?);
    }
    if let Some(import) = filter.import
        && host.store.import(import).await?.is_none()
    {
        return Err(Refusal::not_found(format!("there is no import {import}")).hint("`capstan import list` shows them"));
    }
    if let Some(text) = &filter.message
        && !(1..=MAX_TEXT).contains(&text.len())
    {
        let wrong = format!("the text to look for in messages has {} bytes: 1 to {MAX_TEXT}", text.len());
        return Err(Refusal::usage(wrong).hint("a word of the message is enough"));
    }
    if let Some(ids) = &filter.ids {
        few(ids)?;
    }
    Ok(filter)
}

/// The fingerprint that begins so, among failures that are resolved or not.
async fn fingerprint(host: &Host, prefix: &str, which: Which) -> Result<String, Refusal> {
    const HINT: &str = "`capstan failure groups` lists the groups";
    if !is_prefix(prefix) {
        let wrong = format!("{prefix:?} names no group: write {PREFIX} to {FINGERPRINT} of its hex digits");
        return Err(Refusal::usage(wrong).hint(HINT));
    }
    let filter = FailureFilter { group: Some(prefix.to_owned()), which, ..FailureFilter::default() };
    let mut found = host.store.fingerprints(&filter).await?;
    match (found.pop(), found.pop()) {
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => {
            let wrong = format!("group {prefix:?} is ambiguous: {other} and {one} begin so");
            Err(Refusal::usage(wrong).hint("write more of its digits"))
        }
        (None, _) => {
            let sort = if which == Which::All { String::new() } else { format!("{} ", which.name()) };
            Err(Refusal::not_found(format!("there is no {sort}failure of group {prefix:?}")).hint(HINT))
        }
    }
}

/// List failures, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureList {
    /// Which.
    #[serde(default)]
    pub filter: FailureFilter,
    /// Older than this one (the cursor of the page before).
    #[serde(default)]
    pub before: Option<i64>,
    /// At most so many; 0 for `failure.keep`.
    #[serde(default)]
    pub limit: u32,
}

/// A page of failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailurePage {
    /// The failures.
    pub items: Vec<FailureRow>,
    /// The cursor of the next page; none when this is the last.
    pub next: Option<String>,
    /// How many are behind this page.
    pub more: u64,
    /// How many are unresolved, whatever was asked for.
    pub unresolved: Unresolved,
    /// How many of those keep full detail at most.
    pub keep: u64,
}

impl Verb for FailureList {
    const ROUTE: &'static str = "failure/list";
    type Reply = FailurePage;

    async fn call(self, host: &Host) -> Result<FailurePage, Refusal> {
        let filter = checked(host, self.filter).await?;
        let keep = host.config.now().failure.keep;
        let limit = match self.limit {
            0 => u32::try_from(keep).unwrap_or(MAX_PAGE),
            asked => limit(asked)?,
        };
        let items = host.store.failures(&filter, self.before, limit).await?;
        let last = items.last().map(|failure| failure.id).filter(|_| items.len() as u64 == u64::from(limit));
        let more = match last {
            Some(last) => host.store.count_failures(&filter, Some(last)).await?,
            None => 0,
        };
        let next = last.filter(|_| more > 0).map(|id| id.to_string());
        Ok(FailurePage { items, next, more, unresolved: host.store.unresolved().await?, keep })
    }
}

/// List groups of failures, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureGroups {
    /// Of which failures.
    #[serde(default)]
    pub filter: FailureFilter,
    /// Behind this place (the cursor of the page before): `FAILURES-FINGERPRINT`.
    #[serde(default)]
    pub after: Option<String>,
    /// At most so many; 0 for 50.
    #[serde(default)]
    pub limit: u32,
}

impl Verb for FailureGroups {
    const ROUTE: &'static str = "failure/groups";
    type Reply = Page<FailureGroup>;

    async fn call(self, host: &Host) -> Result<Page<FailureGroup>, Refusal> {
        let filter = checked(host, self.filter).await?;
        let after = self.after.as_deref().map(place).transpose()?;
        let limit = limit(self.limit)?;
        let mut items = host.store.failure_groups(&filter, after.as_ref(), limit + 1).await?;
        let is_more = items.len() as u64 > u64::from(limit);
        items.truncate(limit as usize);
        let next = items.last().filter(|_| is_more).map(|group| format!("{}-{}", group.failures, group.fingerprint));
        Ok(Page { items, next })
    }
}

/// A place between groups.
fn place(text: &str) -> Result<(i64, String), Refusal> {
    let parts = text.split_once('-').and_then(|(failures, group)| Some((failures.parse().ok()?, group.to_owned())));
    parts.ok_or_else(|| {
        let wrong = format!("{text:?} is no place between groups");
        Refusal::usage(wrong).hint("take what the page before calls next, as in 12-3f0c5a9d1e77")
    })
}

/// Everything about one failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureShow {
    /// The failure.
    pub id: i64,
}

/// Everything about one failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailureDetail {
    /// The entry.
    #[serde(flatten)]
    pub failure: FailureRow,
    /// Whose fault it is.
    pub fault: Blame,
    /// Unresolved failures of the same group, this one included if it is.
    pub alike: u64,
    /// Why its attempts have no log, backtrace and details, if they were let go.
    pub note: Option<String>,
    /// Its job as it is now.
    pub job: JobRow,
    /// The attempts of its round, oldest first.
    pub attempts: Vec<AttemptDetail>,
    /// Earlier failures of the same job, newest first.
    pub earlier: Vec<FailureRow>,
}

impl Verb for FailureShow {
    const ROUTE: &'static str = "failure/show";
    type Reply = FailureDetail;

    async fn call(self, host: &Host) -> Result<FailureDetail, Refusal> {
        let failure = host.store.failure(self.id).await?.ok_or_else(|| unknown(self.id))?;
        let job = super::job::row(host, failure.job_id).await?;
        let attempts = host.store.attempts(failure.job_id).await?.into_iter();
        let attempts = attempts.filter(|attempt| attempt.round == failure.round);
        let attempts: Vec<_> = attempts.map(|row| AttemptDetail::of(&host.project, row)).collect();
        let usage = attempts.last().and_then(|attempt| attempt.row.usage.as_ref());
        let alike = FailureFilter { group: Some(failure.fingerprint.clone()), ..FailureFilter::default() };
        Ok(FailureDetail {
            fault: blame(failure.class, usage),
            alike: host.store.count_failures(&alike, None).await?,
            note: (!failure.detailed).then(|| {
                let keep = host.config.now().failure.keep;
                format!("log, backtrace and details were let go: of unresolved failures the newest {keep} keep them (failure.keep)")
            }),
            job,
            attempts,
            earlier: host.store.failures_of(failure.job_id, failure.id, HISTORY).await?,
            failure,
        })
    }
}

fn unknown(id: i64) -> Refusal {
    Refusal::not_found(format!("there is no failure {id}"))
        .hint("`capstan failure list` shows the failures; `capstan job show` names that of a job")
}

/// Failures that were resolved, as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The failures.
    pub items: Vec<FailureRow>,
}

/// Give the jobs of failures a new round, at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureResubmit {
    /// The failures.
    pub ids: Vec<i64>,
    /// Who asks.
    pub by: String,
}

impl Verb for FailureResubmit {
    const ROUTE: &'static str = "failure/resubmit";
    type Reply = Resolved;

    async fn call(self, host: &Host) -> Result<Resolved, Refusal> {
        let chosen = unresolved(host, &self.ids).await?;
        let now = clock::now();
        // An unresolved failure is of a failed job.
        let transitions = chosen.iter().filter_map(|failure| retry(failure.job_id, State::Failed, now).ok());
        let applied = host.store.resubmit(transitions.collect(), self.by, now).await?;
        resolved(host, &chosen, applied.contains(&Applied::Yes)).await
    }
}

/// Take note of failures: they are resolved, and their jobs and items stay failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureDelete {
    /// The failures.
    pub ids: Vec<i64>,
    /// Who asks.
    pub by: String,
}

impl Verb for FailureDelete {
    const ROUTE: &'static str = "failure/delete";
    type Reply = Resolved;

    async fn call(self, host: &Host) -> Result<Resolved, Refusal> {
        let chosen = unresolved(host, &self.ids).await?;
        let ids = chosen.iter().map(|failure| failure.id).collect();
        let deleted = host.store.delete_failures(ids, self.by, clock::now()).await?;
        resolved(host, &chosen, !deleted.is_empty()).await
    }
}

/// A number of failures that one request may name.
fn few(ids: &[i64]) -> Result<(), Refusal> {
    match ids.len() {
        0 => Err(Refusal::usage("no failure is named").hint("`capstan failure list` shows their numbers")),
        many if many > MAX_PAGE as usize => {
            Err(Refusal::usage(format!("{many} failures are named: at most {MAX_PAGE}")))
        }
        _ => Ok(()),
    }
}

/// These failures, each once and in the order in which they were named, if all of them are
/// there and unresolved.
async fn unresolved(host: &Host, ids: &[i64]) -> Result<Vec<FailureRow>, Refusal> {
    few(ids)?;
    let filter = FailureFilter { ids: Some(ids.to_vec()), which: Which::All, ..FailureFilter::default() };
    let found = host.store.failures(&filter, None, MAX_PAGE).await?;
    let mut found: BTreeMap<i64, FailureRow> = found.into_iter().map(|failure| (failure.id, failure)).collect();
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::with_capacity(ids.len());
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let failure = found.remove(id).ok_or_else(|| unknown(*id))?;
        if let Some(resolution) = failure.resolution {
            return Err(resolved_before(&failure, resolution));
        }
        chosen.push(failure);
    }
    Ok(chosen)
}

fn resolved_before(failure: &FailureRow, resolution: Resolution) -> Refusal {
    let (id, job) = (failure.id, failure.job_id);
    let by = failure.resolved_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let hint = match resolution {
        Resolution::Resubmitted => format!("`capstan job show {job}` tells how its job goes on"),
        Resolution::Deleted | Resolution::Superseded => {
            format!("`capstan job retry {job}` gives its job a new round all the same")
        }
    };
    Refusal::failed(format!("failure {id} was {resolution}{by} before: nothing was changed")).hint(hint)
}

/// The failures as they are now, if any of them was changed by whoever asked.
async fn resolved(host: &Host, chosen: &[FailureRow], is_changed: bool) -> Result<Resolved, Refusal> {
    let mut items = Vec::with_capacity(chosen.len());
    for before in chosen {
        items.extend(host.store.failure(before.id).await?);
    }
    match items.first().and_then(|first| Some((first, first.resolution?))) {
        // Somebody else was quicker.
        Some((first, resolution)) if !is_changed => Err(resolved_before(first, resolution)),
        _ => Ok(Resolved { items }),
    }
}
