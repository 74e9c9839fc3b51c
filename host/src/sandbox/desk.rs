//! What a guest hands in while it runs: progress, a checkpoint, further jobs, what it spent; and what it asks the library.
//!
//! The host's side of the contract's interfaces of these names, and of `cancelled`. What
//! is opened for an attempt comes with it as a [`Desk`]; an empty one refuses everything
//! in words. Checkpoints wait for the disk, so they are paced; everything else is memory,
//! bounded by the rules. Reading one is paced too, since all guests and the command line share
//! the store's readers. A refusal is an answer to the guest, never a trap.

use super::board::Board;
use super::contract::{cancelled, checkpoint, enqueue, progress, retrieve, spend};
use super::state::State;
use crate::capability::checkpoint::{Answer, Checkpoints};
use crate::capability::enqueue::Enqueue;
use crate::capability::retrieve::Retrieve;
use crate::rules::attempt::{Class, Fault, Outcome, Usage};
use crate::rules::checkpoint::{Checkpoint, PACE, Refusal, may_keep};
use crate::rules::enqueue::{self as rules, Other, Wish};
use crate::rules::progress::Progress;
use crate::rules::retrieve::{Passage, Question, Refusal as Unanswered, Scope};
use std::time::{Duration, Instant};

/// Tokens that one attempt may say it used: a million millions; more counts as so many.
const MAX_TOKENS: u64 = 1_000_000_000_000;

/// What is opened for an attempt; the default is nothing.
#[derive(Debug, Default)]
pub struct Desk {
    /// Where it says how far it is.
    pub board: Board,
    /// Its checkpoint.
    pub checkpoints: Option<Checkpoints>,
    /// The jobs that it may queue.
    pub enqueue: Option<Enqueue>,
    /// Where it searches.
    pub retrieve: Option<Retrieve>,
}

/// A desk while the guest runs.
#[derive(Debug)]
pub(super) struct Open {
    desk: Desk,
    /// Bytes of a checkpoint at most.
    limit: u64,
    /// Bytes that were kept, and those of the largest checkpoint among them.
    kept: u64,
    largest: u64,
    /// When a checkpoint was last kept, and last read.
    saved: Option<Instant>,
    loaded: Option<Instant>,
    /// What the guest was first denied.
    denied: Option<String>,
    /// Tokens that it said it used.
    tokens: u64,
}

impl Open {
    pub(super) fn new(desk: Desk, limit: u64) -> Self {
        Self { desk, limit, kept: 0, largest: 0, saved: None, loaded: None, denied: None, tokens: 0 }
    }

    /// The jobs to queue if the attempt succeeded.
    pub(super) fn hand_over(&mut self) -> Vec<Wish> {
        self.desk.enqueue.as_mut().map(Enqueue::hand_over).unwrap_or_default()
    }

    /// What went over the desk.
    pub(super) fn count(&self, usage: &mut Usage) {
        usage.checkpoint_bytes = self.kept;
        usage.largest_checkpoint = self.largest;
        usage.tokens = self.tokens;
        usage.retrievals = self.desk.retrieve.as_ref().map_or(0, Retrieve::asked);
        usage.enqueued = self.desk.enqueue.as_ref().map_or(0, Enqueue::jobs);
    }

    /// An attempt that fails for good after it was denied something fails for that. One
    /// that may work another time has met something else.
    pub(super) fn judged(&mut self, outcome: Outcome) -> Outcome {
        match (outcome, self.denied.take()) {
            (Outcome::Failed(fault), Some(denied)) if fault.class == Class::Permanent => {
                Outcome::Failed(Fault { details: fault.details, ..Fault::new(Class::Denied, denied) })
            }
            (outcome, _) => outcome,
        }
    }

    /// The look-up to wait for, and how long before it begins.
    fn load(&self) -> Option<(Duration, Answer<Option<Checkpoint>>)> {
        self.desk.checkpoints.as_ref().map(|checkpoints| (pause(self.loaded), (checkpoints.load)()))
    }

    /// The write to wait for, and how long before it begins.
    fn save(&self, format: String, bytes: Vec<u8>) -> Result<(Duration, Answer<()>), Refusal> {
        let Some(checkpoints) = &self.desk.checkpoints else {
            return Err(Refusal::Other("nothing is kept outside of a job".to_owned()));
        };
        may_keep(&format, bytes.len() as u64, self.limit)?;
        Ok((pause(self.saved), (checkpoints.save)(format, bytes)))
    }

    /// The search to wait for.
    fn ask(&mut self, question: Question) -> Result<Answer<Vec<Passage>>, Unanswered> {
        let asked = match &mut self.desk.retrieve {
            Some(retrieve) => retrieve.ask(question),
            None => Err(Unanswered::Denied("nothing is searched outside of a job".to_owned())),
        };
        if let Err(Unanswered::Denied(words)) = &asked {
            self.denied.get_or_insert_with(|| words.clone());
        }
        asked
    }

    fn enqueue(&mut self, wish: Wish) -> Result<(), rules::Refusal> {
        let taken = match &mut self.desk.enqueue {
            Some(enqueue) => enqueue.take(wish),
            None => Err(rules::Refusal::Denied("nothing is queued outside of a job".to_owned())),
        };
        if let Err(rules::Refusal::Denied(words)) = &taken {
            self.denied.get_or_insert_with(|| words.clone());
        }
        taken
    }
}

/// What is left of the time that must pass after the last one.
fn pause(last: Option<Instant>) -> Duration {
    last.map_or(Duration::ZERO, |last| PACE.duration().saturating_sub(last.elapsed()))
}

impl progress::Host for State {
    fn report(&mut self, done: u64, total: u64, note: String) {
        self.shared.desk().desk.board.write(Progress::new(done, total, &note));
    }
}

impl checkpoint::Host for State {
    async fn load(&mut self) -> Result<Option<checkpoint::Saved>, checkpoint::Refusal> {
        let Some((pause, answer)) = self.shared.desk().load() else { return Ok(None) };
        tokio::time::sleep(pause).await;
        let found = answer.await;
        self.shared.desk().loaded = Some(Instant::now());
        match found {
            Ok(found) => {
                Ok(found.map(|Checkpoint { format, digest, bytes, .. }| checkpoint::Saved { format, digest, bytes }))
            }
            Err(error) => Err(checkpoint::Refusal::Other(Refusal::Other(error).to_string())),
        }
    }

    async fn save(&mut self, format: String, bytes: Vec<u8>) -> Result<(), checkpoint::Refusal> {
        let size = bytes.len() as u64;
        let begun = self.shared.desk().save(format, bytes);
        let kept = match begun {
            Ok((pause, answer)) => {
                tokio::time::sleep(pause).await;
                answer.await.map_err(Refusal::Other)
            }
            Err(refusal) => Err(refusal),
        };
        let words = |refusal: &Refusal| refusal.to_string();
        kept.map_err(|refusal| match &refusal {
            Refusal::TooLarge { .. } => checkpoint::Refusal::TooLarge(words(&refusal)),
            Refusal::Format(_) => checkpoint::Refusal::BadFormat(words(&refusal)),
            Refusal::Other(_) => checkpoint::Refusal::Other(words(&refusal)),
        })?;
        let mut desk = self.shared.desk();
        desk.kept += size;
        desk.largest = desk.largest.max(size);
        desk.saved = Some(Instant::now());
        Ok(())
    }
}

impl enqueue::Host for State {
    fn add(&mut self, kind: String, payload: String) -> Result<(), enqueue::Refusal> {
        self.shared.desk().enqueue(Wish { kind, payload, about: None }).map_err(|refusal| said(&refusal))
    }

    fn add_about(&mut self, kind: String, payload: String, about: enqueue::About) -> Result<(), enqueue::Refusal> {
        let enqueue::About { source, title, tags } = about;
        let wish = Wish { kind, payload, about: Some(Other { source, title, tags }) };
        self.shared.desk().enqueue(wish).map_err(|refusal| said(&refusal))
    }
}

fn said(refusal: &rules::Refusal) -> enqueue::Refusal {
    let words = refusal.to_string();
    match refusal {
        rules::Refusal::Denied(_) => enqueue::Refusal::Denied(words),
        rules::Refusal::UnknownKind(_) => enqueue::Refusal::UnknownKind(words),
        rules::Refusal::BadPayload { .. } => enqueue::Refusal::BadPayload(words),
        rules::Refusal::TooMany(_) | rules::Refusal::TooLarge(_) => enqueue::Refusal::TooMany(words),
        rules::Refusal::TooDeep(_) => enqueue::Refusal::TooDeep(words),
        rules::Refusal::BadSubject(_) => enqueue::Refusal::BadSubject(words),
    }
}

impl retrieve::Host for State {
    async fn search(
        &mut self,
        words: String,
        scope: retrieve::Scope,
        limit: u32,
    ) -> Result<Vec<retrieve::Passage>, retrieve::Refusal> {
        let retrieve::Scope { subjects, sources, tags } = scope;
        let question = Question { words, scope: Scope { subjects, sources, tags }, limit };
        let begun = self.shared.desk().ask(question);
        let found = match begun {
            Ok(answer) => answer.await.map_err(Unanswered::Other),
            Err(refusal) => Err(refusal),
        };
        found.map(|all| all.into_iter().map(retrieve::Passage::from).collect()).map_err(|refusal| unanswered(&refusal))
    }
}

impl From<Passage> for retrieve::Passage {
    fn from(found: Passage) -> Self {
        let Passage { subject, title, url, heading, start, end, text, score } = found;
        Self { subject, title, url, heading, start, end, text, score }
    }
}

fn unanswered(refusal: &Unanswered) -> retrieve::Refusal {
    let words = refusal.to_string();
    match refusal {
        Unanswered::Denied(_) => retrieve::Refusal::Denied(words),
        Unanswered::Many(_) => retrieve::Refusal::TooMany(words),
        Unanswered::Nothing | Unanswered::Long(_) | Unanswered::Limit(_) | Unanswered::Scope(_) => {
            retrieve::Refusal::BadQuery(words)
        }
        Unanswered::Other(_) => retrieve::Refusal::Other(words),
    }
}

impl spend::Host for State {
    fn tokens(&mut self, n: u64) {
        let mut desk = self.shared.desk();
        desk.tokens = desk.tokens.saturating_add(n).min(MAX_TOKENS);
    }
}

impl cancelled::Host for State {
    fn asked(&mut self) -> bool {
        self.shared.stop.tell()
    }
}
