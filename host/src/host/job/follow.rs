//! Following what a job's attempts log, while they log it.
//!
//! A long poll with a cursor: the attempt that was told last, and how far its log was
//! told. A request is held until there is more, and what comes in quick succession goes
//! into one answer. What this cannot promise: every line; a guest that logs faster than
//! it is listened to drops its oldest, and the answer says how much.

use super::{HOLD, row};
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::job::State;
use crate::rules::time::Millis;
use crate::sandbox::Heard;
use crate::service::Speaker;
use crate::store::attempt::AttemptRow;
use crate::store::job::JobRow;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of one log in an answer at most: 256 KiB.
const MOST: usize = 256 << 10;
/// What comes within this time goes into one answer.
const GATHER: Duration = Duration::from_millis(20);

/// What a job's attempts logged behind a cursor; held while there is nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFollow {
    /// The job.
    pub id: i64,
    /// How far it was told; from the beginning without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// For so long at most (ms); never longer than [`HOLD`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Millis>,
}

/// How far a job's logs were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last attempt that was told.
    pub lease: i64,
    /// Up to which byte of its log; none when it was told to its end.
    pub at: Option<u64>,
}

/// What was logged since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The job as it is.
    pub job: JobRow,
    /// What came, in its order.
    pub parts: Vec<Part>,
    /// How far it is told now.
    pub cursor: Option<Cursor>,
    /// Whether the job has ended and all of it is told.
    pub is_over: bool,
}

/// A part of one attempt's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The attempt.
    pub lease: i64,
    /// The round that it belongs to.
    pub round: u32,
    /// Which charged try it is in that round.
    pub attempt: u32,
    /// Bytes before the text that were dropped before they could be told.
    pub missed: u64,
    /// What was logged.
    pub text: String,
    /// How the attempt ended, with the last part of its log.
    pub outcome: Option<String>,
    /// What it said about that.
    pub message: Option<String>,
}

impl Verb for JobFollow {
    const ROUTE: &'static str = "job/follow";
    type Reply = Followed;

    async fn call(self, host: &Host) -> Result<Followed, Refusal> {
        let mut pulse = host.store.pulse();
        let end = tokio::time::sleep(self.hold.map_or(HOLD, |hold| hold.duration().min(HOLD)));
        tokio::pin!(end);
        loop {
            pulse.borrow_and_update();
            let live = host.runtime.get().and_then(|runtime| runtime.running.live(self.id));
            // Made before the look, so that nothing falls between the two.
            let written = live.as_ref().map(|live| live.board.written());
            let followed = self.look(host, live.as_ref()).await?;
            if followed.is_over || !followed.parts.is_empty() {
                return Ok(followed);
            }
            // A claim is committed a moment before its attempt can be heard.
            let is_between = live.is_none() && followed.job.state == State::Running;
            let ring = async {
                match written {
                    Some(written) => written.await,
                    None if is_between => {}
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ring => {},
                changed = pulse.changed() => if changed.is_err() { return Ok(followed) },
                () = &mut end => return Ok(followed),
            }
            tokio::time::sleep(GATHER).await;
        }
    }
}

impl JobFollow {
    /// What there is behind the cursor.
    async fn look(&self, host: &Host, live: Option<&Speaker>) -> Result<Followed, Refusal> {
        // Before the attempts: those of a job that has ended are all there.
        let job = row(host, self.id).await?;
        let from = match self.after {
            None => 0,
            Some(Cursor { lease, at: Some(_) }) => lease,
            Some(Cursor { lease, at: None }) => lease + 1,
        };
        let ended = host.store.attempts_from(self.id, from).await?;
        let (mut parts, mut cursor) = (Vec::new(), self.after);
        for attempt in ended {
            let lease = attempt.lease;
            let (part, at) = rest(host, attempt, told(cursor, lease));
            parts.push(part);
            cursor = Some(Cursor { lease, at });
            if at.is_some() {
                return Ok(Followed { job, parts, cursor, is_over: false });
            }
        }
        // One that ended between the two looks was told above.
        let is_new = |live: &&Speaker| {
            cursor.is_none_or(|told| told.lease < live.lease || (told.lease == live.lease && told.at.is_some()))
        };
        if let Some(live) = live.filter(is_new) {
            let told = told(cursor, live.lease);
            let heard = live.board.hear(told.unwrap_or(0), MOST);
            if told.is_none() || heard.at > told.unwrap_or(0) {
                cursor = Some(Cursor { lease: live.lease, at: Some(heard.at) });
                let (round, attempt) = (live.round, live.attempt);
                parts.push(Part {
                    lease: live.lease,
                    round,
                    attempt,
                    missed: heard.missed,
                    text: heard.text,
                    outcome: None,
                    message: None,
                });
            }
        }
        Ok(Followed { is_over: !job.state.is_open(), job, parts, cursor })
    }
}

/// How far the log of this attempt was told; none when it is new.
fn told(cursor: Option<Cursor>, lease: i64) -> Option<u64> {
    cursor.filter(|told| told.lease == lease).and_then(|told| told.at)
}

/// What is left of an attempt that has ended, and how far it is told then; none when to
/// its end.
fn rest(host: &Host, attempt: AttemptRow, told: Option<u64>) -> (Part, Option<u64>) {
    let board = || host.runtime.get()?.running.ended(attempt.lease);
    let heard = match told {
        // Positions are those of the bytes as they were written, which the kept log has not.
        Some(at) if at > 0 => board().map(|board| board.hear(at, MOST)).unwrap_or_default(),
        _ => Heard { text: attempt.log.unwrap_or_default(), at: 0, missed: attempt.log_dropped },
    };
    let is_more = heard.text.len() >= MOST && told.is_some_and(|at| at > 0);
    let part = Part {
        lease: attempt.lease,
        round: attempt.round,
        attempt: attempt.attempt,
        missed: heard.missed,
        text: heard.text,
        outcome: (!is_more).then_some(attempt.outcome),
        message: attempt.message.filter(|_| !is_more),
    };
    (part, is_more.then_some(heard.at))
}
