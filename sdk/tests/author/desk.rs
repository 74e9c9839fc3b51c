//! Progress, checkpoints, further jobs and being cancelled, on the bench.

use capstan_sdk::testing::{Bench, Progress, Queued};
use capstan_sdk::{About, Asks, Empty, Failure, Handler, Job, Refusal, Success};
use serde_json::{Value, json};

/// Counts to four, a number per try of the loop, and goes on where it was.
#[derive(Default)]
struct Counts;

impl Handler for Counts {
    const KIND: &'static str = "counts";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "counts to four";
    type Payload = Empty;
    type Config = Empty;
    type Result = u64;

    fn asks() -> Asks {
        Asks::default().enqueue("normalise").enqueue_any("ingest").enqueue("normalise")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<u64>, Failure> {
        let mut at = job.checkpoint().load_json("count/1")?.unwrap_or(0_u64);
        while at < 4 {
            if job.cancelled() {
                return Err(Failure::transient(format!("stopped at {at}")));
            }
            at += 1;
            job.progress(at, 4, format!("number {at}"));
            job.spend_tokens(at);
            job.checkpoint().save_json("count/1", &at)?;
        }
        job.enqueue("normalise", &json!({ "count": at }))?;
        job.enqueue_about("ingest", &Empty {}, &About::source("https://example.org/"))?;
        Ok(Success::Done(at))
    }
}

fn far(done: u64) -> Progress {
    Progress { done, total: 4, note: format!("number {done}") }
}

#[test]
fn what_is_handed_in_is_kept_for_the_test() {
    let run = Bench::<Counts>::new().run().unwrap();
    assert_eq!(run.done(), Some(&json!(4)));
    assert_eq!(run.progress(), [1, 2, 3, 4].map(far));
    assert_eq!(run.checkpoint().unwrap().bytes, b"4");
    assert_eq!(run.tokens(), 1 + 2 + 3 + 4);
    let queued = |kind: &str, payload: Value, about| Queued { kind: kind.into(), payload, about };
    assert_eq!(
        run.queued(),
        [
            queued("normalise", json!({ "count": 4 }), None),
            queued("ingest", json!({}), Some(About::source("https://example.org/"))),
        ]
    );
}

#[test]
fn a_cancelled_attempt_goes_on_where_it_stopped() {
    let stopped = Bench::<Counts>::new().cancelled_after(3).run().unwrap();
    assert_eq!(stopped.failure(), Some(&Failure::transient("stopped at 3")));
    assert_eq!(stopped.queued(), []);
    let next = Bench::<Counts>::new().attempt(2).after(&stopped).run().unwrap();
    assert_eq!((next.done(), next.progress()), (Some(&json!(4)), &[far(4)][..]));
}

#[test]
fn a_checkpoint_of_another_format_is_none() {
    let run = Bench::<Counts>::new().checkpoint("count/0", "four").run().unwrap();
    assert_eq!(run.progress().len(), 4);
    let broken = Bench::<Counts>::new().checkpoint("count/1", "four").run().unwrap();
    assert!(matches!(broken.failure(), Some(Failure::Permanent(_))));
}

/// Queues what it did not ask for.
#[derive(Default)]
struct Overreaches;

impl Handler for Overreaches {
    const KIND: &'static str = "overreaches";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "queues what it did not ask for";
    type Payload = Empty;
    type Config = Empty;
    type Result = ();

    fn asks() -> Asks {
        Asks::default().enqueue("normalise")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<()>, Failure> {
        let about = About::source("https://example.org/");
        let refused = job.enqueue_about("normalise", &Empty {}, &about);
        assert!(matches!(refused, Err(Refusal::Denied(_))));
        job.enqueue("ingest", &Empty {})?;
        Ok(Success::Done(()))
    }
}

#[test]
fn a_bench_queues_only_what_was_asked_for() {
    let run = Bench::<Overreaches>::new().run().unwrap();
    let said = "queueing `ingest` is not asked for; name it with `Asks::enqueue`";
    assert_eq!(run.failure(), Some(&Failure::permanent(said)));
}

#[test]
fn asks_name_each_kind_once() {
    let said = serde_json::to_value(Bench::<Counts>::describe().unwrap()).unwrap();
    assert_eq!(said["asks"], json!({ "imports": false, "artifacts": [], "enqueue": ["normalise", "ingest:any"] }));
}
