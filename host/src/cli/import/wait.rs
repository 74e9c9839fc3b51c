//! `capstan import wait`

use super::line;
use crate::cli::reach::Reach;
use crate::cli::run::bar;
use crate::cli::when::span;
use crate::cli::{Common, Done, Failure};
use crate::host::import::{ImportRow, ImportShow, ImportWait};
use crate::host::refusal::Refusal;
use crate::rules::import::ImportState;
use crate::rules::time::Millis;
use clap::Args;
use indicatif::ProgressBar;
use std::time::Instant;

pub(super) const EXAMPLES: &str = "Examples:
  capstan import wait 7
  capstan import wait 7 --timeout 2h

Exit code 0 when all of it is done or skipped, 1 when something failed, was cancelled or is left.";

/// What is waited for.
#[derive(Debug, Args)]
pub(in crate::cli) struct Wait {
    /// Its number
    id: i64,
    /// Give up after so long, with exit code 1
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Millis>,
}

impl Wait {
    pub(super) async fn run(self, common: &Common) -> Done {
        let reach = common.reach().await?;
        let ended = self.ended(&reach).await;
        reach.leave().await?;
        let import = ended?;
        common.print(&import, line)?;
        let is_well = import.state == ImportState::Completed && import.failed + import.cancelled == 0;
        if is_well { Ok(()) } else { Err(Failure::Shown(1)) }
    }

    async fn ended(&self, reach: &Reach) -> Result<ImportRow, Failure> {
        let id = self.id;
        let bar = bar();
        let end = self.timeout.map(|span| (span, Instant::now() + span.duration()));
        let mut import = reach.say(ImportShow { id }).await?;
        let mut is_told = false;
        while !import.is_over() {
            show(&bar, &import);
            if import.state == ImportState::Paused && !std::mem::replace(&mut is_told, true) {
                bar.suspend(|| eprintln!("import {id} is paused: `capstan import resume {id}` lets it go on"));
            }
            if matches!(reach, Reach::Here(_)) {
                let refusal =
                    Refusal::failed(format!("import {id} is {} and no host works on it", import.state.name()));
                return Err(refusal.hint("start one: `capstan run` or `capstan serve`").into());
            }
            let left = end.map(|(_, at)| at.saturating_duration_since(Instant::now()));
            if let (Some(left), Some((span, _))) = (left, end)
                && left.is_zero()
            {
                let refusal = Refusal::failed(format!("import {id} is still {} after {span}", import.state.name()));
                return Err(refusal.hint(format!("wait longer, or look: `capstan import show {id}`")).into());
            }
            let hold = left.map(|left| Millis(u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)));
            import = reach.say(ImportWait { id, remaining: Some(import.remaining), hold }).await?;
        }
        bar.finish_and_clear();
        Ok(import)
    }
}

fn show(bar: &ProgressBar, import: &ImportRow) {
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    bar.set_length(number(import.total));
    bar.set_position(number(import.accounted()));
    bar.set_message(format!("items ({} failed)", import.failed));
}
