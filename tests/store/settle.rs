//! Ends of attempts are applied under their lease, whole, and once.

use super::stage::{Stage, done, failed, job, publication, unchanged};
use capstan::rules::attempt::{Class, Outcome, Usage};
use capstan::rules::job::{State, retry};
use capstan::store::settle::Applied;

#[tokio::test]
async fn a_stale_end_and_one_that_did_not_complete_queue_nothing() {
    let stage = Stage::new().await;
    stage.add("page", "x").await;
    let page = stage.claim_one().await;
    let mut end = stage.end(&page.facts, &failed(Class::Transient));
    end.enqueue = vec![job("text", "y", stage.now)];
    assert_eq!(stage.store.settle(end.clone()).await.unwrap(), Applied::Yes);
    end.transition = stage.end(&page.facts, &done()).transition;
    assert_eq!(stage.store.settle(end).await.unwrap(), Applied::Stale);
    assert_eq!(stage.rows().await.len(), 1);
    stage.assert_sound().await;
}

#[tokio::test]
async fn an_attempt_is_on_record_with_all_that_was_measured() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    let mut end = stage.end(&claimed.facts, &failed(Class::Trap));
    end.attempt.message = Some("nul \0 and \u{1f980}".into());
    end.attempt.details = Some(r#"{"a":1}"#.into());
    end.attempt.backtrace = Some("f\ng".into());
    end.attempt.log = Some("line\u{1}\0\u{7f}\n".into());
    end.attempt.log_dropped = 9;
    let usage = Usage { cpu_us: (1 << 53) + 1, memory: u64::MAX, ..Usage::default() };
    end.attempt.usage = Some(usage);
    assert_eq!(stage.store.settle(end.clone()).await.unwrap(), Applied::Yes);
    let row = stage.store.attempts(id).await.unwrap().remove(0);
    assert_eq!((row.lease, row.round, row.attempt, row.boot_id), (claimed.facts.running.lease, 1, 1, stage.boot));
    assert_eq!((row.outcome.as_str(), row.usage, row.log_dropped), ("trap", Some(usage), 9));
    assert_eq!((row.message, row.details, row.backtrace, row.log), {
        let record = end.attempt;
        (record.message, record.details, record.backtrace, record.log)
    });
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_result_is_kept_as_it_was_given() {
    let stage = Stage::new().await;
    let result = r#"{"n":18446744073709551615,"s":"\u0000é"}"#;
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &Outcome::Done(result.into())).await;
    assert_eq!(stage.store.job_documents(id).await.unwrap().unwrap().1.as_deref(), Some(result));
}

#[tokio::test]
async fn retries_are_counted_and_come_later_until_the_budget_is_spent() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    for attempt in 1..=3 {
        let claimed = stage.claim_one().await;
        assert_eq!(claimed.facts.running.attempt, attempt);
        stage.settle(&claimed, &failed(Class::Transient)).await;
        assert_eq!(stage.place(id).await, if attempt < 3 { "timer" } else { "failed" });
        assert_eq!(stage.row(id).await.why.as_deref(), (attempt < 3).then_some("backoff"));
        assert!(stage.claim(1).await.is_empty());
        stage.pass(1_000);
        stage.assert_sound().await;
    }
    assert_eq!(stage.store.attempts(id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn stops_and_wishes_to_wait_cost_no_try() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    for outcome in [Outcome::Stopped, failed(Class::Deferred), Outcome::Stopped, failed(Class::Deferred)] {
        let claimed = stage.claim_one().await;
        assert_eq!(claimed.facts.running.attempt, 1);
        stage.settle(&claimed, &outcome).await;
        assert_eq!(stage.row(id).await.attempt, 0);
        stage.pass(1_000);
    }
    assert_eq!(stage.claim_one().await.facts.running.deferrals, 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn an_end_that_comes_twice_counts_once() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    let (end, other) = (stage.end(&claimed.facts, &done()), stage.end(&claimed.facts, &failed(Class::Permanent)));
    // In one operation, in one commit, and later.
    let both = stage.store.recover(vec![end.clone(), other.clone()]);
    // After both: it is asked for when `settle` is called.
    let third = async { stage.store.settle(other).await };
    let (both, third) = tokio::join!(both, third);
    assert_eq!((both.unwrap(), third.unwrap()), (vec![Applied::Yes, Applied::Stale], Applied::Stale));
    assert_eq!(stage.store.settle(end).await.unwrap(), Applied::Stale);
    assert_eq!((stage.place(id).await.as_str(), stage.store.attempts(id).await.unwrap().len()), ("completed", 1));
    stage.assert_sound().await;
}

#[tokio::test]
async fn the_end_of_an_earlier_lease_changes_nothing() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let first = stage.claim_one().await;
    stage.settle(&first, &failed(Class::Permanent)).await;
    stage.store.turn(vec![retry(id, State::Failed, stage.now).unwrap()], stage.now).await.unwrap();
    let second = stage.claim_one().await;
    let mut late = stage.end(&first.facts, &done());
    late.publication = Some(publication(first.facts.running.lease));
    // Beside the end of the lease that holds, in one commit.
    let (stale, held) =
        tokio::join!(stage.store.settle(late), stage.store.settle(stage.end(&second.facts, &failed(Class::Permanent))));
    assert_eq!((stale.unwrap(), held.unwrap()), (Applied::Stale, Applied::Yes));
    assert_eq!(stage.row(id).await.state, State::Failed);
    assert_eq!(stage.store.generations().await.unwrap(), []);
    assert_eq!(stage.store.attempts(id).await.unwrap().len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn unchanged_completes_and_publishes_nothing() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.publish(&claimed).await;
    let before = stage.store.generations().await.unwrap();
    let again = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &unchanged()).await;
    assert_eq!((stage.row(id).await.unchanged, stage.row(again).await.unchanged), (false, true));
    assert_eq!(stage.store.generations().await.unwrap(), before);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_thousand_ends_at_once_are_one_commit() {
    let stage = Stage::new().await;
    let jobs = (0..1_000).map(|n| job("page", &n.to_string(), stage.now)).collect();
    stage.store.add(jobs).await.unwrap();
    let claimed = stage.claim(1_000).await;
    let before = stage.store.pulse().borrow().commits;
    let mut waiting = tokio::task::JoinSet::new();
    for job in &claimed {
        let (store, end) = (stage.store.clone(), stage.end(&job.facts, &done()));
        waiting.spawn(async move { store.settle(end).await.unwrap() });
    }
    assert!(waiting.join_all().await.iter().all(|applied| *applied == Applied::Yes));
    assert_eq!(stage.store.pulse().borrow().commits, before + 1);
    stage.assert_sound().await;
}
