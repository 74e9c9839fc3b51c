//! Queues and keys: what is on record, what is held back, and what wakes it.

use super::stage::{Stage, done, failed, job};
use capstan::rules::attempt::{Class, Usage};
use capstan::rules::key::{self, Pace};
use capstan::rules::queue::{self, Limits, Own, QueueState, Set};
use capstan::rules::rate::Rate;
use capstan::rules::time::Millis;
use capstan::store::claim::Claimed;
use capstan::store::edit::Edit;
use capstan::store::job::NewJob;
use capstan::store::key::KeyChange;
use capstan::store::queue::QueueChange;
use capstan::store::settle::Applied;
use std::collections::BTreeMap;

fn ids(claimed: &[Claimed]) -> Vec<i64> {
    claimed.iter().map(|job| job.facts.running.id).collect()
}

fn keyed(stage: &Stage, subject: &str, key: &str) -> NewJob {
    NewJob { key: Some(key.into()), ..job("page", subject, stage.now) }
}

async fn change(stage: &Stage, queue: &str, change: QueueChange) {
    stage.store.change_queue(queue.into(), change).await.unwrap();
    stage.assert_sound().await;
}

async fn state(stage: &Stage, queue: &str) -> QueueState {
    stage.store.queues(&stage.queues, stage.now).await.unwrap()[queue].state
}

fn limits(concurrency: u64) -> QueueChange {
    QueueChange::Set(Set { concurrency: Some(Own::Limit(concurrency)), ..Set::default() })
}

#[tokio::test]
async fn states_limits_and_clocks_outlive_the_host() {
    let mut stage = Stage::new().await;
    let rate = Rate::parse("1/min").unwrap().with_burst(2).unwrap();
    change(&stage, "page", QueueChange::Set(Set { rate: Some(Own::Limit(rate)), ..Set::default() })).await;
    change(&stage, "text", QueueChange::Pause).await;
    for n in 0..4 {
        stage.add("page", &n.to_string()).await;
    }
    stage.add("text", "x").await;
    let running = stage.claim(9).await;
    assert_eq!(ids(&running), [1, 2]);
    let next = stage.store.pulse().borrow().next_rate;
    assert_eq!(next, Some(stage.now.after(Millis::seconds(60))));
    stage.reopen().await;
    assert!(stage.claim(9).await.is_empty());
    assert_eq!((stage.store.pulse().borrow().next_rate, state(&stage, "text").await), (next, QueueState::Paused));
    assert_eq!((stage.store.pulse().borrow().ready, stage.store.pulse().borrow().paused), (0, 1));
    stage.pass(60_000);
    assert_eq!(ids(&stage.claim(9).await), [3]);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_queue_that_drains_is_paused_with_the_end_of_its_last_job_also_after_a_death() {
    let mut stage = Stage::new().await;
    for n in 0..3 {
        stage.add("page", &n.to_string()).await;
    }
    let running = stage.claim(2).await;
    change(&stage, "page", QueueChange::Drain).await;
    assert!(stage.claim(9).await.is_empty());
    stage.settle(&running[0], &done()).await;
    assert_eq!(state(&stage, "page").await, QueueState::Draining);
    stage.die().await;
    assert_eq!(state(&stage, "page").await, QueueState::Paused);
    assert!(stage.claim(9).await.is_empty(), "a suspect of a paused queue waits too");
    assert!(stage.store.pulse().borrow().is_still());
    change(&stage, "page", QueueChange::Resume).await;
    assert_eq!(ids(&stage.claim(9).await), [2, 3]);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_full_queue_is_not_tried_again_before_something_changes() {
    let stage = Stage::new().await;
    change(&stage, "page", limits(1)).await;
    for n in 0..3 {
        stage.add("page", &n.to_string()).await;
    }
    let running = stage.claim(9).await;
    assert_eq!((running.len(), stage.store.pulse().borrow().ready), (1, 0));
    let mut pulse = stage.store.pulse();
    pulse.borrow_and_update();
    assert!(stage.claim(9).await.is_empty() && !pulse.has_changed().unwrap());
    stage.settle(&running[0], &done()).await;
    assert_eq!(stage.store.pulse().borrow().ready, 2);
    stage.claim(9).await;
    change(&stage, "page", limits(2)).await;
    assert_eq!(ids(&stage.claim(9).await), [3]);
    stage.assert_sound().await;
}

#[tokio::test]
async fn tokens_are_charged_at_the_end_and_hold_up_the_queue_until_they_are_paid() {
    let mut stage = Stage::new().await;
    let tokens = Some(Rate::parse("60/min").unwrap());
    stage.queues.limits = BTreeMap::from([("page".to_owned(), Limits { tokens, ..Limits::default() })]);
    stage.configure().await;
    for n in 0..3 {
        stage.add("page", &n.to_string()).await;
    }
    let running = stage.claim(1).await;
    let mut end = stage.end(&running[0].facts, &failed(Class::Permanent));
    end.attempt.usage = Some(Usage { tokens: 70, ..Usage::default() });
    stage.store.settle(end).await.unwrap();
    stage.reopen().await;
    assert!(stage.claim(9).await.is_empty());
    // Sixty at once, and ten seconds for the ten that were too many; and one for the next.
    assert_eq!(stage.store.pulse().borrow().next_rate, Some(stage.now.after(Millis(11_000))));
    stage.pass(11_000);
    assert_eq!(stage.claim(9).await.len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_key_that_the_configuration_opens_lets_in_who_waits() {
    let mut stage = Stage::new().await;
    let jobs = (0..9).map(|n| keyed(&stage, &n.to_string(), "k")).collect();
    stage.store.add(jobs).await.unwrap();
    assert_eq!(stage.claim(9).await.len(), 4);
    stage.keys = key::Configured { common: Pace { limit: 6, min_interval: Millis(0) }, ..key::Configured::default() };
    stage.configure().await;
    assert!(stage.store.pulse().borrow().next_wake().is_some_and(|at| at <= stage.now), "somebody has to look");
    assert_eq!(stage.claim(9).await.len(), 2);
    let set = key::Set { limit: Some(7), min_interval: None };
    stage.store.change_key("k".into(), KeyChange::Set(set), stage.now).await.unwrap();
    assert_eq!(stage.store.pulse().borrow().ready, 1);
    // And it is on record.
    stage.reopen().await;
    assert_eq!((stage.claim(9).await.len(), stage.store.stats().await.unwrap().waiting["key"]), (1, 2));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_key_that_rests_lets_in_nobody_and_rings_when_it_may() {
    let mut stage = Stage::new().await;
    let jobs = ["a", "b", "c"].map(|subject| keyed(&stage, subject, "k")).to_vec();
    stage.store.add(jobs).await.unwrap();
    let running = stage.claim(1).await;
    // Two were let in before it was told to wait; the fourth is held.
    stage.settle(&running[0], &failed(Class::Deferred)).await;
    let fourth = stage.store.add(vec![keyed(&stage, "d", "k")]).await.unwrap()[0];
    assert_eq!((stage.place(1).await, stage.place(fourth).await), ("timer".into(), "key".into()));
    let until = stage.row(1).await.run_at;
    assert_eq!(stage.store.pulse().borrow().next_key, Some(until));
    stage.reopen().await;
    // It is looked at once, for its pace may be another one now.
    assert!(stage.store.pulse().borrow().next_key.is_some_and(|at| at <= stage.now));
    stage.claim(0).await;
    assert_eq!(stage.place(fourth).await, "key");
    assert_eq!(stage.store.pulse().borrow().next_key, Some(until));
    stage.pass(until.since(stage.now).0);
    stage.claim(0).await;
    assert_eq!((stage.place(1).await, stage.place(fourth).await), ("ready".into(), "ready".into()));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_job_changes_its_lane_its_time_and_what_it_brings() {
    let mut stage = Stage::new().await;
    let (first, second) = (stage.add("page", "x").await, stage.add("page", "y").await);
    let edit = |id| Edit { id, ..Edit::default() };
    let sooner = Edit { priority: Some(-1), payload: Some("[1]".into()), tags: Some(vec!["t".into()]), ..edit(second) };
    let later = Edit { run_at: Some(stage.now.after(Millis(50))), ..edit(first) };
    assert_eq!(stage.store.edit(vec![sooner, later], stage.now).await.unwrap(), [Applied::Yes; 2]);
    stage.assert_sound().await;
    let claimed = stage.claim(9).await;
    assert_eq!((ids(&claimed), claimed[0].payload.as_str()), (vec![second], "[1]"));
    assert_eq!(stage.row(second).await.tags, ["t"]);
    // What runs is not changed.
    assert_eq!(stage.store.edit(vec![edit(second)], stage.now).await.unwrap(), [Applied::Stale]);
    let now = Edit { run_at: Some(stage.now), ..edit(first) };
    assert_eq!(stage.store.edit(vec![now], stage.now).await.unwrap(), [Applied::Yes]);
    assert_eq!(ids(&stage.claim(9).await), [first]);
    stage.pass(50);
    stage.assert_sound().await;
}

#[tokio::test]
async fn one_import_of_many_does_not_keep_another_waiting() {
    let stage = Stage::new().await;
    let item =
        |import: i64, n: i64| NewJob { item: Some((import, n)), ..job("page", &format!("{import}/{n}"), stage.now) };
    let many: Vec<NewJob> = (0..500).map(|n| item(1, n)).collect();
    stage.store.add(many).await.unwrap();
    let few = stage.store.add((0..3).map(|n| item(2, n)).collect()).await.unwrap();
    let single = stage.add("text", "x").await;
    let claimed = ids(&stage.claim(8).await);
    assert!(few.iter().chain([&single]).all(|id| claimed.contains(id)), "{claimed:?}");
}

#[tokio::test]
async fn who_waits_long_enough_goes_before_the_more_urgent() {
    let mut stage = Stage::new().await;
    stage.queues = queue::Configured { ageing: Millis(1_000), ..queue::Configured::default() };
    stage.configure().await;
    let mut patient = job("page", "patient", stage.now);
    patient.priority = 3;
    let patient = stage.store.add(vec![patient]).await.unwrap()[0];
    for round in 0..4 {
        let urgent = stage.add("text", &round.to_string()).await;
        let claimed = ids(&stage.claim(1).await);
        assert_eq!(claimed, [if round < 3 { urgent } else { patient }], "round {round}");
        stage.pass(1_000 + u64::from(round == 2));
    }
}
