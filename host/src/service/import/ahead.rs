//! What an import hands out next, read and made before there is room for it.
//!
//! While chunks are on their way to the disk the next ones are made and sent behind them: they
//! stand in line at the writer, so that each commit has some. What is known of keys is as old
//! as that: a key may get a few jobs more than it may have, if others are added meanwhile.

use super::dispatch::Trouble;
use super::list::{Line, Lines};
use super::maker::{Maker, Starts, key_of};
use crate::clock;
use crate::rules::deferred::Keys;
use crate::rules::key;
use crate::rules::time::Timestamp;
use crate::service::Runtime;
use crate::store::import::{Dispatch, ImportRow, Sent};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Items that are read of a list before their keys are looked up.
const BLOCK: usize = 1_000;
/// Blocks that are read before others have their turn: of a list of one busy site nearly
/// all items are only put aside.
const BLOCKS: usize = 10;
/// How often is sent before there is an answer: one commit is being written, the next one fills.
const FLIGHTS: usize = 2;

/// The next chunks of an import.
pub(super) struct Ahead {
    /// As it was when it was read, with what was put aside and came back since.
    pub(super) import: ImportRow,
    lines: Lines,
    is_read: bool,
    /// Where the next chunk that is made begins.
    cursor: u64,
    chunks: VecDeque<Dispatch>,
    starts: Option<Starts>,
    /// What was sent and is not answered.
    flights: VecDeque<Pending>,
    /// Someone else moved it: it is read again when all that was sent is answered.
    pub(super) is_stale: bool,
}

/// What chunks that are not on record hold of each key.
#[derive(Default)]
struct Pending {
    jobs: BTreeMap<String, u64>,
    deferred: BTreeSet<String>,
}

impl Pending {
    fn add<'a>(&mut self, chunks: impl IntoIterator<Item = &'a Dispatch>) {
        for chunk in chunks.into_iter().map(Dispatch::chunk) {
            for key in chunk.jobs.iter().filter_map(|job| job.key.as_deref()) {
                match self.jobs.get_mut(key) {
                    Some(jobs) => *jobs += 1,
                    None => drop(self.jobs.insert(key.to_owned(), 1)),
                }
            }
            self.deferred.extend(chunk.deferred.iter().map(|range| range.key.clone()));
        }
    }
}

impl Ahead {
    /// Begin where an import is.
    pub(super) fn of(runtime: &Runtime, import: ImportRow) -> Result<Self, Trouble> {
        let list = runtime.project.root().join(&import.list);
        let lines = Lines::from(&list, import.cursor, import.position);
        let lines = lines.map_err(|error| Trouble::list(&import, &error))?;
        let single = runtime.config.now().import.single_jobs;
        let is_small = u64::try_from(import.total).is_ok_and(|total| total <= single);
        Ok(Self {
            lines,
            is_read: !import.has_unread(),
            cursor: import.cursor,
            chunks: VecDeque::new(),
            starts: is_small.then(Starts::new),
            flights: VecDeque::new(),
            is_stale: false,
            import,
        })
    }

    /// Whether something was sent and is not answered.
    pub(super) fn is_waiting(&self) -> bool {
        !self.flights.is_empty()
    }

    /// What was sent first is answered: whether it was where it was read.
    pub(super) fn answered(&mut self, is_applied: bool) {
        self.flights.pop_front();
        self.is_stale |= !is_applied;
    }

    /// Send chunks of so many jobs at most; none if there is nothing to send, or enough was
    /// sent. The next ones are to be made then ([`Self::fill`]).
    pub(super) async fn advance(&mut self, runtime: &Runtime, most: u64) -> Result<Option<Sent>, Trouble> {
        if self.flights.len() >= FLIGHTS {
            return Ok(None);
        }
        if self.chunks.is_empty() {
            self.fill(runtime).await?;
        }
        let taken = self.take(most, clock::now());
        if taken.is_empty() {
            return Ok(None);
        }
        let mut pending = Pending::default();
        pending.add(&taken);
        self.flights.push_back(pending);
        Ok(Some(runtime.store.dispatch(taken).await?))
    }

    /// The first chunks of so many jobs, as old as now; those without jobs come along.
    fn take(&mut self, most: u64, now: Timestamp) -> Vec<Dispatch> {
        let (mut left, mut taken) = (most, Vec::new());
        while let Some(mut next) = self.chunks.pop_front_if(|next| jobs(next) <= left) {
            left -= jobs(&next);
            next.not_before(now);
            taken.push(next);
        }
        taken
    }

    /// How many jobs of it may wait to be claimed.
    pub(super) fn window(&self, runtime: &Runtime) -> u64 {
        let total = u64::try_from(self.import.total).unwrap_or(0);
        runtime.config.now().import.flow(self.import.chunk).room(total, 0)
    }

    /// Make chunks until there are enough for the most room that there can be, or the list
    /// ends.
    pub(super) async fn fill(&mut self, runtime: &Runtime) -> Result<(), Trouble> {
        let most = self.window(runtime);
        for _ in 0..BLOCKS {
            let made: u64 = self.chunks.iter().map(jobs).sum();
            let wanted = most.min(BLOCK as u64).saturating_sub(made);
            if self.is_read || wanted == 0 {
                break;
            }
            let block = if self.import.deferred > 0 { BLOCK } else { usize::try_from(wanted).unwrap_or(BLOCK) };
            let read = self.read(block).map_err(|error| Trouble::list(&self.import, &error))?;
            let maker = Maker::new(runtime, &self.import);
            let mut keys = match maker.keys {
                key::Source::Host => self.know(runtime, &read).await?,
                key::Source::None => Keys::default(),
            };
            let new = maker.chunks(&read, &mut keys, &mut self.starts, &mut self.cursor)?;
            self.import.deferred += new.iter().flat_map(|chunk| &chunk.deferred).map(|range| range.items).sum::<u64>();
            for chunk in new {
                self.chunks.push_back(Dispatch::of(chunk)?.within(most));
            }
        }
        Ok(())
    }

    /// The next lines, as many at most.
    fn read(&mut self, many: usize) -> std::io::Result<Vec<Line>> {
        let mut read = Vec::with_capacity(many);
        while read.len() < many
            && let Some(line) = self.lines.next_line()?
        {
            read.push(line);
        }
        self.is_read = read.len() < many || read.last().is_some_and(|line| self.lines.is_end(line));
        Ok(read)
    }

    /// What is known of the keys of these items, those included that are not on record yet.
    async fn know(&self, runtime: &Runtime, lines: &[Line]) -> Result<Keys, Trouble> {
        let names: BTreeSet<String> = lines.iter().filter_map(|line| key_of(&line.item)).collect();
        let mut keys = Keys::default();
        if names.is_empty() {
            return Ok(keys);
        }
        let mut pending = Pending::default();
        pending.add(&self.chunks);
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let open = runtime.store.open_jobs_of_keys(&asked).await?;
        if self.import.deferred > 0 {
            keys.deferred = runtime.store.deferred_keys(self.import.id, &asked).await?;
        }
        for name in names {
            let pending = || self.flights.iter().chain([&pending]);
            if pending().any(|pending| pending.deferred.contains(&name)) {
                keys.deferred.insert(name.clone());
            }
            let made: u64 = pending().filter_map(|pending| pending.jobs.get(&name)).sum();
            let jobs = open.get(&name).copied().unwrap_or(0) + made;
            keys.open.insert(name, jobs);
        }
        Ok(keys)
    }
}

fn jobs(next: &Dispatch) -> u64 {
    next.chunk().jobs.len() as u64
}
