//! `capstan job logs`, also while they are written.

use super::job::line;
use super::reach::Reach;
use super::serve::asked_to_stop;
use super::{Common, Done, Failure};
use crate::host::job::{AttemptDetail, JobFollow, JobShow, Part};
use crate::host::refusal::Refusal;
use crate::rules::time::Millis;
use clap::Args;
use std::io::Write;

pub(super) const EXAMPLES: &str = "Examples:
  capstan job logs 7
  capstan job logs 7 --follow

--follow prints what the running attempt logs as it comes, goes on with the next attempt, and ends with the job.
With --json each part is a line.";

/// Whose logs.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Its number
    id: i64,
    /// Go on until the job has ended
    #[arg(long, short)]
    follow: bool,
}

impl Logs {
    pub(super) async fn run(self, common: &Common) -> Done {
        let reach = common.reach().await?;
        if !self.follow {
            let job = reach.ask(JobShow { id: self.id }).await?;
            return common.print(&job.attempts, |attempts| logs(attempts));
        }
        let mut printer = Printer { json: common.json, ..Printer::default() };
        let done = tokio::select! {
            done = printer.follow(&reach, self.id) => done,
            stopped = asked_to_stop() => stopped.map_err(Failure::from).and(Err(Failure::Shown(1))),
        };
        printer.end_line()?;
        reach.leave().await?;
        done
    }
}

/// What goes to the terminal, line by line.
#[derive(Default)]
struct Printer {
    json: bool,
    /// The attempt whose head was printed.
    lease: Option<i64>,
    /// The last line has no end yet.
    is_open: bool,
    /// What was said about a job that waits.
    waits: String,
}

impl Printer {
    async fn follow(&mut self, reach: &Reach, id: i64) -> Done {
        let mut after = None;
        // A host for the time of this command works on nothing, so there is nothing to wait for.
        let hold = matches!(reach, Reach::Here(_)).then_some(Millis(0));
        loop {
            let followed = reach.say(JobFollow { id, after, hold }).await?;
            after = followed.cursor;
            for part in &followed.parts {
                self.part(part)?;
            }
            if followed.is_over {
                return Ok(());
            }
            if hold.is_some() && followed.parts.is_empty() {
                let refusal = Refusal::failed(format!("job {id} is {} and no host works on it", followed.job.state));
                return Err(refusal.hint("start one: `capstan run` or `capstan serve`").into());
            }
            self.wait(followed.job.wait.is_some(), &line(&followed.job));
        }
    }

    /// Say once that a job waits, and for what.
    fn wait(&mut self, waits: bool, line: &str) {
        if waits && self.waits != line {
            eprintln!("{line}");
        }
        self.waits = if waits { line.to_owned() } else { String::new() };
    }

    fn part(&mut self, part: &Part) -> Done {
        if self.json {
            return self.write(&(serde_json::to_string(part)? + "\n"));
        }
        let name = format!("attempt {} of round {}", part.attempt, part.round);
        if self.lease.replace(part.lease) != Some(part.lease) {
            self.end_line()?;
            self.write(&format!("--- {name}\n"))?;
        }
        if part.missed > 0 {
            self.end_line()?;
            self.write(&format!("({} bytes were dropped)\n", part.missed))?;
        }
        self.write(&part.text)?;
        if let Some(outcome) = &part.outcome {
            let message = part.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            self.end_line()?;
            self.write(&format!("--- {name} ended: {outcome}{message}\n"))?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Done {
        if std::mem::take(&mut self.is_open) { self.write("\n") } else { Ok(()) }
    }

    /// Write to stdout at once; a reader that has gone ends it.
    fn write(&mut self, text: &str) -> Done {
        if text.is_empty() {
            return Ok(());
        }
        self.is_open = !text.ends_with('\n');
        let mut out = std::io::stdout().lock();
        Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
    }
}

fn logs(attempts: &[AttemptDetail]) -> String {
    let mut text = String::new();
    for AttemptDetail { row: attempt, .. } in attempts {
        let (round, number, outcome) = (attempt.round, attempt.attempt, &attempt.outcome);
        text.push_str(&format!("--- attempt {number} of round {round}: {outcome}\n"));
        if attempt.log_dropped > 0 {
            text.push_str(&format!("(the first {} bytes were dropped)\n", attempt.log_dropped));
        }
        let none = if attempt.log_dropped > 0 { "" } else { "(nothing was logged)\n" };
        text.push_str(attempt.log.as_deref().unwrap_or(none));
    }
    if attempts.is_empty() { "no attempt has ended yet".to_owned() } else { text }
}
