//! `capstan job cancel`, `retry` and `prioritise`: one, several, or all that match.

use super::bulk::{Sure, act};
use super::job::{line, who};
use super::reach::Reach;
use super::select::Which;
use super::{Common, Done, Failure, complain};
use crate::host::bulk::What;
use crate::host::job::{JobCancel, JobEdit, JobFilter, JobRetry, JobRow, JobShow, Page};
use clap::Args;

pub(super) const CANCELS: &str = "Examples:
  capstan job cancel 7
  capstan job cancel --kind summarise --state queued
  capstan job cancel --import 3 --dry-run

With a filter it is an operation on all that matches when it begins: it goes on after a crash, `capstan bulk list` shows it.";

pub(super) const RETRIES: &str = "Examples:
  capstan job retry 7
  capstan job retry --state failed --class timeout --since 2h
  capstan job retry --all --dry-run

With a filter it is an operation on all that matches when it begins: it goes on after a crash, `capstan bulk list` shows it.";

pub(super) const PRIORITIES: &str = "Examples:
  capstan job prioritise 7 --priority -10
  capstan job prioritise --kind embed --priority 20

With a filter it is an operation on all that matches when it begins: it goes on after a crash, `capstan bulk list` shows it.";

/// Single jobs by their numbers, or all that match.
#[derive(Debug, Args)]
pub(super) struct Many {
    /// Their numbers
    #[arg(value_name = "ID", conflicts_with = "which")]
    ids: Vec<i64>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    sure: Sure,
}

/// Jobs, and their priority from now on.
#[derive(Debug, Args)]
pub(super) struct Prioritise {
    #[command(flatten)]
    many: Many,
    /// The smaller goes first, -100 to 100
    #[arg(long, allow_negative_numbers = true)]
    priority: i64,
}

/// What is done to one job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Each {
    /// Cancel it.
    Cancel,
    /// Give it a new round.
    Retry,
    /// Give it this priority.
    Prioritise(i64),
}

impl Each {
    async fn to(self, reach: &Reach, id: i64) -> Result<JobRow, Failure> {
        match self {
            Self::Cancel => reach.say(JobCancel { id, by: who() }).await,
            Self::Retry => reach.say(JobRetry { id, by: who() }).await,
            Self::Prioritise(priority) => {
                let edit = JobEdit {
                    id,
                    payload: None,
                    priority: Some(priority),
                    tags: None,
                    title: None,
                    queue: None,
                    key: None,
                    deadline: None,
                };
                reach.say(edit).await
            }
        }
    }

    fn of(self, jobs: JobFilter) -> What {
        match self {
            Self::Cancel => What::Cancel { jobs },
            Self::Retry => What::Retry { jobs },
            Self::Prioritise(priority) => What::Prioritise { jobs, priority },
        }
    }
}

impl Prioritise {
    pub(super) async fn run(self, common: &Common) -> Done {
        self.many.run(common, Each::Prioritise(self.priority)).await
    }
}

impl Many {
    pub(super) async fn run(self, common: &Common, each: Each) -> Done {
        match self.ids.as_slice() {
            [] => act(common, each.of(self.which.filter()), self.sure).await,
            [id] => {
                let reach = common.reach().await?;
                let job = each.to(&reach, *id).await;
                reach.leave().await?;
                common.print(&job?, line)
            }
            ids => several(common, each, ids).await,
        }
    }
}

/// One behind the other; one that is refused does not keep the others.
async fn several(common: &Common, each: Each, ids: &[i64]) -> Done {
    let reach = common.reach().await?;
    // Who names one that is not there is told before anything is done.
    for id in ids {
        if let Err(refused) = reach.say(JobShow { id: *id }).await {
            reach.leave().await?;
            return Err(refused);
        }
    }
    let (mut items, mut is_refused) = (Vec::new(), false);
    for id in ids {
        match each.to(&reach, *id).await {
            Ok(job) => items.push(job),
            Err(Failure::Refused(refusal)) => {
                is_refused = true;
                complain(&Failure::Refused(refusal));
            }
            Err(other) => return Err(other),
        }
    }
    reach.leave().await?;
    let page = Page { items, next: None };
    common.print(&page, |page| page.items.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    if is_refused { Err(Failure::Shown(1)) } else { Ok(()) }
}
