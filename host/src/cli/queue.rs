//! `capstan queue`

use super::table::{more, table, time};
use super::{Common, Done, Failure};
use crate::host::queue::{Change, QueueDrain, QueueList, QueuePause, QueueResume, QueueRow, QueueSet, QueueWait};
use crate::host::refusal::Refusal;
use crate::rules::queue::{Own, QueueState, Set};
use crate::rules::rate::Rate;
use clap::{Args, Subcommand};

/// The lanes that jobs wait in
#[derive(Debug, Subcommand)]
pub(super) enum Queue {
    /// List queues with their limits
    List,
    /// Let the jobs of a queue wait; those that run go on
    Pause {
        /// The queue
        name: String,
    },
    /// Let the jobs of a queue run again
    Resume {
        /// The queue
        name: String,
    },
    /// Start nothing more of a queue, and wait until what runs has ended; then it is paused
    Drain {
        /// The queue
        name: String,
    },
    /// Limit a queue; this wins over capstan.toml until --reset
    #[command(after_help = "Examples:
  capstan queue set ingest --concurrency 8 --rate 60/min --burst 10
  capstan queue set summarise --tokens 90000/min
  capstan queue set ingest --rate none
  capstan queue set ingest --reset")]
    Set(Limits),
}

/// How a queue is limited.
#[derive(Debug, Args)]
pub(super) struct Limits {
    /// The queue
    name: String,
    /// Jobs that run at once, or none for no limit
    #[arg(long, value_name = "N", value_parser = concurrency)]
    concurrency: Option<Own<u64>>,
    /// Jobs that begin, as in 60/min, or none for no limit
    #[arg(long, value_parser = rate)]
    rate: Option<Own<Rate>>,
    /// Jobs that may begin at once; what the rate gives in a second without
    #[arg(long, value_name = "N", requires = "rate")]
    burst: Option<u64>,
    /// Tokens that handlers report, as in 90000/min, or none for no limit
    #[arg(long, value_name = "RATE", value_parser = rate)]
    tokens: Option<Own<Rate>>,
    /// Take back what was set
    #[arg(long, conflicts_with_all = ["concurrency", "rate", "burst", "tokens"])]
    reset: bool,
}

fn concurrency(text: &str) -> Result<Own<u64>, String> {
    match text {
        "none" => Ok(Own::None),
        number => number.parse().map(Own::Limit).map_err(|_| "write a number, or none".to_owned()),
    }
}

fn rate(text: &str) -> Result<Own<Rate>, String> {
    match text {
        "none" => Ok(Own::None),
        rate => Rate::parse(rate).map(Own::Limit).map_err(|wrong| wrong.to_string()),
    }
}

impl Queue {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List => {
                let page = common.reach().await?.ask(QueueList {}).await?;
                common.print(&page, |page| format!("{}{}", list(&page.items), more(page.next.as_deref(), "--after")))
            }
            Self::Pause { name } => common.print(&common.reach().await?.ask(QueuePause { name }).await?, line),
            Self::Resume { name } => common.print(&common.reach().await?.ask(QueueResume { name }).await?, line),
            Self::Drain { name } => common.print(&drain(common, name).await?, line),
            Self::Set(limits) => {
                let set = limits.verb()?;
                common.print(&common.reach().await?.ask(set).await?, line)
            }
        }
    }
}

impl Limits {
    fn verb(self) -> Result<QueueSet, Failure> {
        let rate = match (self.rate, self.burst) {
            (Some(Own::Limit(rate)), Some(burst)) => {
                Some(Own::Limit(rate.with_burst(burst).map_err(|wrong| Refusal::usage(wrong.to_string()))?))
            }
            (Some(Own::None), Some(burst)) => {
                let wrong = format!("a burst of {burst} belongs to a rate, and there is to be none");
                return Err(Refusal::usage(wrong).hint("leave out --burst, or name a rate").into());
            }
            (rate, _) => rate,
        };
        let set = Set { concurrency: self.concurrency, rate, tokens: self.tokens };
        Ok(QueueSet { name: self.name, change: if self.reset { Change::Reset } else { Change::Set(set) } })
    }
}

/// Drain, and wait until nothing of it runs.
async fn drain(common: &Common, name: String) -> Result<QueueRow, Failure> {
    let reach = common.reach().await?;
    let mut queue = reach.say(QueueDrain { name: name.clone() }).await;
    while queue.as_ref().is_ok_and(|queue| queue.state == QueueState::Draining) {
        queue = reach.say(QueueWait { name: name.clone() }).await;
    }
    reach.leave().await?;
    let queue = queue?;
    if queue.state == QueueState::Open {
        let refusal = Refusal::failed(format!("queue {name} was resumed before it was drained"));
        return Err(refusal.hint("drain it again, or pause it").into());
    }
    Ok(queue)
}

fn limits(queue: &QueueRow) -> String {
    let limits = queue.limits;
    let mut parts = Vec::new();
    parts.extend(limits.concurrency.map(|most| format!("{most} at once")));
    parts.extend(limits.rate.map(|rate| format!("{rate}, {} at once", rate.burst())));
    parts.extend(limits.tokens.map(|rate| format!("{rate} tokens")));
    if queue.set != Set::default() {
        parts.push("set by hand".to_owned());
    }
    parts.join("; ")
}

fn line(queue: &QueueRow) -> String {
    let mut text =
        format!("queue {} {}: {} ready, {} running", queue.name, queue.state.name(), queue.ready, queue.running);
    let limits = limits(queue);
    if !limits.is_empty() {
        text.push_str(&format!("\nlimits    {limits}"));
    }
    if let Some(at) = queue.next_at {
        text.push_str(&format!("\nnext job  {}", time(at)));
    }
    text
}

fn list(queues: &[QueueRow]) -> String {
    let mut rows = table(&["queue", "state", "ready", "running", "limits", "next job"]);
    for queue in queues {
        rows.add_row([
            queue.name.clone(),
            queue.state.name().to_owned(),
            queue.ready.to_string(),
            queue.running.to_string(),
            limits(queue),
            queue.next_at.map(time).unwrap_or_default(),
        ]);
    }
    rows.to_string()
}
