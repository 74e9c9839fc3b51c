//! Adding, listing, cancelling and retrying.

use super::stage::{Stage, done, failed, job};
use capstan::rules::attempt::Class;
use capstan::rules::job::{Cancel, State, Transition, cancel, retry};
use capstan::rules::time::Timestamp;
use capstan::store::job::{JobError, JobFilter};
use capstan::store::settle::Applied;

fn cancelling(id: i64) -> Transition {
    match cancel(id, State::Queued, "a test") {
        Cancel::Now(to) => to,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn jobs_are_numbered_in_the_order_in_which_they_are_given() {
    let stage = Stage::new().await;
    let jobs = |n: i64| (0..n).map(|i| job("page", &format!("{n}/{i}"), stage.now)).collect::<Vec<_>>();
    let (one, two) = tokio::join!(stage.store.add(jobs(3)), stage.store.add(jobs(2)));
    assert_eq!((one.unwrap(), two.unwrap()), (vec![1, 2, 3], vec![4, 5]));
    assert_eq!(stage.store.add(Vec::new()).await.unwrap(), Vec::<i64>::new());
    assert_eq!(stage.row(4).await.source, "2/0");
    stage.assert_sound().await;
}

#[tokio::test]
async fn what_is_written_is_read_back_exactly() {
    let stage = Stage::new().await;
    let mut new = job("page", "nul \0, quote \" and \u{1f980}", stage.now);
    new.about.title = "123".into();
    new.about.tags = vec!["null".into(), "'; DROP TABLE job; --".into()];
    new.payload = r#"{"n":9007199254740993,"t":"a\u0000b","f":1e400}"#.into();
    // Beyond what a double holds exactly.
    (new.priority, new.run_at) = (i64::MIN, Timestamp((1 << 53) + 1));
    let id = stage.store.add(vec![new.clone()]).await.unwrap()[0];
    let row = stage.row(id).await;
    assert_eq!((row.source, row.title, row.tags), (new.about.source, new.about.title, new.about.tags));
    assert_eq!((row.priority, row.run_at), (i64::MIN, new.run_at));
    assert_eq!(stage.store.job_documents(id).await.unwrap(), Some((new.payload, None)));
    let mut new = job("page", "x", stage.now);
    (new.priority, new.run_at) = (i64::MAX, Timestamp(i64::MAX));
    let id = stage.store.add(vec![new]).await.unwrap()[0];
    assert_eq!((stage.row(id).await.priority, stage.row(id).await.run_at), (i64::MAX, Timestamp(i64::MAX)));
    stage.assert_sound().await;
}

#[tokio::test]
async fn what_waits_for_a_time_is_ready_when_it_comes_and_not_before() {
    let mut stage = Stage::new().await;
    let mut new = job("page", "x", stage.now);
    new.run_at = Timestamp(stage.now.0 + 50);
    let id = stage.store.add(vec![new.clone()]).await.unwrap()[0];
    assert_eq!(stage.place(id).await, "timer");
    assert_eq!(stage.store.pulse().borrow().next_timer, Some(new.run_at));
    stage.pass(49);
    assert!(stage.claim(9).await.is_empty());
    stage.pass(1);
    assert_eq!(stage.claim_one().await.facts.running.id, id);
    assert_eq!(stage.store.pulse().borrow().next_timer, None);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_million_due_timers_would_ring_a_few_thousand_at_a_time() {
    let mut stage = Stage::new().await;
    let due = |n: i64| {
        let mut new = job("page", &n.to_string(), stage.now);
        new.run_at = Timestamp(stage.now.0 + 10_000 - n);
        new
    };
    let ids = stage.store.add((0..5_000).map(due).collect()).await.unwrap();
    stage.pass(20_000);
    assert!(stage.claim(0).await.is_empty());
    let pulse = *stage.store.pulse().borrow();
    assert_eq!(pulse.ready, 4_096);
    assert!(pulse.next_timer.is_some_and(|at| at <= stage.now), "nobody would come for the rest");
    // The first ones that were due are those that ring.
    assert_eq!(stage.place(ids[4_999]).await, "ready");
    assert_eq!(stage.place(ids[0]).await, "timer");
    stage.claim(0).await;
    assert_eq!(stage.store.pulse().borrow().ready, 5_000);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_cancelled_job_is_not_claimed_and_a_retried_one_is_in_a_new_round() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    assert_eq!(stage.store.turn(vec![cancelling(id)], stage.now).await.unwrap(), [Applied::Yes]);
    assert!(stage.claim(1).await.is_empty());
    let row = stage.row(id).await;
    let error = JobError { class: Class::Cancelled, message: "cancelled by a test".into() };
    assert_eq!((row.state, row.error, row.finished_at), (State::Cancelled, Some(error), Some(stage.now)));
    assert_eq!(stage.store.turn(vec![cancelling(id)], stage.now).await.unwrap(), [Applied::Stale]);
    let again = retry(id, State::Cancelled, stage.now).unwrap();
    assert_eq!(stage.store.turn(vec![again.clone(), again], stage.now).await.unwrap(), [Applied::Yes, Applied::Stale]);
    let row = stage.row(id).await;
    assert_eq!((row.state, row.round, row.attempt, row.error, row.finished_at), (State::Queued, 2, 0, None, None));
    let claimed = stage.claim_one().await;
    assert_eq!((claimed.facts.round, claimed.facts.running.attempt), (2, 1));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_turn_never_touches_what_runs_has_completed_or_never_was() {
    let stage = Stage::new().await;
    let (running, completed) = (stage.add("page", "x").await, stage.add("page", "y").await);
    let claimed = stage.claim(2).await;
    stage.settle(&claimed[1], &done()).await;
    let again = |id| retry(id, State::Failed, stage.now).unwrap();
    let turns = [running, completed, 99].into_iter().flat_map(|id| [cancelling(id), again(id)]).collect();
    assert_eq!(stage.store.turn(turns, stage.now).await.unwrap(), [Applied::Stale; 6]);
    assert_eq!((stage.place(running).await, stage.place(completed).await), ("running".into(), "completed".into()));
    stage.assert_sound().await;
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let stage = Stage::new().await;
    for n in 0..5 {
        stage.add(if n % 2 == 0 { "page" } else { "text" }, &format!("s{n}")).await;
    }
    let first = stage.claim_one().await;
    stage.settle(&first, &failed(Class::Permanent)).await;
    let ids =
        async |filter: JobFilter| stage.store.jobs(&filter).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
    let all = JobFilter { limit: 2, ..JobFilter::default() };
    assert_eq!(ids(all.clone()).await, [5, 4]);
    assert_eq!(ids(JobFilter { before: Some(4), ..all.clone() }).await, [3, 2]);
    assert_eq!(ids(JobFilter { kind: Some("text".into()), ..all.clone() }).await, [4, 2]);
    assert_eq!(ids(JobFilter { state: Some(State::Failed), ..all.clone() }).await, [1]);
    let subject = stage.row(3).await.subject;
    assert_eq!(ids(JobFilter { subject: Some(subject), ..all.clone() }).await, [3]);
    assert_eq!(ids(JobFilter { import: Some(1), ..all }).await, Vec::<i64>::new());
}
