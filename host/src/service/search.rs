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
use crate::rules::search::{Mode, Query, fuse};
use crate::rules::vector::Vectors;
use crate::store::StoreError;
use crate::store::search::feed::Position;
use crate::store::search::find::{Found, Place};
use crate::store::search::{Index, Size};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// The least time between two folds.
const PACE: Duration = Duration::from_millis(500);
/// How long it waits after a fold that failed.
const PAUSE: Duration = Duration::from_secs(10);
/// Passages of each ranking that are looked at.
const DEPTH: u32 = 200;
/// Passages by which their number must have grown before common words are counted again: a tenth.
const TENTH: i64 = 10;

/// The index, and what is kept of it in memory.
pub struct Library {
    /// The index.
    pub index: Index,
    folding: tokio::sync::Mutex<Option<Position>>,
    /// The digest of a model, and all vectors that it made.
    vectors: RwLock<Option<(String, Vectors)>>,
    /// Common words, and how many passages there were when they were counted.
    common: Mutex<(i64, Arc<BTreeSet<String>>)>,
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

/// One passage of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub found: Found,
    /// The fused score.
    pub score: f64,
    /// Its rank, or that of its document, by words, from 1.
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
            common: Mutex::default(),
        })
    }

    /// Make the index anew from what is published.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn rebuild(&self, runtime: &Runtime) -> Result<Size, StoreError> {
        {
            let mut position = self.folding.lock().await;
            *position = None;
            self.index.clear().await?;
            *self.vectors.write().unwrap_or_else(PoisonError::into_inner) = None;
            *self.common.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        }
        self.catch_up(runtime).await?;
        self.index.size().await
    }

    async fn common_words(&self) -> Result<Arc<BTreeSet<String>>, StoreError> {
        let passages = self.index.size().await?.passages;
        {
            let known = self.common.lock().unwrap_or_else(PoisonError::into_inner);
            if (passages - known.0).abs() * TENTH <= passages {
                return Ok(Arc::clone(&known.1));
            }
        }
        let words = Arc::new(self.index.common_words().await?);
        *self.common.lock().unwrap_or_else(PoisonError::into_inner) = (passages, Arc::clone(&words));
        Ok(words)
    }
}

/// Fold until `stop` says so.
///
/// # Errors
/// None: an index that cannot be written is no reason for jobs to stop.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut pulse = runtime.store.pulse();
    while !*stop.borrow_and_update() {
        pulse.borrow_and_update();
        let pause = match runtime.library.catch_up(&runtime).await {
            Ok(()) => PACE,
            Err(error) => {
                tracing::warn!(%error, "the search index is not up to date");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {},
            _ = stop.changed() => continue,
        }
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { break },
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// What two rankings say.
struct Rankings {
    words: Vec<Place>,
    vectors: Vec<Place>,
    found: BTreeMap<Place, Found>,
    note: Option<String>,
}

/// The documents that answer best, each with its best passage.
///
/// # Errors
/// There is nothing to look for, or the index cannot be used.
pub async fn documents(runtime: &Arc<Runtime>, ask: &Ask) -> Result<Answer, SearchError> {
    let rankings = rank(runtime, ask).await?;
    let documents = |places: &[Place]| {
        let mut seen = BTreeSet::new();
        places.iter().map(|(document, _)| *document).filter(|document| seen.insert(*document)).collect::<Vec<i64>>()
    };
    let (words, vectors) = (documents(&rankings.words), documents(&rankings.vectors));
    let mut hits = Vec::new();
    for (document, score) in fuse(&[(1.0, words.as_slice()), (1.0, vectors.as_slice())]) {
        let best = rankings.words.iter().chain(&rankings.vectors).find(|(of, _)| *of == document);
        let Some(found) = best.and_then(|place| rankings.found.get(place)) else { continue };
        let rank = |ranking: &[i64]| ranking.iter().position(|of| *of == document).map(|at| at + 1);
        hits.push(Hit { found: found.clone(), score, words: rank(&words), vectors: rank(&vectors) });
    }
    hits.truncate(ask.limit);
    Ok(Answer { hits, note: rankings.note })
}

/// The passages that answer a guest's question best.
///
/// # Errors
/// In words.
pub async fn passages(runtime: &Arc<Runtime>, question: Question) -> Result<Vec<Passage>, String> {
    let query = Query::parse(&question.words).map_err(|error| error.to_string())?;
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    let ask = Ask { query, text: question.words, scope: question.scope, mode: Mode::Hybrid, limit };
    let rankings = rank(runtime, &ask).await.map_err(|error| error.to_string())?;
    let fused = fuse(&[(1.0, rankings.words.as_slice()), (1.0, rankings.vectors.as_slice())]);
    let best = fused.into_iter().filter_map(|(place, score)| Some((rankings.found.get(&place)?.clone(), score)));
    Ok(best.take(ask.limit).map(|(found, score)| passage(found, score)).collect())
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

/// Rank passages by words and by meaning; places are where passages begin.
async fn rank(runtime: &Arc<Runtime>, ask: &Ask) -> Result<Rankings, SearchError> {
    let library = &runtime.library;
    library.catch_up(runtime).await?;
    let words = match ask.mode {
        Mode::Vectors => Vec::new(),
        Mode::Hybrid | Mode::Words => {
            let expression = ask.query.expression(&*library.common_words().await?);
            library.index.by_words(&expression, &ask.scope, DEPTH).await?
        }
    };
    let (near, note) = match ask.mode {
        Mode::Words => (Vec::new(), None),
        Mode::Hybrid if ask.query.is_exact() => (Vec::new(), None),
        Mode::Hybrid => match library.near(runtime, ask).await? {
            Ok(near) => (near, None),
            Err(why) => (Vec::new(), Some(format!("by words only: {why}"))),
        },
        Mode::Vectors => (library.near(runtime, ask).await?.map_err(SearchError::Meaning)?, None),
    };
    let places: Vec<Place> = words.iter().chain(&near).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let asked = library.index.found(&places).await?;
    let canonical = |places: &[Place]| {
        let places = places.iter().filter_map(|place| asked.get(place));
        places.map(|found| (found.document, found.start)).collect::<Vec<Place>>()
    };
    let (words, vectors) = (canonical(&words), canonical(&near));
    let found = asked.into_values().map(|found| ((found.document, found.start), found)).collect();
    Ok(Rankings { words, vectors, found, note })
}
