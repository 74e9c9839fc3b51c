//! Jobs of items.

use super::dispatch::Trouble;
use super::list::Line;
use super::source;
use crate::clock;
use crate::rules::deferred::{Fate, Keys, Waiting, ranges};
use crate::rules::import::stagger;
use crate::rules::key;
use crate::rules::list::Item;
use crate::rules::time::Timestamp;
use crate::service::Runtime;
use crate::store::StoreError;
use crate::store::import::{Chunk, ImportRow, Origin};
use crate::store::job::{About, NewJob};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// When the last job of each key begins, where an import's jobs begin one behind the other.
pub(super) type Starts = BTreeMap<String, Timestamp>;

/// What an item waits by in its list: the host name of its page, whatever the
/// configuration says of keys, for that may change while it waits.
pub(super) fn key_of(item: &Item) -> Option<String> {
    match item {
        Item::File { .. } => None,
        Item::Page(page) => key::of_source(&page.url, key::Source::Host),
    }
}

/// Makes jobs of items.
pub(super) struct Maker<'a> {
    runtime: &'a Runtime,
    import: &'a ImportRow,
    root: PathBuf,
    queue: String,
    max_attempts: u32,
    /// Where the jobs' keys come from.
    pub(super) keys: key::Source,
    pub(super) now: Timestamp,
}

impl<'a> Maker<'a> {
    pub(super) fn new(runtime: &'a Runtime, import: &'a ImportRow) -> Self {
        let config = runtime.config.now();
        Self {
            runtime,
            import,
            root: PathBuf::from(import.root.clone().unwrap_or_default()),
            queue: config.queue(&import.kind),
            max_attempts: config.policy(&import.kind).max_attempts,
            keys: config.key_source(&import.kind),
            now: clock::now(),
        }
    }

    /// These items, which begin at the cursor, in chunks of so many jobs.
    pub(super) fn chunks(
        &self,
        lines: &[Line],
        keys: &mut Keys,
        starts: &mut Option<Starts>,
        cursor: &mut u64,
    ) -> Result<Vec<Chunk>, Trouble> {
        let most = self.runtime.config.now().import.per_key;
        let (mut chunks, mut jobs, mut waiting, mut items) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (at, line) in lines.iter().enumerate() {
            items += 1;
            // Where jobs have no keys, none of them is busy.
            let key = key_of(&line.item).filter(|_| self.keys == key::Source::Host);
            match keys.decide(key.as_deref(), most) {
                Fate::Queued => {
                    let run_at = self.start(starts, key.as_deref());
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

    pub(super) fn job(&self, line: &Line, key: Option<String>) -> Result<NewJob, Trouble> {
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

    /// When a job with this key may run: where they begin one behind the other, some seconds
    /// behind the one before it.
    fn start(&self, starts: &mut Option<Starts>, key: Option<&str>) -> Timestamp {
        let (Some(starts), Some(key)) = (starts, key) else { return self.now };
        let config = self.runtime.config.now();
        let pause = stagger(config.import.stagger_min, config.import.stagger_max, fastrand::f64());
        let start = starts.get(key).map_or(self.now, |last| last.after(pause));
        starts.insert(key.to_owned(), start);
        start
    }
}
