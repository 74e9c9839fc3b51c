//! Claims take what may run, once, in order, and leave the rest in peace.

use super::stage::{Stage, done, failed, job};
use capstan::rules::attempt::Class;
use capstan::rules::job::{Cancel, State, cancel};
use capstan::store::settle::Applied;
use std::collections::BTreeSet;

fn ids(claimed: &[capstan::store::claim::Claimed]) -> Vec<i64> {
    claimed.iter().map(|job| job.facts.running.id).collect()
}

#[tokio::test]
async fn a_claim_takes_at_most_the_free_slots_by_priority_and_age() {
    let stage = Stage::new().await;
    let mut urgent = job("page", "urgent", stage.now);
    urgent.priority = -1;
    let jobs = vec![job("page", "a", stage.now), job("page", "b", stage.now), urgent];
    stage.store.add(jobs).await.unwrap();
    assert_eq!(ids(&stage.claim(0).await), Vec::<i64>::new());
    assert_eq!(ids(&stage.claim(2).await), [3, 1]);
    assert_eq!(ids(&stage.claim(9).await), [2]);
    assert_eq!(ids(&stage.claim(9).await), Vec::<i64>::new());
    stage.assert_sound().await;
}

#[tokio::test]
async fn no_job_is_claimed_twice_by_claims_at_once_and_leases_only_grow() {
    let stage = Stage::new().await;
    let jobs = (0..50).map(|n| job("page", &n.to_string(), stage.now)).collect();
    stage.store.add(jobs).await.unwrap();
    let (a, b, c) = tokio::join!(stage.claim(20), stage.claim(20), stage.claim(20));
    let all: Vec<_> = [a, b, c].concat();
    assert_eq!(ids(&all).into_iter().collect::<BTreeSet<_>>().len(), 50);
    let leases: Vec<i64> = all.iter().map(|job| job.facts.running.lease).collect();
    assert!(leases.is_sorted_by(|a, b| a < b), "{leases:?}");
    stage.assert_sound().await;
}

#[tokio::test]
async fn queues_take_turns() {
    let stage = Stage::new().await;
    for n in 0..30 {
        for kind in ["a", "b", "c"] {
            stage.add(kind, &format!("{kind}{n}")).await;
        }
    }
    let mut served = std::collections::BTreeMap::new();
    for free in [1, 2, 2, 4, 5, 1, 7] {
        for job in stage.claim(free).await {
            *served.entry(job.facts.kind).or_insert(0) += 1;
        }
        let (least, most) = (served.values().min().unwrap(), served.values().max().unwrap());
        assert!(served.len() < 3 || most - least <= 1, "{served:?}");
    }
    stage.assert_sound().await;
}

#[tokio::test]
async fn one_subject_and_kind_runs_once_at_a_time_oldest_first() {
    let stage = Stage::new().await;
    for _ in 0..4 {
        stage.add("page", "same").await;
    }
    stage.add("text", "same").await;
    // The other kind is not in the way.
    let mut running = stage.claim(5).await;
    running.sort_by_key(|job| job.facts.running.id);
    assert_eq!(ids(&running), [1, 5]);
    for next in 2..=4 {
        assert_eq!(stage.place(next).await, "subject");
        assert_eq!(ids(&stage.claim(5).await), Vec::<i64>::new());
        stage.settle(&running[0], &done()).await;
        assert_eq!(stage.place(next).await, "ready");
        running = stage.claim(5).await;
        assert_eq!(ids(&running), [next]);
        stage.assert_sound().await;
    }
}

#[tokio::test]
async fn the_line_behind_a_subject_moves_on_when_its_next_is_cancelled() {
    let stage = Stage::new().await;
    for _ in 0..4 {
        stage.add("page", "same").await;
    }
    let running = stage.claim(4).await;
    let cancel_queued = async |id| {
        let Cancel::Now(to) = cancel(id, State::Queued, "me") else { panic!("queued") };
        assert_eq!(stage.store.turn(vec![to], stage.now).await.unwrap(), [Applied::Yes]);
        stage.assert_sound().await;
    };
    // While it is parked …
    cancel_queued(2).await;
    stage.settle(&running[0], &done()).await;
    assert_eq!((stage.place(3).await, stage.place(4).await), ("ready".into(), "subject".into()));
    // … and after it was woken.
    cancel_queued(3).await;
    assert_eq!(stage.place(4).await, "ready");
    assert_eq!(ids(&stage.claim(4).await), [4]);
}

#[tokio::test]
async fn the_line_behind_a_subject_moves_on_whatever_the_end_was() {
    for outcome in [done(), failed(Class::Transient), failed(Class::Permanent), failed(Class::Deferred)] {
        let stage = Stage::new().await;
        stage.add("page", "same").await;
        stage.add("page", "same").await;
        let running = stage.claim(2).await;
        stage.settle(&running[0], &outcome).await;
        assert_eq!(ids(&stage.claim(2).await), [2], "{outcome:?}");
        stage.assert_sound().await;
    }
}

#[tokio::test]
async fn current_generations_are_pinned_at_the_claim() {
    let stage = Stage::new().await;
    stage.add("text", "x").await;
    let early = stage.claim_one().await;
    assert!(early.inputs.is_empty() && early.facts.inputs.is_none());
    stage.settle(&early, &done()).await;
    stage.add("page", "x").await;
    let page = stage.claim_one().await;
    stage.publish(&page).await;
    stage.add("text", "x").await;
    stage.add("page", "x").await;
    let mut both = stage.claim(2).await;
    both.sort_by_key(|job| job.facts.kind.clone());
    let (newer, text) = (&both[0], &both[1]);
    // Published while the other runs: its pin stays.
    stage.publish(newer).await;
    let lease = page.facts.running.lease;
    assert_eq!(text.inputs.get("page"), Some(&(lease, format!("artifacts/g{lease}"))));
    stage.settle(text, &done()).await;
    let attempts = stage.store.attempts(text.facts.running.id).await.unwrap();
    assert_eq!(attempts[0].inputs.as_deref(), Some(format!("{{\"page\":{lease}}}").as_str()));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_claim_that_finds_nothing_wakes_nobody() {
    let stage = Stage::new().await;
    let mut pulse = stage.store.pulse();
    pulse.borrow_and_update();
    assert!(stage.claim(3).await.is_empty());
    assert!(!pulse.has_changed().unwrap(), "whoever claims would claim for ever");
    stage.add("page", "x").await;
    assert!(pulse.has_changed().unwrap());
    pulse.borrow_and_update();
    stage.claim(3).await;
    assert!(pulse.has_changed().unwrap());
}

#[tokio::test]
async fn a_claim_that_only_parks_wakes_whoever_claims() {
    let stage = Stage::new().await;
    stage.add("page", "same").await;
    stage.claim_one().await;
    stage.add("page", "same").await;
    stage.add("page", "other").await;
    let mut pulse = stage.store.pulse();
    pulse.borrow_and_update();
    assert!(stage.claim(1).await.is_empty(), "the oldest is parked");
    assert!(pulse.has_changed().unwrap() && pulse.borrow_and_update().ready == 1);
    assert_eq!(ids(&stage.claim(1).await), [3]);
}
