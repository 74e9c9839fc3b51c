//! What an attempt may hand in, opened for its job: the checkpoint in the store, and
//! the jobs that it wants to be queued, checked against the handlers of the moment.

use super::Runtime;
use super::handler::Ready;
use super::search;
use crate::capability::checkpoint::{Answer, Checkpoints};
use crate::capability::enqueue::{Check, Enqueue};
use crate::capability::grant::{Granted, Library};
use crate::capability::retrieve::Retrieve;
use crate::clock;
use crate::rules::checkpoint::Checkpoint;
use crate::rules::enqueue::{Other, Refusal, Wish};
use crate::rules::limit::Limits;
use crate::rules::time::Timestamp;
use crate::sandbox::{Board, Desk};
use crate::store::checkpoint::NewCheckpoint;
use crate::store::job::{About, NewJob};
use crate::store::settle::{Applied, Facts};
use std::sync::Arc;

/// The desk of one attempt.
pub(super) fn open(
    runtime: &Arc<Runtime>,
    facts: &Facts,
    ready: &Ready,
    granted: &Granted,
    limits: &Limits,
    board: Board,
) -> Desk {
    let right = Arc::clone(&granted.enqueue);
    Desk {
        board,
        checkpoints: Some(checkpoints(runtime, facts, ready)),
        retrieve: Some(retrieve(runtime, granted, limits)),
        enqueue: Some(Enqueue::new(right, facts.depth, limits.enqueued, check(Arc::clone(runtime)))),
    }
}

fn retrieve(runtime: &Arc<Runtime>, granted: &Granted, limits: &Limits) -> Retrieve {
    if granted.library == Library::Hidden {
        return Retrieve::closed(Arc::clone(&granted.enqueue));
    }
    let runtime = Arc::clone(runtime);
    let search = move |question| {
        let runtime = Arc::clone(&runtime);
        let found: Answer<_> = Box::pin(async move { search::passages(&runtime, question).await });
        found
    };
    Retrieve::open(Box::new(search), limits.retrievals)
}

fn checkpoints(runtime: &Arc<Runtime>, facts: &Facts, ready: &Ready) -> Checkpoints {
    let (job, lease) = (facts.running.id, facts.running.lease);
    let (from, to) = (Arc::clone(runtime), Arc::clone(runtime));
    let (family, loaded) = (Arc::clone(&ready.loaded), Arc::clone(&ready.loaded));
    Checkpoints {
        load: Box::new(move || {
            let (store, family) = (from.store.clone(), Arc::clone(&family));
            Box::pin(async move {
                let found = store.checkpoint(job).await.map_err(|error| error.to_string())?;
                Ok(found.filter(|checkpoint| checkpoint.is_for(&family.description.name)))
            })
        }),
        save: Box::new(move |format, bytes| {
            let (handler, digest) = (loaded.description.name.clone(), loaded.digest.clone());
            let checkpoint = Checkpoint { handler, digest, format, bytes };
            let store = to.store.clone();
            Box::pin(async move {
                let new = NewCheckpoint { job, lease, checkpoint, now: clock::now() };
                match store.save_checkpoint(new).await.map_err(|error| error.to_string())? {
                    Applied::Yes => Ok(()),
                    Applied::Stale => Err(format!("job {job} does not run under this attempt any more")),
                }
            })
        }),
    }
}

fn check(runtime: Arc<Runtime>) -> Check {
    Box::new(move |wish| {
        let ready = runtime.handlers.of(&wish.kind).ok_or_else(|| Refusal::UnknownKind(wish.kind.clone()))?;
        let bad = |wrong: String| Refusal::BadPayload { kind: wish.kind.clone(), wrong };
        let payload = serde_json::from_str(&wish.payload).map_err(|error| bad(format!("is no JSON: {error}")))?;
        let checked = ready.checks(&wish.kind).map_or(Ok(()), |checks| checks.payload(&payload));
        checked.map_err(|wrong| bad(format!("does not match its schema: {wrong}")))?;
        let about = wish.about.map(canonical).transpose()?;
        Ok(Wish { about, ..wish })
    })
}

/// The source in the one form that makes the subject's id.
fn canonical(about: Other) -> Result<Other, Refusal> {
    match url::Url::parse(&about.source) {
        Ok(url) => Ok(Other { source: url.into(), ..about }),
        Err(error) => {
            let source: String = about.source.chars().take(200).collect();
            Err(Refusal::BadSubject(format!("source {source:?} is no absolute URL: {error}")))
        }
    }
}

/// The job that a wish becomes.
pub(super) fn job(runtime: &Runtime, facts: &Facts, wish: Wish, now: Timestamp) -> NewJob {
    let about = match wish.about {
        Some(Other { source, title, tags }) => About { title, tags, ..About::source(source) },
        None => facts.about.clone(),
    };
    let config = runtime.config.now();
    NewJob {
        queue: config.queue(&wish.kind),
        key: config.key(&wish.kind, &about.source),
        max_attempts: config.policy(&wish.kind).max_attempts,
        kind: wish.kind,
        about,
        payload: wish.payload,
        priority: facts.priority,
        run_at: now,
        parent: Some((facts.running.id, facts.depth + 1)),
        item: facts.item,
        unique: None,
        deadline: None,
        now,
    }
}
