//! What a dead host leaves behind is run again, uncharged, and suspects one at a time.

use super::stage::{Stage, done, failed};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::job::{Cancel, State, cancel};
use capstan::store::settle::Applied;

#[tokio::test]
async fn what_ran_is_suspected_and_runs_again_one_at_a_time_beside_the_innocent() {
    let mut stage = Stage::new().await;
    for n in 0..3 {
        stage.add("page", &format!("s{n}")).await;
    }
    assert_eq!(stage.claim(3).await.len(), 3);
    let innocent = stage.add("page", "late").await;
    assert_eq!(stage.die().await.len(), 3);
    stage.assert_sound().await;
    let mut seen = Vec::new();
    for round in 0..3 {
        let claimed = stage.claim(9).await;
        let expected = if round == 0 { vec![1, innocent] } else { vec![round + 1] };
        assert_eq!(claimed.iter().map(|job| job.facts.running.id).collect::<Vec<_>>(), expected);
        assert!(stage.claim(9).await.is_empty(), "two suspects at once");
        assert_eq!(claimed[0].facts.running.attempt, 1, "charged");
        stage.settle(&claimed[0], &done()).await;
        stage.assert_sound().await;
        seen.push(claimed[0].facts.running.id);
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
async fn the_lone_suspect_is_lost_at_its_third_death_and_its_neighbours_are_not() {
    let mut stage = Stage::new().await;
    let poison = stage.add("page", "poison").await;
    stage.claim_one().await;
    for deaths in 0..4 {
        stage.die().await;
        stage.assert_sound().await;
        if deaths < 3 {
            assert_eq!(stage.place(poison).await, "suspect");
            let neighbour = stage.add("page", &format!("n{deaths}")).await;
            let claimed = stage.claim(9).await;
            assert_eq!(claimed[0].facts.running.id, poison);
            assert_eq!(claimed[0].facts.running.deaths, deaths);
            assert_eq!(claimed[1].facts.running.id, neighbour);
            stage.settle(&claimed[1], &done()).await;
        }
    }
    let row = stage.row(poison).await;
    assert_eq!((row.state, row.error.unwrap().class), (State::Failed, Class::Lost));
    assert_eq!(stage.store.attempts(poison).await.unwrap().len(), 4);
    assert_eq!(stage.rows().await.iter().filter(|row| row.state == State::Completed).count(), 3);
}

#[tokio::test]
async fn a_stopped_suspect_stays_one_and_an_answer_clears_it() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    stage.claim_one().await;
    stage.die().await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &Outcome::Stopped).await;
    assert_eq!(stage.place(id).await, "suspect");
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &failed(Class::Transient)).await;
    assert_eq!(stage.place(id).await, "timer");
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_suspect_that_is_cancelled_makes_room_for_the_next() {
    let mut stage = Stage::new().await;
    stage.add("page", "x").await;
    let next = stage.add("page", "y").await;
    stage.claim(2).await;
    stage.die().await;
    let Cancel::Now(to) = cancel(1, State::Queued, "me") else { panic!("queued") };
    stage.store.turn(vec![to], stage.now).await.unwrap();
    assert_eq!(stage.claim_one().await.facts.running.id, next);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_request_to_cancel_that_the_host_did_not_live_to_serve_is_served() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let behind = stage.add("page", "x").await;
    stage.claim(2).await;
    stage.store.ask_cancel(vec![id, behind, 77], "the operator".into()).await.unwrap();
    stage.die().await;
    let row = stage.row(id).await;
    assert_eq!((row.state, row.error.unwrap().message), (State::Cancelled, "cancelled by the operator".into()));
    // It did not run, so nobody asked it.
    assert_eq!(stage.place(behind).await, "ready");
    stage.assert_sound().await;
}

#[tokio::test]
async fn an_end_from_before_the_death_is_stale_and_its_lease_is_never_used_again() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let before = stage.claim_one().await;
    stage.die().await;
    assert_eq!(stage.settle(&before, &done()).await, Applied::Stale);
    let after = stage.claim_one().await;
    assert!(after.facts.running.lease > before.facts.running.lease);
    assert_eq!(stage.settle(&before, &done()).await, Applied::Stale);
    assert_eq!(stage.place(id).await, "running");
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_boot_knows_how_the_one_before_it_ended() {
    let mut stage = Stage::new().await;
    let last = stage.store.last_boot().await.unwrap().unwrap();
    assert_eq!((last.id, last.machine.as_str(), last.stopped_at), (stage.boot, "machine", None));
    stage.store.stop(stage.boot, stage.now).await.unwrap();
    stage.reopen().await;
    assert_eq!(stage.store.last_boot().await.unwrap().unwrap().stopped_at, Some(stage.now));
    let first = stage.boot;
    stage.die().await;
    assert!(stage.boot > first);
}
