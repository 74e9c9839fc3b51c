//! `capstan job wait`

use super::job::line;
use super::reach::Reach;
use super::when::span;
use super::{Common, Done, Failure, say};
use crate::host::job::{JobRow, JobShow, JobWait, Page};
use crate::host::refusal::Refusal;
use crate::rules::job::State;
use crate::rules::time::Millis;
use clap::Args;
use std::time::{Duration, Instant};

pub(super) const EXAMPLES: &str = "Examples:
  capstan job wait 7
  capstan job wait 7 8 9 --timeout 10m
  capstan job wait 7 --result | jq .title

--result prints a line of JSON for each job that completed, in the order in which they are named, and nothing else.
With --json several jobs are a list, as from `capstan job list`.";

/// What is waited for.
#[derive(Debug, Args)]
pub(super) struct Wait {
    /// Their numbers
    #[arg(required = true, value_name = "ID")]
    ids: Vec<i64>,
    /// Print only the result of each that completed, as a line of JSON
    #[arg(long)]
    result: bool,
    /// Give up after so long, with exit code 1
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Millis>,
}

impl Wait {
    pub(super) async fn run(self, common: &Common) -> Done {
        let reach = common.reach().await?;
        let ended = self.ended(&reach).await;
        let results = match &ended {
            Ok(jobs) if self.result => results(&reach, jobs).await,
            _ => Ok(Vec::new()),
        };
        reach.leave().await?;
        let (jobs, results) = (ended?, results?);
        if self.result {
            return shown(&jobs, &results);
        }
        match jobs.as_slice() {
            [job] => common.print(job, line)?,
            _ => {
                let page = Page { items: jobs.clone(), next: None };
                common.print(&page, |page| page.items.iter().map(line).collect::<Vec<_>>().join("\n"))?;
            }
        }
        if jobs.iter().all(|job| job.state == State::Completed) { Ok(()) } else { Err(Failure::Shown(1)) }
    }

    /// The jobs when all of them have ended.
    async fn ended(&self, reach: &Reach) -> Result<Vec<JobRow>, Failure> {
        // Who names one that is not there is told before anything is waited for.
        for id in &self.ids {
            reach.say(JobWait { id: *id, hold: Some(Millis(0)) }).await?;
        }
        let end = self.timeout.map(|span| (span, Instant::now() + span.duration()));
        let mut jobs = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            jobs.push(one(reach, *id, end).await?);
        }
        Ok(jobs)
    }
}

async fn one(reach: &Reach, id: i64, end: Option<(Millis, Instant)>) -> Result<JobRow, Failure> {
    loop {
        let left = end.map(|(_, at)| at.saturating_duration_since(Instant::now()));
        // A host for the time of this command works on nothing, so there is nothing to wait for.
        let is_here = matches!(reach, Reach::Here(_));
        let hold = if is_here { Some(Millis(0)) } else { left.map(millis) };
        let job = reach.say(JobWait { id, hold }).await?;
        if !job.state.is_open() {
            return Ok(job);
        }
        if is_here {
            let refusal = Refusal::failed(format!("job {id} is {} and no host works on it", job.state));
            return Err(refusal.hint("start one: `capstan run` or `capstan serve`").into());
        }
        if let (Some(Duration::ZERO), Some((span, _))) = (left, end) {
            let refusal = Refusal::failed(format!("job {id} is still {} after {span}", job.state));
            return Err(refusal.hint(format!("wait longer, or ask why: `capstan job explain {id}`")).into());
        }
    }
}

/// Rounded up, so that a wait never ends just before its time.
fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
}

/// The results of those that completed.
async fn results(reach: &Reach, jobs: &[JobRow]) -> Result<Vec<serde_json::Value>, Failure> {
    let mut results = Vec::new();
    for job in jobs.iter().filter(|job| job.state == State::Completed) {
        results.push(reach.say(JobShow { id: job.id }).await?.result.unwrap_or_default());
    }
    Ok(results)
}

fn shown(jobs: &[JobRow], results: &[serde_json::Value]) -> Done {
    if !results.is_empty() {
        say(&results.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    }
    match jobs.iter().find(|job| job.state != State::Completed) {
        None => Ok(()),
        Some(job) => {
            let why = job.error.as_ref().map(|error| format!(": {}: {}", error.class, error.message));
            let refusal = Refusal::failed(format!("job {} is {}{}", job.id, job.state, why.unwrap_or_default()));
            Err(refusal.hint(format!("`capstan job explain {}` says what to do", job.id)).into())
        }
    }
}
