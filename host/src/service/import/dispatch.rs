//! Handing out items: as many as there is room for, first those that waited in their list.

use super::ahead::Ahead;
use super::list::Lines;
use super::maker::{Maker, key_of};
use crate::clock;
use crate::rules::deferred::{Range, refill};
use crate::rules::import::Appetite;
use crate::rules::key;
use crate::service::{Runtime, ServiceError};
use crate::store::StoreError;
use crate::store::import::{Chunk, ImportRow, Origin, Refill};
use crate::store::settle::Applied;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What is read of lists before there is room for it.
pub(super) type Aheads = BTreeMap<i64, Ahead>;

/// How many items of each import there is room for; those that have none are left out.
pub(super) fn rooms(runtime: &Runtime) -> BTreeMap<i64, u64> {
    let config = runtime.config.now();
    let room = |(id, import): (&i64, &Appetite)| (*id, config.import.room(import));
    runtime.store.dispatching().iter().map(room).filter(|(_, room)| *room > 0).collect()
}

/// Dispatch what imports have room for; whether there was anything.
pub(super) async fn all(
    runtime: &Arc<Runtime>,
    rooms: &BTreeMap<i64, u64>,
    aheads: &mut Aheads,
) -> Result<bool, ServiceError> {
    let mut any = begin(runtime, rooms, aheads).await?;
    for (id, room) in rooms {
        let Some(ahead) = aheads.get_mut(id) else { continue };
        let went = some(runtime, ahead, *room).await;
        if !matches!(went, Ok(Went::On | Went::Nowhere)) {
            aheads.remove(id);
        }
        match went {
            Ok(went) => any |= went != Went::Nowhere,
            Err(error) => {
                give_up(runtime, *id, error).await?;
                any = true;
            }
        }
    }
    Ok(any)
}

/// Begin to read the lists that have room and are not read yet, and forget those of which
/// nothing is to be dispatched; whether one could not be read.
async fn begin(runtime: &Runtime, rooms: &BTreeMap<i64, u64>, aheads: &mut Aheads) -> Result<bool, ServiceError> {
    let open = runtime.store.dispatching();
    aheads.retain(|id, _| open.contains_key(id));
    if rooms.keys().all(|id| aheads.contains_key(id)) {
        return Ok(false);
    }
    let mut any = false;
    for import in runtime.store.undispatched().await? {
        let id = import.id;
        if !rooms.contains_key(&id) || aheads.contains_key(&id) {
            continue;
        }
        match Ahead::of(runtime, import) {
            Ok(ahead) => drop(aheads.insert(id, ahead)),
            Err(error) => {
                give_up(runtime, id, error).await?;
                any = true;
            }
        }
    }
    Ok(any)
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

/// How far an import went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    /// Some of its items were dispatched.
    On,
    /// None could be.
    Nowhere,
    /// It is not where it was read: someone else moved it.
    Stale,
}

/// Dispatch at most so many items of an import: first those that waited.
async fn some(runtime: &Arc<Runtime>, ahead: &mut Ahead, room: u64) -> Result<Went, Trouble> {
    let mut left = room;
    if ahead.import.deferred > 0 {
        let most = runtime.config.now().import.per_key;
        for waiting in runtime.store.refills(ahead.import.id, most / 2).await? {
            let wanted = refill(waiting.open, most).min(left);
            if wanted > 0 {
                // What is counted of those that wait holds only as long as each step does.
                let Some(items) = back(runtime, &ahead.import, &waiting, wanted).await? else {
                    return Ok(Went::Stale);
                };
                left -= items;
                ahead.import.deferred = ahead.import.deferred.saturating_sub(items);
            }
        }
    }
    let came_back = left < room;
    Ok(match ahead.advance(runtime, left).await? {
        Some(true) => Went::On,
        Some(false) => Went::Stale,
        None if came_back => Went::On,
        None => Went::Nowhere,
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
