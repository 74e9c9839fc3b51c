//! The library: folding what handlers say about documents into the index, and searching it.
//!
//! A loop folds what was published (`fold`), at most twice a second while jobs flow; a search folds what is missing
//! before it answers, so whoever has seen a job complete finds what it said. The words of a search are given to the
//! handler that embeds documents, in a sandbox like every other (`meaning`), and their vector is compared with all of
//! that model's. Vectors live in memory from the first such search on. What this cannot promise: an answer by meaning
//! when that handler fails; then it answers by words, and says so.

mod fold;
mod meaning;

use super::{Runtime, ServiceError};
use crate::project::Project;
use crate::rules::retrieve::{Passage, Question, Scope};
use crate::rules::search::{DEPTH, Mode, Query, SHARES, fuse};
use crate::rules::vector::Vectors;
use crate::store::StoreError;
use crate::store::search::feed::Position;
use crate::store::search::find::{Found, Place};
use crate::store::search::{Index, Size};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

/// The least time between two folds.
const PACE: Duration = Duration::from_millis(500);
/// How long it waits after a fold that failed.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a search waits for what is being folded.
const PATIENCE: Duration = Duration::from_secs(2);
/// Passages by which their number must have grown before common words are counted again: a tenth.
const TENTH: i64 = 10;

/// The index, and what is kept of it in memory.
pub struct Library {
    /// The index.
    pub index: Index,
    folding: tokio::sync::Mutex<Option<Position>>,
    /// The digest of a model, and all vectors that it made.
    vectors: RwLock<Option<(String, Vectors)>>,
    /// Common terms, and how many passages there were when they were counted.
    common: tokio::sync::Mutex<(i64, Arc<BTreeSet<String>>)>,
    /// Where folding runs: not where the search runs that waits for it, which may be given up.
    home: Handle,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to look for.
    #[error(transparent)]
    Query(#[from] crate::rules::search::QueryError),
    /// The index cannot be used.
    #[error("search index: {0}; `capstan search --rebuild` makes it anew")]
    Index(StoreError),
    /// It was to be by meaning alone, and cannot be.
    #[error("cannot search by meaning: {0}")]
    Meaning(String),
}

impl From<StoreError> for SearchError {
    fn from(error: StoreError) -> Self {
        Self::Index(error)
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The words.
    pub query: Query,
    /// As they were typed, for their meaning.
    pub text: String,
    /// Where.
    pub scope: Scope,
    /// Which rankings count.
    pub mode: Mode,
    /// How many at most.
    pub limit: usize,
}

/// What is ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Each {
    /// Documents, each by its nearest passage.
    Document,
    /// Passages.
    Passage,
}

/// One document of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub found: Found,
    /// The fused score.
    pub score: f64,
    /// The rank of its document by words, from 1.
    pub words: Option<usize>,
    /// The same by meaning.
    pub vectors: Option<usize>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The best first.
    pub hits: Vec<Hit>,
    /// Why a ranking is missing.
    pub note: Option<String>,
}

impl Library {
    /// Open it.
    ///
    /// # Errors
    /// The file can neither be used nor made.
    pub async fn open(project: &Project) -> Result<Self, StoreError> {
        Ok(Self {
            index: Index::open(&project.search()).await?,
            folding: tokio::sync::Mutex::new(None),
            vectors: RwLock::new(None),
            common: tokio::sync::Mutex::default(),
            home: Handle::current(),
        })
    }

    async fn common_terms(&self) -> Result<Arc<BTreeSet<String>>, StoreError> {
        let passages = self.index.passages().await?;
        // Whoever comes meanwhile waits instead of counting as well.
        let mut known = self.common.lock().await;
        if (passages - known.0).abs() * TENTH > passages {
            *known = (passages, Arc::new(self.index.common_terms().await?));
        }
        Ok(Arc::clone(&known.1))
    }

    /// Forget what is kept of the index, which begins anew.
    async fn forget(&self) -> Result<(), StoreError> {
        self.index.clear().await?;
        *self.vectors.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.common.lock().await = Default::default();
        Ok(())
    }
}

/// Make the index anew from what is published.
///
/// # Errors
/// It cannot be made.
pub async fn rebuild(runtime: &Arc<Runtime>) -> Result<Size, StoreError> {
    fold::at_home(runtime, |runtime| async move { runtime.library.begin_anew(&runtime).await }).await?;
    runtime.library.index.size().await
}

/// Fold all that was published until now.
///
/// # Errors
/// A database said no; what was folded before stays.
pub async fn catch_up(runtime: &Arc<Runtime>) -> Result<(), StoreError> {
    fold::at_home(runtime, |runtime| async move { runtime.library.catch_up(&runtime).await }).await
}

/// Fold until `stop` says so.
///
/// # Errors
/// None: an index that cannot be written is no reason for jobs to stop.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut pulse = runtime.store.pulse();
    while !*stop.borrow_and_update() {
        pulse.borrow_and_update();
        let folded = catch_up(&runtime).await;
        if let Err(error) = &folded {
            tracing::warn!(%error, "the search index is not up to date; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(if folded.is_ok() { PACE } else { PAUSE }) => {},
            _ = stop.changed() => continue,
        }
        if folded.is_err() {
            continue;
        }
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { break },
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// A ranking: what is ranked, and how good it is, the best first.
type Ranking<T> = Vec<(T, f64)>;

/// The documents that answer best, each with its best passage.
///
/// # Errors
/// There is nothing to look for, or the index cannot be used.
pub async fn documents(runtime: &Arc<Runtime>, ask: &Ask) -> Result<Answer, SearchError> {
    let library = &runtime.library;
    let (expression, behind) = library.prepared(runtime, ask).await?;
    let words = match ask.mode {
        Mode::Vectors => Vec::new(),
        Mode::Hybrid | Mode::Words => library.index.pages(&expression, &ask.scope, DEPTH).await?,
    };
    let (near, note) = library.by_meaning(runtime, ask, Each::Document).await?;
    let vectors: Ranking<i64> = near.iter().map(|((document, _), score)| (*document, *score)).collect();
    let fused = fuse(&[(SHARES.0, words.as_slice()), (SHARES.1, vectors.as_slice())], depth());
    let wanted: Vec<i64> = fused.iter().map(|(document, _)| *document).collect();
    let mut places: BTreeMap<i64, Place> = near.iter().map(|(place, _)| (place.0, *place)).collect();
    places.extend(library.index.best(&expression, &wanted).await?);
    // One whose words stand in no single passage is shown by its beginning.
    let place = |document: i64| places.get(&document).copied().unwrap_or((document, 0));
    let found = library.index.found(&wanted.iter().map(|document| place(*document)).collect::<Vec<_>>()).await?;
    let rank =
        |ranking: &Ranking<i64>, of: i64| ranking.iter().position(|(document, _)| *document == of).map(|at| at + 1);
    let hits = fused.into_iter().filter_map(|(document, score)| {
        let found = found.get(&place(document))?.clone();
        Some(Hit { found, score, words: rank(&words, document), vectors: rank(&vectors, document) })
    });
    let note = [behind, note].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Ok(Answer { hits: hits.take(ask.limit).collect(), note: (!note.is_empty()).then_some(note) })
}

fn depth() -> usize {
    usize::try_from(DEPTH).unwrap_or(usize::MAX)
}

/// The passages that answer a guest's question best.
///
/// # Errors
/// In words.
pub async fn passages(runtime: &Arc<Runtime>, question: Question) -> Result<Vec<Passage>, String> {
    let query = Query::parse(&question.words).map_err(|error| error.to_string())?;
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    let ask = Ask { query, text: question.words, scope: question.scope, mode: Mode::Hybrid, limit };
    ranked(runtime, &ask).await.map_err(|error| error.to_string())
}

async fn ranked(runtime: &Arc<Runtime>, ask: &Ask) -> Result<Vec<Passage>, SearchError> {
    let library = &runtime.library;
    let (expression, _) = library.prepared(runtime, ask).await?;
    let words = library.index.by_words(&expression, &ask.scope, DEPTH).await?;
    let (near, _) = library.by_meaning(runtime, ask, Each::Passage).await?;
    let places: BTreeSet<Place> = words.iter().chain(&near).map(|(place, _)| *place).collect();
    let found = library.index.found(&places.into_iter().collect::<Vec<_>>()).await?;
    // Vectors lie where passages begin, but for those of a handler that cuts in another way.
    let canonical = |ranking: Ranking<Place>| {
        let of = |(place, score): (Place, f64)| found.get(&place).map(|found| ((found.document, found.start), score));
        ranking.into_iter().filter_map(of).collect::<Ranking<Place>>()
    };
    let (words, near) = (canonical(words), canonical(near));
    let known: BTreeMap<Place, &Found> = found.values().map(|found| ((found.document, found.start), found)).collect();
    let fused = fuse(&[(SHARES.0, words.as_slice()), (SHARES.1, near.as_slice())], depth());
    let best = fused.into_iter().filter_map(|(place, score)| Some(passage((*known.get(&place)?).clone(), score)));
    Ok(best.take(ask.limit).collect())
}

fn passage(found: Found, score: f64) -> Passage {
    let byte = |at: i64| u64::try_from(at).unwrap_or(0);
    Passage {
        subject: found.subject,
        title: found.title,
        url: found.url,
        heading: found.heading,
        start: byte(found.start),
        end: byte(found.stop),
        text: found.text,
        score,
    }
}

impl Library {
    /// Fold what is new, and put the question into the words of the index; what to say if it did not catch up.
    async fn prepared(&self, runtime: &Arc<Runtime>, ask: &Ask) -> Result<(String, Option<String>), SearchError> {
        let behind = match timeout(PATIENCE, catch_up(runtime)).await {
            Ok(folded) => folded.map(|()| None)?,
            Err(_) => Some("not all that was published is in the index yet".to_owned()),
        };
        let common = self.index.common_among(ask.query.words(), &*self.common_terms().await?).await?;
        Ok((ask.query.expression(&common), behind))
    }

    /// The ranking by meaning, as far as it counts, and why there is none where it should.
    async fn by_meaning(
        &self,
        runtime: &Arc<Runtime>,
        ask: &Ask,
        each: Each,
    ) -> Result<(Ranking<Place>, Option<String>), SearchError> {
        match ask.mode {
            Mode::Words => Ok((Vec::new(), None)),
            Mode::Hybrid if ask.query.is_exact() => Ok((Vec::new(), None)),
            Mode::Hybrid => Ok(match self.near(runtime, ask, each).await? {
                Ok(near) => (near, None),
                Err(why) => (Vec::new(), Some(format!("by words only: {why}"))),
            }),
            Mode::Vectors => Ok((self.near(runtime, ask, each).await?.map_err(SearchError::Meaning)?, None)),
        }
    }
}
