//! Handing out items: as many as there is room for, first those that waited in their list.

use super::ahead::Ahead;
use super::list::Lines;
use super::maker::{Maker, key_of};
use crate::clock;
use crate::rules::deferred::{Range, refill};
use crate::rules::key;
use crate::service::{Runtime, ServiceError};
use crate::store::StoreError;
use crate::store::import::{Chunk, ImportRow, Origin, Refill, Sent};
use crate::store::settle::Applied;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// What is read of lists before there is room for it, and what was sent of them.
#[derive(Default)]
pub(super) struct Hands {
    aheads: BTreeMap<i64, Ahead>,
    /// Which import each answer is of.
    answers: JoinSet<(i64, Result<bool, StoreError>)>,
}

/// How far imports went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Went {
    /// There was no room for any.
    Full,
    /// There was room, and none could be sent.
    Nowhere,
    /// What was sent before has to come back first.
    Waiting,
    /// Some were sent.
    On,
}

impl Hands {
    /// Whether something was sent and is not answered.
    pub(super) fn is_waiting(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Wait for an answer.
    pub(super) async fn answered(&mut self) -> Result<(), ServiceError> {
        match self.answers.join_next().await {
            Some(answer) => self.answer(answer),
            None => std::future::pending().await,
        }
    }

    /// Take note of an answer.
    fn answer(&mut self, answer: Result<(i64, Result<bool, StoreError>), JoinError>) -> Result<(), ServiceError> {
        let (id, applied) = answer.map_err(|error| ServiceError::Bug(error.to_string()))?;
        let applied = applied?;
        if let Some(ahead) = self.aheads.get_mut(&id) {
            ahead.answered(applied);
        }
        Ok(())
    }

    /// Dispatch what imports have room for, and have the next of it stand in line.
    pub(super) async fn dispatch(&mut self, runtime: &Arc<Runtime>) -> Result<Went, ServiceError> {
        while let Some(answer) = self.answers.try_join_next() {
            self.answer(answer)?;
        }
        let open = runtime.store.dispatching();
        self.aheads.retain(|id, ahead| ahead.is_waiting() || (open.contains_key(id) && !ahead.is_stale));
        let config = runtime.config.now();
        let rooms = open.iter().map(|(id, import)| (*id, config.import.room(import))).collect();
        let mut all = self.begin(runtime, &rooms).await?;
        for (id, room) in rooms {
            let went = match self.one(runtime, id, room).await {
                Ok(went) => went,
                Err(error) => {
                    if let Some(ahead) = self.aheads.get_mut(&id) {
                        ahead.is_stale = true;
                    }
                    give_up(runtime, id, error).await?;
                    Went::On
                }
            };
            all = all.max(went);
        }
        Ok(all)
    }

    /// Go on with an import that has room for so many items.
    async fn one(&mut self, runtime: &Arc<Runtime>, id: i64, room: u64) -> Result<Went, Trouble> {
        let Some(ahead) = self.aheads.get_mut(&id) else { return Ok(Went::Full) };
        if ahead.is_stale {
            return Ok(Went::Waiting);
        }
        Ok(match some(runtime, ahead, room).await? {
            Step::Sent(sent) => {
                self.answers.spawn(async move { (id, sent.applied().await) });
                ahead.fill(runtime).await?;
                Went::On
            }
            Step::CameBack => Went::On,
            Step::Stale => {
                ahead.is_stale = true;
                Went::On
            }
            Step::Nothing if ahead.is_waiting() => Went::Waiting,
            Step::Nothing if room == 0 => Went::Full,
            Step::Nothing => Went::Nowhere,
        })
    }

    /// Begin to read the lists that have room and are not read yet; whether one could not be.
    async fn begin(&mut self, runtime: &Runtime, rooms: &BTreeMap<i64, u64>) -> Result<Went, ServiceError> {
        let mut went = Went::Full;
        let is_new = |aheads: &BTreeMap<i64, Ahead>, id: &i64| !aheads.contains_key(id) && rooms.get(id) > Some(&0);
        if !rooms.keys().any(|id| is_new(&self.aheads, id)) {
            return Ok(went);
        }
        for import in runtime.store.undispatched().await? {
            let id = import.id;
            if !is_new(&self.aheads, &id) {
                continue;
            }
            match Ahead::of(runtime, import) {
                Ok(ahead) => drop(self.aheads.insert(id, ahead)),
                Err(error) => {
                    give_up(runtime, id, error).await?;
                    went = Went::On;
                }
            }
        }
        Ok(went)
    }
}

/// End an import whose list cannot be read; other trouble is the host's.
async fn give_up(runtime: &Runtime, id: i64, trouble: Trouble) -> Result<(), ServiceError> {
    match trouble {
        Trouble::List(message) => Ok(runtime.store.break_import(id, message, clock::now()).await?),
        Trouble::Service(error) => Err(error),
    }
}

/// Why items are not dispatched.
pub(super) enum Trouble {
    /// The list cannot be read, and why: that is the import's end.
    List(String),
    /// The host's.
    Service(ServiceError),
}

impl Trouble {
    pub(super) fn list(import: &ImportRow, error: &io::Error) -> Self {
        Self::List(format!("cannot read {}: {error}", import.list))
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// What was done for an import.
enum Step {
    /// Items were sent.
    Sent(Sent),
    /// Items that had waited are jobs now.
    CameBack,
    /// Someone else moved what was read: it is to be read again.
    Stale,
    /// Nothing.
    Nothing,
}

/// Send items of an import: first those that waited, where there are any, and with them no
/// more than there is room for; otherwise what the window can have.
async fn some(runtime: &Arc<Runtime>, ahead: &mut Ahead, room: u64) -> Result<Step, Trouble> {
    if ahead.import.deferred == 0 {
        let sent = ahead.advance(runtime, ahead.window(runtime)).await?;
        return Ok(sent.map_or(Step::Nothing, Step::Sent));
    }
    // What is on its way may add to a range, which then is no longer as it was read.
    if ahead.is_waiting() || room == 0 {
        return Ok(Step::Nothing);
    }
    let mut left = room;
    let most = runtime.config.now().import.per_key;
    for waiting in runtime.store.refills(ahead.import.id, most / 2).await? {
        let wanted = refill(waiting.open, most).min(left);
        if wanted > 0 {
            // What is counted of those that wait holds only as long as each step does.
            let Some(items) = back(runtime, &ahead.import, &waiting, wanted).await? else {
                return Ok(Step::Stale);
            };
            left -= items;
            ahead.import.deferred = ahead.import.deferred.saturating_sub(items);
        }
    }
    Ok(match ahead.advance(runtime, left).await? {
        Some(sent) => Step::Sent(sent),
        None if left < room => Step::CameBack,
        None => Step::Nothing,
    })
}

/// Make jobs of the first items of a range; how many, unless it is no longer there or the
/// import rests.
async fn back(runtime: &Runtime, import: &ImportRow, waiting: &Refill, most: u64) -> Result<Option<u64>, Trouble> {
    let was = &waiting.range;
    let wrong = |error: io::Error| Trouble::list(import, &error);
    let list = runtime.project.root().join(&import.list);
    let mut lines = Lines::from(&list, was.start, was.position).map_err(wrong)?;
    let mut taken = Vec::new();
    let mut next = None;
    // One more than is taken: what is left begins there.
    while next.is_none() && (taken.len() as u64) < was.items {
        let line = lines.next_with(was.key.as_bytes()).map_err(wrong)?.filter(|line| line.start < was.stop);
        let missing = || wrong(io::Error::other(format!("{} items of {} are missing", was.items, was.key)));
        let line = line.ok_or_else(missing)?;
        if key_of(&line.item).as_deref() != Some(was.key.as_str()) {
            continue;
        }
        if (taken.len() as u64) < most {
            taken.push(line);
        } else {
            next = Some(line);
        }
    }
    let taken_items = taken.len() as u64;
    let left = next.map(|line| Range {
        key: was.key.clone(),
        start: line.start,
        position: line.position,
        stop: was.stop,
        items: was.items - taken_items,
    });
    let maker = Maker::new(runtime, import);
    let key = (maker.keys == key::Source::Host).then(|| was.key.clone());
    let jobs = taken.iter().map(|line| maker.job(line, key.clone())).collect::<Result<_, _>>()?;
    let from = Origin::Range { was: was.clone(), left };
    let chunk = Chunk { import: import.id, from, jobs, deferred: Vec::new(), now: maker.now };
    let applied = runtime.store.advance(chunk).await?;
    Ok((applied == Applied::Yes).then_some(taken_items))
}
