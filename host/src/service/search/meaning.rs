//! What the words of a search mean: the handler that embeds documents embeds them too.
//!
//! It runs as for a job, with its limits, its model files, its requests and their secrets, but there is no job: nothing
//! is published, and what it used is not on record.

use super::fold::at_home;
use super::{Ask, Each, Library, Ranking};
use crate::capability::fs::Mount;
use crate::capability::grant::Models;
use crate::rules::attempt::{Class, Fault, Outcome};
use crate::rules::coredump::Coredump;
use crate::rules::search::DEPTH;
use crate::rules::time::Millis;
use crate::sandbox::{Attempt, Desk, JobView, Reason, Stopper, pair};
use crate::service::Runtime;
use crate::service::attempt::prepared;
use crate::store::StoreError;
use crate::store::search::find::Place;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// How long the words of a search may take to embed.
const LONGEST: Millis = Millis::seconds(30);

/// What the handler answers.
#[derive(Deserialize)]
struct Meaning {
    /// None when the model knows no word of it.
    vector: Option<Vec<f32>>,
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    digest: String,
}

impl Library {
    /// The passages that are nearest in meaning, or why none can be told.
    pub(super) async fn near(
        &self,
        runtime: &Arc<Runtime>,
        ask: &Ask,
        each: Each,
    ) -> Result<Result<Ranking<Place>, String>, StoreError> {
        let Meaning { vector, model } = match meaning(runtime, &ask.text).await {
            Ok(meaning) => meaning,
            Err(why) => return Ok(Err(why)),
        };
        let Some(vector) = vector else { return Ok(Ok(Vec::new())) };
        let within = self.index.within(&ask.scope).await?;
        let (digest, dimension) = (model.digest.clone(), vector.len());
        at_home(runtime, |runtime| async move { runtime.library.load(&digest, dimension).await }).await?;
        let runtime = Arc::clone(runtime);
        let compare = move || runtime.library.compare(&model.digest, &vector, within.as_ref(), each);
        let lost = |error: tokio::task::JoinError| StoreError::Corrupt(format!("comparing vectors: {error}"));
        tokio::task::spawn_blocking(compare).await.map_err(lost)
    }

    /// The nearest of all vectors of a model.
    fn compare(
        &self,
        model: &str,
        vector: &[f32],
        within: Option<&BTreeSet<i64>>,
        each: Each,
    ) -> Result<Ranking<Place>, String> {
        let kept = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        let Some((_, vectors)) = kept.as_ref().filter(|(kept, _)| *kept == model) else {
            return Err("the vectors are being replaced".to_owned());
        };
        let is_wanted = |document: i64| within.is_none_or(|within| within.contains(&document));
        let most = usize::try_from(DEPTH).unwrap_or(usize::MAX);
        let near = match each {
            Each::Document => vectors.nearest_of_each(vector, most, is_wanted),
            Each::Passage => vectors.nearest(vector, most, is_wanted),
        };
        Ok(near.into_iter().map(|near| ((near.document, near.start), f64::from(near.score))).collect())
    }

    /// Have the vectors of a model in memory. None are folded meanwhile.
    async fn load(&self, model: &str, dimension: usize) -> Result<(), StoreError> {
        let is_there = || {
            let kept = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
            kept.as_ref().is_some_and(|(kept, _)| kept == model)
        };
        if is_there() {
            return Ok(());
        }
        let _folding = self.folding.lock().await;
        if !is_there() {
            let vectors = self.index.vectors(model, dimension).await?;
            *self.vectors.write().unwrap_or_else(PoisonError::into_inner) = Some((model.to_owned(), vectors));
        }
        Ok(())
    }
}

/// Stops a guest when it is dropped; one that has ended does not mind.
struct GivenUp(Stopper);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.stop(Reason::Shutdown);
    }
}

/// The vector of some words.
async fn meaning(runtime: &Arc<Runtime>, words: &str) -> Result<Meaning, String> {
    let kind = runtime.config.now().search.vectors.clone();
    let ready = runtime.handlers.of(&kind).ok_or_else(|| format!("no handler does kind {kind:?}"))?;
    let granted = ready.loaded.granted.as_ref().map_err(ToString::to_string)?;
    let config = ready.config.clone()?;
    let payload = serde_json::json!({ "query": words });
    let checks = ready.checks(&kind).ok_or_else(|| format!("its handler does not do kind {kind:?}"))?;
    checks.payload(&payload).map_err(|wrong| format!("kind {kind:?} does not embed words: {wrong}"))?;
    let outbound = prepared::outbound(runtime, granted).map_err(|fault| fault.message)?;
    let models = (granted.models == Models::Readable).then(|| runtime.project.models());
    let mut limits = runtime.config.now().limits(&ready.loaded.description.name);
    limits.wall = limits.wall.min(LONGEST);
    let job = JobView { kind, payload: payload.to_string(), config, attempt: 1, ..JobView::default() };
    let (stopper, stop) = pair();
    // When whoever asked gives up, so does the handler.
    let _given_up = GivenUp(stopper);
    let make = move || {
        let models = models.as_deref().map(Mount::models).transpose();
        let models = models.map_err(|error| Fault::new(Class::HostFault, error.to_string()))?;
        let mounts = models.into_iter().collect();
        Ok(Attempt { job, limits, mounts, outbound, desk: Desk::default(), coredump: Coredump::Off, stop })
    };
    let report = runtime.guests.run(ready.loaded.prepared.clone(), make).await;
    match report.outcome {
        Outcome::Done(result) | Outcome::Unchanged(result) => {
            checks.result(&result)?;
            serde_json::from_str(&result).map_err(|error| format!("it answers no vector: {error}"))
        }
        Outcome::Failed(fault) => Err(fault.message),
        Outcome::Stopped => Err("the host is shutting down".to_owned()),
    }
}
