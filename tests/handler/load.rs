//! Twenty changes under steady load: nothing is lost, doubled or run by what was never routed.

use super::stage::{add, close, component, file, job, open, queue, roll_back, say, swap, until, version};
use crate::support::project::Project;
use capstan::clock;
use capstan::host::Host;
use capstan::host::handler::file::HandlerExamine;
use capstan::host::handler::{HandlerInspect, HandlerSummary};
use capstan::rules::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SWAPS: usize = 10;
/// Jobs of the load from one change to the next.
const PART: usize = 30;
const SEED: u64 = 7;

/// How far the clock may be read apart from what it is compared with, on a machine that has much else to do.
const SLACK: i64 = 1_000;

/// The same jobs for the same seed: most are done, some fail in each way.
fn payload(random: &mut fastrand::Rng, number: usize) -> Value {
    let end = ["described", "described", "described", "done", "permanent", "transient", "other"];
    json!({ "end": end[random.usize(..end.len())], "text": "{}", "number": number })
}

fn project() -> Project {
    let project = Project::new();
    project.set("kind.steady.retry", "max_attempts = 2\nbase = \"5ms\"\ncap = \"5ms\"");
    project
}

/// How each job ended, by its number, without what may differ between versions.
async fn outcomes(host: &Host, ids: &[i64]) -> Vec<(usize, String, Option<String>, Vec<String>)> {
    let mut outcomes = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let detail = job(host, *id).await;
        let class = detail.job.error.map(|error| error.class.name().to_owned());
        let attempts = detail.attempts.iter().map(|attempt| attempt.row.outcome.clone()).collect();
        outcomes.push((number, detail.job.state.name().to_owned(), class, attempts));
    }
    outcomes
}

/// Queue the next jobs of the load.
async fn feed(host: Arc<Host>, mut random: fastrand::Rng, numbers: Range<usize>) -> (fastrand::Rng, Vec<i64>) {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(queue(&host, "steady", payload(&mut random, number)).await);
    }
    (random, ids)
}

/// A digest, and the time in which it may have been claimed for.
struct Routed {
    digest: String,
    version: String,
    from: Timestamp,
    to: Timestamp,
}

/// Swap to a new version and go back, again and again, each time in the middle of a part of the load.
async fn change(host: &Arc<Host>, project: &Project) -> (Vec<Routed>, Vec<i64>, Vec<Duration>) {
    let (mut routed, mut ids, mut times): (Vec<Routed>, Vec<i64>, Vec<Duration>) = Default::default();
    let mut random = fastrand::Rng::with_seed(SEED);
    for step in 0..2 * SWAPS {
        let is_swap = step % 2 == 0;
        let path = file(project, "next.wasm", &version("steady", &format!("2.0.{step}")));
        if is_swap {
            // Compiled before the load goes on, so that the change falls into it.
            say(host, HandlerExamine { file: path.clone(), manifest: None }).await;
        }
        let feeding = tokio::spawn(feed(Arc::clone(host), random, step * PART..(step + 1) * PART));
        until(host, |beat| beat.pulse.ended >= (step * PART + PART / 3) as u64).await;
        let (from, began) = (clock::now(), Instant::now());
        let placed = if is_swap { swap(host, path).await } else { roll_back(host, "steady").await };
        times.push(began.elapsed());
        if let Some(before) = routed.last_mut() {
            before.to = clock::now();
        }
        let HandlerSummary { digest, version, .. } = placed.handler.summary;
        routed.push(Routed { digest, version, from, to: Timestamp(i64::MAX) });
        let (next, more) = feeding.await.unwrap();
        random = next;
        ids.extend(more);
    }
    (routed, ids, times)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_swaps_and_rollbacks_change_no_outcome() {
    let plain = project();
    let host = Arc::new(open(&plain).await);
    add(&host, file(&plain, "steady.wasm", &version("steady", "1.0.0"))).await;
    host.start().await.unwrap();
    let (_, ids) = feed(Arc::clone(&host), fastrand::Rng::with_seed(SEED), 0..2 * SWAPS * PART).await;
    until(&host, |beat| beat.is_idle()).await;
    let expected = outcomes(&host, &ids).await;
    close(Arc::into_inner(host).unwrap()).await;

    let swapped = project();
    let host = Arc::new(open(&swapped).await);
    let began = clock::now();
    let first = add(&host, file(&swapped, "steady.wasm", &version("steady", "1.0.0"))).await.handler.summary;
    host.start().await.unwrap();
    let (mut routed, ids, times) = change(&host, &swapped).await;
    until(&host, |beat| beat.is_idle()).await;
    assert_eq!(outcomes(&host, &ids).await, expected);

    let to = routed[0].from;
    routed.push(Routed { digest: first.digest, version: first.version, from: began, to: Timestamp(to.0 + SLACK) });
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for id in ids {
        let detail = job(&host, id).await;
        for attempt in detail.attempts.iter().map(|attempt| &attempt.row) {
            let (digest, at) = (attempt.digest.as_deref().unwrap(), attempt.started_at);
            let was =
                |r: &&Routed| r.digest == digest && r.from.0 - SLACK <= at.0 && at.0 <= r.to.0.saturating_add(SLACK);
            assert!(routed.iter().any(|r| was(&r)), "job {id} ran on {digest}, which was not routed at {at:?}");
            *used.entry(digest.to_owned()).or_default() += 1;
        }
        // What is recorded is what ran.
        let said = detail.result.as_ref().and_then(|result| result["version"].as_str());
        let of = |digest: &str| routed.iter().find(|r| r.digest == digest).map(|r| r.version.as_str());
        assert!(said.is_none_or(|said| of(detail.job.digest.as_deref().unwrap()) == Some(said)), "job {id}: {said:?}");
    }
    println!("{} digests ran; swaps and rollbacks under load took {times:?}", used.len());
    assert_eq!(used.len(), SWAPS + 1, "{used:?}");
    close(Arc::into_inner(host).unwrap()).await;
    swapped.is_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn activation_of_a_compiled_version_and_rollback_are_instant() {
    let project = Project::new();
    let host = open(&project).await;
    let files: Vec<_> =
        ["1.0.0", "2.0.0"].iter().map(|v| file(&project, &format!("steady-{v}.wasm"), &version("steady", v))).collect();
    add(&host, files[0].clone()).await;
    swap(&host, files[1].clone()).await;
    let mut times = Vec::new();
    for turn in 0..10 {
        let began = Instant::now();
        let placed = if turn % 2 == 0 { swap(&host, files[0].clone()).await } else { roll_back(&host, "steady").await };
        times.push(began.elapsed());
        assert_eq!(placed.handler.summary.version, if turn % 2 == 0 { "1.0.0" } else { "2.0.0" });
    }
    let longest = times.iter().max().unwrap();
    println!("activations and rollbacks of compiled versions took {times:?}");
    // A debug build on a busy machine is no measure; a compilation would show all the same.
    let most = if cfg!(debug_assertions) { 2_000 } else { 50 };
    assert!(*longest <= Duration::from_millis(most), "{longest:?}");
    close(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_attempt_ends_on_what_it_was_claimed_for() {
    let project = Project::with_odd();
    let host = open(&project).await;
    host.start().await.unwrap();
    let id = queue(&host, "odd", json!({ "do": "sleep", "ms": 300 })).await;
    until(&host, |beat| beat.pulse.running == 1).await;
    let before = say(&host, HandlerInspect { handler: "odd".into() }).await;
    let other = component("odd", "9", &["odd"], &json!({}));
    let placed = swap(&host, file(&project, "other.wasm", &other)).await;
    assert_eq!(placed.replaced.as_ref(), Some(&before.summary.digest));
    let next = queue(&host, "odd", json!({ "end": "described" })).await;
    until(&host, |beat| beat.is_idle()).await;
    let (old, new) = (job(&host, id).await, job(&host, next).await);
    assert_eq!((old.job.state.name(), old.job.digest), ("completed", Some(before.summary.digest)));
    assert_eq!(new.job.digest, Some(placed.handler.summary.digest));
    assert_eq!(new.result.unwrap()["version"], "9");
    close(host).await;
}
