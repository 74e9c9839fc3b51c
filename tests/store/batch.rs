//! Operations share commits, never fates.

use super::stage::{Stage, done, job, publication};
use capstan::rules::job::State;
use capstan::store::settle::{Applied, Settlement};
use tokio::task::JoinSet;

/// An end that no database takes: two files of one name.
fn impossible(stage: &Stage, end: &Settlement) -> Settlement {
    let mut end = end.clone();
    let mut published = publication(end.facts.running.lease);
    published.files.push(published.files[0].clone());
    end.publication = Some(published);
    end.attempt = stage.record("done");
    end
}

#[tokio::test]
async fn an_operation_that_cannot_be_applied_fails_alone_wherever_it_stands() {
    for bad in [0, 1, 7, 14, 15] {
        let stage = Stage::new().await;
        let jobs = (0..16).map(|n| job("page", &n.to_string(), stage.now)).collect();
        stage.store.add(jobs).await.unwrap();
        let claimed = stage.claim(16).await;
        let mut ends = JoinSet::new();
        for (at, claimed) in claimed.iter().enumerate() {
            let end = stage.end(&claimed.facts, &done());
            let end = if at == bad { impossible(&stage, &end) } else { end };
            let store = stage.store.clone();
            ends.spawn(async move { (at, store.settle(end).await) });
        }
        let (store, more) = (stage.store.clone(), vec![job("page", "more", stage.now); 3]);
        let (added, claim) = tokio::join!(store.add(more), stage.claim(9));
        for (at, answer) in ends.join_all().await {
            assert_eq!(answer.is_err(), at == bad, "{at}: {answer:?}");
        }
        assert_eq!(added.unwrap().len(), 3);
        assert!(claim.len() <= 1, "one subject");
        let running: Vec<i64> =
            stage.rows().await.iter().filter(|row| row.state == State::Running).map(|row| row.id).collect();
        assert!(running.contains(&claimed[bad].facts.running.id));
        stage.assert_sound().await;
        // What failed can still be ended as it should be.
        assert_eq!(stage.settle(&claimed[bad], &done()).await, Applied::Yes);
        stage.assert_sound().await;
    }
}

#[tokio::test]
async fn numbers_are_given_once_although_batches_were_rolled_back() {
    let stage = Stage::new().await;
    stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    let bad = impossible(&stage, &stage.end(&claimed.facts, &done()));
    let one = || vec![job("page", "y", stage.now), job("page", "z", stage.now)];
    // Between the two: it is asked for when `settle` is called.
    let bad = async { stage.store.settle(bad).await };
    let (a, bad, b) = tokio::join!(stage.store.add(one()), bad, stage.store.add(one()));
    assert!(bad.is_err());
    assert_eq!((a.unwrap(), b.unwrap()), (vec![2, 3], vec![4, 5]));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_closed_store_says_so_and_keeps_what_was_answered() {
    let mut stage = Stage::new().await;
    let store = stage.store.clone();
    let (added, ()) = tokio::join!(store.add(vec![job("page", "x", stage.now)]), stage.store.clone().close());
    assert_eq!(added.unwrap(), [1]);
    let said = store.add(vec![job("page", "y", stage.now)]).await.unwrap_err().to_string();
    assert_eq!(said, "the store is closed: the host is shutting down");
    stage.reopen().await;
    assert_eq!(stage.rows().await.len(), 1);
    stage.assert_sound().await;
}

#[tokio::test]
async fn whoever_is_answered_finds_it_in_the_pulse_and_in_the_rows() {
    let stage = Stage::new().await;
    for n in 1..20 {
        let id = stage.add("page", &n.to_string()).await;
        assert_eq!(stage.store.pulse().borrow().ready, n);
        assert_eq!(stage.row(id).await.state, State::Queued);
    }
}
