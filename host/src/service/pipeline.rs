//! The kinds that follow one that completed, with their handlers of the moment.

use super::Runtime;
use crate::store::pipeline::Follow;
use crate::store::settle::Facts;

/// What follows a job when it completes.
pub(super) fn follow(runtime: &Runtime, facts: &Facts) -> Vec<Follow> {
    let (table, config) = (runtime.handlers.table(), runtime.config.now());
    let behind = |kind: &String| Follow {
        kind: kind.clone(),
        queue: config.queue(kind),
        key: config.key(kind, &facts.about.source),
        max_attempts: config.policy(kind).max_attempts,
        digest: table.routes().get(kind).map(|route| route.digest.clone()),
    };
    runtime.derived().pipeline.followers(&facts.kind).iter().map(behind).collect()
}
