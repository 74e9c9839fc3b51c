//! Folding what was published into the index.

use super::Library;
use crate::artifact::generation;
use crate::artifact::name::Name;
use crate::rules::entry::{ENTRY, Embedded, Entry, MAX_BYTES, ROWS, VECTORS};
use crate::service::Runtime;
use crate::store::StoreError;
use crate::store::search::feed::{News, Position};
use crate::store::search::fold::{Change, Moved, What};
use std::io::Read;
use std::path::Path;
use std::sync::PoisonError;

/// Generations in one transaction at most.
const PAGE: u32 = 64;

impl Library {
    /// Fold all that was published until now.
    ///
    /// # Errors
    /// A database said no; what was folded before stays.
    pub async fn catch_up(&self, runtime: &Runtime) -> Result<(), StoreError> {
        let mut kept = self.folding.lock().await;
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
        if position.is_at(&horizon) {
            return Ok(());
        }
        let config = runtime.config.now();
        let kinds = [config.search.entries.as_str(), config.search.vectors.as_str()];
        let ended = position.ended(&horizon);
        if !ended.is_empty() {
            let news = runtime.store.published_by(kinds, &ended).await?;
            self.put(runtime, news, Vec::new(), position, position.without_ended(&horizon)).await?;
        }
        while position.upto < horizon.last {
            let range = position.upto + 1..=horizon.last;
            let news = runtime.store.published(kinds, range, PAGE).await?;
            let is_full = news.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
            let last = news.last().filter(|_| is_full).map_or(horizon.last, |last| last.lease);
            let removed = runtime.store.removals(position.upto + 1..=last).await?;
            let gone = removed.into_iter().map(|removal| Change {
                subject: removal.subject,
                source: String::new(),
                title: String::new(),
                lease: removal.lease,
                what: What::Gone,
            });
            self.put(runtime, news, gone.collect(), position, position.through(last, &horizon)).await?;
        }
        Ok(())
    }

    /// Write what these generations say; `position` is then `next`.
    async fn put(
        &self,
        runtime: &Runtime,
        news: Vec<News>,
        gone: Vec<Change>,
        position: &mut Position,
        next: Position,
    ) -> Result<(), StoreError> {
        let (root, entries) = (runtime.project.root().to_owned(), runtime.config.now().search.entries.clone());
        let read = move || news.into_iter().map(|news| change(&root, &entries, news)).collect::<Vec<_>>();
        let lost = |error: tokio::task::JoinError| StoreError::Corrupt(format!("reading what was published: {error}"));
        let mut changes = tokio::task::spawn_blocking(read).await.map_err(lost)?;
        changes.extend(gone);
        let moved = self.index.fold(&changes, &next).await?;
        *position = next;
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

/// What a generation says; one that cannot be read or is not in order says nothing, and the log says why.
fn change(root: &Path, entries: &str, news: News) -> Change {
    let is_entry = news.kind == entries;
    let what = if is_entry {
        entry(root, &news).map_or_else(|why| unsaid(&news, &why, What::Unsaid), What::Says)
    } else {
        embedded(root, &news).map_or_else(|why| unsaid(&news, &why, What::Unembedded), What::Embedded)
    };
    let News { lease, subject, source, title, .. } = news;
    Change { subject, source, title, lease, what }
}

fn unsaid(news: &News, why: &str, what: What) -> What {
    tracing::warn!(subject = news.subject, kind = news.kind, why, "a document is left out of the search index");
    what
}

fn entry(root: &Path, news: &News) -> Result<Entry, String> {
    Entry::parse(&file(root, news, ENTRY)?).map_err(|error| error.to_string())
}

fn embedded(root: &Path, news: &News) -> Result<Embedded, String> {
    Embedded::parse(&file(root, news, VECTORS)?, &file(root, news, ROWS)?).map_err(|error| error.to_string())
}

/// A file of a generation, within what is read of one.
fn file(root: &Path, news: &News, name: &str) -> Result<Vec<u8>, String> {
    let of = Name::new(&news.subject, &news.kind, news.lease).map_err(|error| error.to_string())?;
    let dir = generation::open(root, &of).map_err(|error| error.to_string())?;
    let file = dir.open(name).map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{name} has more than {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}
