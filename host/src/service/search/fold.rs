//! Folding what was published into the index.

use super::Library;
use crate::artifact::generation::{self, GenerationError};
use crate::artifact::name::Name;
use crate::rules::entry::{ENTRY, Embedded, Entry, EntryError, MAX_BYTES, ROWS, VECTORS};
use crate::service::Runtime;
use crate::store::StoreError;
use crate::store::search::feed::{News, Position};
use crate::store::search::fold::{Change, Moved, What};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// Generations that are looked for at once.
const PART: usize = 64;
const PAGE: u32 = 64;
/// Bytes of them in one transaction, but for the last one.
const LARGE: u64 = 32 << 20;

/// Work that goes on if whoever waits for it gives up.
pub(super) async fn at_home<T, F>(runtime: &Arc<Runtime>, work: impl FnOnce(Arc<Runtime>) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    let lost = |error: tokio::task::JoinError| StoreError::Corrupt(format!("folding: {error}"));
    runtime.library.home.spawn(work(Arc::clone(runtime))).await.map_err(lost)?
}

impl Library {
    /// Throw the index away and fold everything.
    pub(super) async fn begin_anew(&self, runtime: &Runtime) -> Result<(), StoreError> {
        let mut kept = self.folding.lock().await;
        *kept = None;
        self.forget().await?;
        self.fold(runtime, &mut kept).await
    }

    /// Fold all that was published until now.
    pub(super) async fn catch_up(&self, runtime: &Runtime) -> Result<(), StoreError> {
        let mut kept = self.folding.lock().await;
        self.fold(runtime, &mut kept).await
    }

    async fn fold(&self, runtime: &Runtime, kept: &mut Option<Position>) -> Result<(), StoreError> {
        let mut position = match kept.take() {
            Some(position) => position,
            None => self.index.position().await?,
        };
        let folded = self.follow(runtime, &mut position).await;
        // What failed is read again from where it is on record.
        *kept = folded.is_ok().then_some(position);
        folded
    }

    async fn follow(&self, runtime: &Runtime, position: &mut Position) -> Result<(), StoreError> {
        let horizon = runtime.store.horizon().await?;
        let config = runtime.config.now();
        let kinds = [config.search.entries.as_str(), config.search.vectors.as_str()];
        if !position.goes_on(kinds, &horizon) {
            self.forget().await?;
            *position = Position::default();
        }
        if *position == Position::default() {
            *position = Position::start(kinds);
        }
        if position.is_at(&horizon) {
            return Ok(());
        }
        let mut ended = position.ended(&horizon);
        while !ended.is_empty() {
            let part: Vec<i64> = ended.drain(..ended.len().min(PART)).collect();
            let news = runtime.store.published_by(kinds, &part).await?;
            let next = if ended.is_empty() { position.without_ended(&horizon) } else { position.clone() };
            self.put(runtime, news, Vec::new(), [position, &next]).await?;
        }
        *position = position.without_ended(&horizon);
        while position.upto < horizon.last {
            let range = position.upto + 1..=horizon.last;
            let news = runtime.store.published(kinds, range, PAGE).await?;
            let is_full = news.len() == PART;
            let last = news.last().filter(|_| is_full).map_or(horizon.last, |last| last.lease);
            let removed = runtime.store.removals(position.upto + 1..=last).await?;
            let gone = removed.into_iter().map(|removal| Change {
                subject: removal.subject,
                source: String::new(),
                title: String::new(),
                lease: removal.lease,
                what: What::Gone,
            });
            let next = position.through(last, &horizon);
            self.put(runtime, news, gone.collect(), [position, &next]).await?;
            *position = next;
        }
        Ok(())
    }

    /// Write what is gone, and then what these generations say: what was published is newer than what was removed
    /// before it was looked for. Many large ones are written in parts, of which the last one says how far that is.
    async fn put(
        &self,
        runtime: &Runtime,
        news: Vec<News>,
        gone: Vec<Change>,
        [now, next]: [&Position; 2],
    ) -> Result<(), StoreError> {
        let entries = next.kinds.first().cloned().unwrap_or_default();
        let (mut changes, mut bytes) = (gone, 0);
        for news in news {
            let (root, entries) = (runtime.project.root().to_owned(), entries.clone());
            let read = move || change(&root, &entries, news);
            let lost = |error: tokio::task::JoinError| StoreError::Corrupt(format!("reading artifacts: {error}"));
            let (change, size) = tokio::task::spawn_blocking(read).await.map_err(lost)??;
            changes.push(change);
            bytes += size;
            if bytes > LARGE {
                self.write(&changes, now).await?;
                (changes, bytes) = (Vec::new(), 0);
            }
        }
        self.write(&changes, next).await
    }

    async fn write(&self, changes: &[Change], position: &Position) -> Result<(), StoreError> {
        let moved = self.index.fold(changes, position).await?;
        let mut kept = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((model, vectors)) = kept.as_mut() {
            for moved in moved {
                match moved {
                    Moved::Put(document, embedded) if embedded.model == *model => vectors.put(document, embedded.rows),
                    Moved::Put(document, _) | Moved::Removed(document) => vectors.remove(document),
                }
            }
        }
        Ok(())
    }
}

/// Why a generation says nothing.
enum Unread {
    /// What its handler made is not in order.
    Bad(String),
    /// The disk said no; it may say yes another time.
    Disk(StoreError),
}

/// What a generation says, and how many bytes that is; one that is not in order says nothing, and the log says why.
fn change(root: &Path, entries: &str, news: News) -> Result<(Change, u64), StoreError> {
    let (read, nothing) = if news.kind == entries {
        (entry(root, &news), What::Unsaid)
    } else {
        (embedded(root, &news), What::Unembedded)
    };
    let (what, bytes) = match read {
        Ok(read) => read,
        Err(Unread::Disk(error)) => return Err(error),
        Err(Unread::Bad(why)) => {
            tracing::warn!(subject = news.subject, kind = news.kind, why, "a document is left out of the search index");
            (nothing, 0)
        }
    };
    let News { lease, subject, source, title, .. } = news;
    Ok((Change { subject, source, title, lease, what }, bytes))
}

fn bad(error: &EntryError) -> Unread {
    Unread::Bad(error.to_string())
}

fn entry(root: &Path, news: &News) -> Result<(What, u64), Unread> {
    let bytes = file(root, news, ENTRY)?;
    Ok((What::Says(Entry::parse(&bytes).map_err(|error| bad(&error))?), bytes.len() as u64))
}

fn embedded(root: &Path, news: &News) -> Result<(What, u64), Unread> {
    let (index, rows) = (file(root, news, VECTORS)?, file(root, news, ROWS)?);
    let embedded = Embedded::parse(&index, &rows).map_err(|error| bad(&error))?;
    Ok((What::Embedded(embedded), (index.len() + rows.len()) as u64))
}

/// A file of a generation, within what is read of one. One that is not there was removed meanwhile, or never made.
fn file(root: &Path, news: &News, name: &str) -> Result<Vec<u8>, Unread> {
    let of = Name::new(&news.subject, &news.kind, news.lease).map_err(|error| Unread::Bad(error.to_string()))?;
    let path = root.join(of.location()).join(name);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unread::Bad(format!("{name} is not there")),
        _ => Unread::Disk(StoreError::Io { doing: "read", path: path.clone(), cause: error.to_string() }),
    };
    let dir = generation::open(root, &of).map_err(|GenerationError::Io { source, .. }| failed(source))?;
    let file = dir.open(name).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unread::Bad(format!("{name} has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}
