//! Reading the next items of a list, and making them jobs.

use super::list::{Line, Lines};
use super::source;
use crate::clock;
use crate::rules::deferred::{Fate, Keys, Range, Waiting, ranges, refill};
use crate::rules::import::{Appetite, stagger};
use crate::rules::key;
use crate::rules::list::Item;
use crate::rules::time::Timestamp;
use crate::service::{Runtime, ServiceError};
use crate::store::StoreError;
use crate::store::import::{Chunk, ImportRow, Origin, Refill};
use crate::store::job::{About, NewJob};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Items that are read of a list before what became of them is written.
const BLOCK: usize = 1_000;
/// Blocks that are read before others have their turn: of a list of one busy site nearly
/// all items are only put aside.
const BLOCKS: usize = 10;

/// How many items of each import there is room for; those that have none are left out.
pub(super) fn rooms(runtime: &Runtime) -> BTreeMap<i64, u64> {
    let config = runtime.config.now();
    let room = |(id, import): (&i64, &Appetite)| (*id, config.import.room(import));
    runtime.store.dispatching().iter().map(room).filter(|(_, room)| *room > 0).collect()
}

/// Dispatch what imports have room for; whether there was anything.
pub(super) async fn all(runtime: &Arc<Runtime>, rooms: &BTreeMap<i64, u64>) -> Result<bool, ServiceError> {
    let mut any = false;
    for import in runtime.store.undispatched().await? {
        if let Some(room) = rooms.get(&import.id).copied() {
            match some(runtime, &import, room).await {
                Ok(moved) => any |= moved,
                Err(Trouble::List(error)) => {
                    let message = format!("cannot read {}: {error}", import.list);
                    runtime.store.break_import(import.id, message, clock::now()).await?;
                    any = true;
                }
                Err(Trouble::Service(error)) => return Err(error),
            }
        }
    }
    Ok(any)
}

/// Why items are not dispatched.
enum Trouble {
    /// The list cannot be read: that is the import's end.
    List(io::Error),
    /// The host's.
    Service(ServiceError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::List(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// Dispatch at most so many items of an import: first those that waited.
async fn some(runtime: &Arc<Runtime>, import: &ImportRow, room: u64) -> Result<bool, Trouble> {
    let mut left = room;
    let mut any = false;
    if import.deferred > 0 {
        let most = runtime.config.now().import.per_key;
        for waiting in runtime.store.refills(import.id, most / 2).await? {
            let wanted = refill(waiting.open, most).min(left);
            if wanted > 0 {
                left -= back(runtime, import, &waiting, wanted).await?;
                any = true;
            }
        }
    }
    if left > 0 && import.has_unread() {
        forward(runtime, import, left).await?;
        any = true;
    }
    Ok(any)
}

/// Make jobs of the first items of a range; how many.
async fn back(runtime: &Arc<Runtime>, import: &ImportRow, waiting: &Refill, most: u64) -> Result<u64, Trouble> {
    let was = &waiting.range;
    let mut lines = Lines::from(&runtime.project.root().join(&import.list), was.start, was.position)?;
    let mut taken = Vec::new();
    let mut next = None;
    // One more than is taken: what is left begins there.
    while next.is_none() && (taken.len() as u64) < was.items {
        let line = lines.next_with(was.key.as_bytes())?.filter(|line| line.start < was.stop);
        let line = line.ok_or_else(|| io::Error::other(format!("{} items of {} are missing", was.items, was.key)))?;
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
    runtime.store.advance(Chunk { import: import.id, from, jobs, deferred: Vec::new(), now: maker.now }).await?;
    Ok(taken_items)
}

/// Go on from the cursor, until so many items became jobs or the list ends.
async fn forward(runtime: &Arc<Runtime>, import: &ImportRow, room: u64) -> Result<(), Trouble> {
    let mut lines = Lines::from(&runtime.project.root().join(&import.list), import.cursor, import.position)?;
    let mut maker = Maker::new(runtime, import);
    let mut keys = Keys::default();
    let (mut left, mut cursor) = (room, import.cursor);
    for _ in 0..BLOCKS {
        let block = if import.deferred > 0 { BLOCK } else { usize::try_from(left).unwrap_or(BLOCK).clamp(1, BLOCK) };
        let mut read = Vec::with_capacity(block);
        while read.len() < block
            && let Some(line) = lines.next_line()?
        {
            read.push(line);
        }
        let is_last = read.len() < block || read.last().is_some_and(|line: &Line| lines.is_end(line));
        if maker.keys == key::Source::Host {
            know(runtime, import, &read, &mut keys).await?;
        }
        let chunks = maker.chunks(&read, &mut keys, &mut cursor)?;
        left = left.saturating_sub(chunks.iter().map(|chunk| chunk.jobs.len() as u64).sum());
        runtime.store.advance_all(chunks).await?;
        if is_last || left == 0 {
            break;
        }
    }
    Ok(())
}

/// Ask for the keys of these items that are not known yet.
async fn know(runtime: &Runtime, import: &ImportRow, lines: &[Line], keys: &mut Keys) -> Result<(), Trouble> {
    let of = |line: &Line| key_of(&line.item).filter(|key| !keys.open.contains_key(key));
    let new: std::collections::BTreeSet<String> = lines.iter().filter_map(of).collect();
    if new.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = new.iter().map(String::as_str).collect();
    let open = runtime.store.open_jobs_of_keys(&names).await?;
    if import.deferred > 0 {
        keys.deferred.extend(runtime.store.deferred_keys(import.id, &names).await?);
    }
    keys.open.extend(new.into_iter().map(|key| {
        let jobs = open.get(&key).copied().unwrap_or(0);
        (key, jobs)
    }));
    Ok(())
}

/// What an item waits by in its list: the host name of its page, whatever the
/// configuration says of keys, for that may change while it waits.
fn key_of(item: &Item) -> Option<String> {
    match item {
        Item::File { .. } => None,
        Item::Page(page) => key::of_source(&page.url, key::Source::Host),
    }
}

/// Makes jobs of items.
struct Maker<'a> {
    runtime: &'a Runtime,
    import: &'a ImportRow,
    root: PathBuf,
    queue: String,
    max_attempts: u32,
    /// Where the jobs' keys come from.
    keys: key::Source,
    /// Whether items wait for each other, and until when the last one of each key does.
    starts: Option<BTreeMap<String, Timestamp>>,
    now: Timestamp,
}

impl<'a> Maker<'a> {
    fn new(runtime: &'a Runtime, import: &'a ImportRow) -> Self {
        let config = runtime.config.now();
        let is_small = u64::try_from(import.total).is_ok_and(|total| total <= config.import.single_jobs);
        Self {
            runtime,
            import,
            root: PathBuf::from(import.root.clone().unwrap_or_default()),
            queue: config.queue(&import.kind),
            max_attempts: config.policy(&import.kind).max_attempts,
            keys: config.key_source(&import.kind),
            starts: is_small.then(BTreeMap::new),
            now: clock::now(),
        }
    }

    /// These items, which begin at the cursor, in chunks of so many jobs.
    fn chunks(&mut self, lines: &[Line], keys: &mut Keys, cursor: &mut u64) -> Result<Vec<Chunk>, Trouble> {
        let most = self.runtime.config.now().import.per_key;
        let (mut chunks, mut jobs, mut waiting, mut items) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (at, line) in lines.iter().enumerate() {
            items += 1;
            // Where jobs have no keys, none of them is busy.
            let key = key_of(&line.item).filter(|_| self.keys == key::Source::Host);
            match keys.decide(key.as_deref(), most) {
                Fate::Queued => {
                    let run_at = self.start(key.as_deref());
                    jobs.push(NewJob { run_at, ..self.job(line, key)? });
                }
                Fate::Deferred => waiting.push(Waiting {
                    key: key.unwrap_or_default(),
                    start: line.start,
                    stop: line.stop,
                    position: line.position,
                }),
            }
            if jobs.len() as u64 == self.import.chunk || at + 1 == lines.len() {
                let from = Origin::Cursor { from: *cursor, to: line.stop, items: std::mem::take(&mut items) };
                *cursor = line.stop;
                let (jobs, deferred) = (std::mem::take(&mut jobs), ranges(std::mem::take(&mut waiting)));
                chunks.push(Chunk { import: self.import.id, from, jobs, deferred, now: self.now });
            }
        }
        Ok(chunks)
    }

    fn source(&self, item: &Item) -> Result<String, Trouble> {
        match item {
            Item::Page(page) => Ok(page.url.clone()),
            Item::File { path } => source(&self.root.join(path)).ok_or_else(|| {
                let wrong = StoreError::Corrupt(format!("import {} has no root", self.import.id));
                Trouble::Service(wrong.into())
            }),
        }
    }

    fn job(&self, line: &Line, key: Option<String>) -> Result<NewJob, Trouble> {
        let source = self.source(&line.item)?;
        let about = match &line.item {
            Item::File { .. } => About::source(source),
            Item::Page(page) => About { title: page.title.clone(), tags: page.tags.clone(), ..About::source(&source) },
        };
        Ok(NewJob {
            kind: self.import.kind.clone(),
            queue: self.queue.clone(),
            about,
            payload: line.item.payload().to_string(),
            priority: 0,
            max_attempts: self.max_attempts,
            run_at: self.now,
            parent: None,
            item: Some((self.import.id, i64::try_from(line.position).unwrap_or(i64::MAX))),
            key,
            unique: None,
            deadline: None,
            now: self.now,
        })
    }

    /// When a job with this key may run: in a small import some seconds behind the one
    /// before it.
    fn start(&mut self, key: Option<&str>) -> Timestamp {
        let (Some(starts), Some(key)) = (&mut self.starts, key) else { return self.now };
        let config = self.runtime.config.now();
        let pause = stagger(config.import.stagger_min, config.import.stagger_max, fastrand::f64());
        let start = starts.get(key).map_or(self.now, |last: &Timestamp| last.after(pause));
        starts.insert(key.to_owned(), start);
        start
    }
}
