//! Chunks stand in line until there is room for their jobs, and each import's go on in their order.

use super::import::{chunk, import};
use super::stage::{Stage, done};
use capstan::rules::import::{ImportState, Turn};
use capstan::store::StoreError;
use capstan::store::import::Dispatch;
use capstan::store::settle::Applied;
use tokio::task::JoinHandle;

type Answer = JoinHandle<Result<bool, StoreError>>;

/// Two items of an import of eight, of which no more than four jobs may wait to be claimed.
async fn send(stage: &Stage, id: i64, from: u64) -> Answer {
    let chunk = Dispatch::of(chunk(stage, id, from, from + 2, 8)).unwrap().within(4);
    let sent = stage.store.dispatch(vec![chunk]).await.unwrap();
    tokio::spawn(sent.applied())
}

async fn start(stage: &Stage, id: i64) {
    stage.store.add_import(import(stage, id, 8, 0)).await.unwrap();
}

/// Let the writer do all that it was given, and whoever waits for it take note.
async fn settled(stage: &Stage) {
    for _ in 0..3 {
        stage.store.caught_up().await.unwrap();
        tokio::task::yield_now().await;
    }
}

async fn queued(stage: &Stage, id: i64) -> u64 {
    stage.assert_sound().await;
    stage.store.import(id).await.unwrap().unwrap().open_jobs
}

#[tokio::test]
async fn a_chunk_goes_on_with_the_claim_that_made_room_behind_it() {
    let mut stage = Stage::new().await;
    start(&stage, 1).await;
    let sent = [send(&stage, 1, 0).await, send(&stage, 1, 2).await, send(&stage, 1, 4).await, send(&stage, 1, 6).await];
    settled(&stage).await;
    assert_eq!(sent.each_ref().map(JoinHandle::is_finished), [true, true, false, false]);
    assert_eq!(queued(&stage, 1).await, 4);

    stage.pass(5_000);
    assert_eq!(stage.claim(1).await.len(), 1);
    settled(&stage).await;
    assert!(!sent[2].is_finished(), "there is room for one of two");
    let claimed = stage.claim(1).await;
    settled(&stage).await;
    assert_eq!(sent.each_ref().map(JoinHandle::is_finished), [true, true, true, false]);
    let job = stage.row(5).await;
    assert_eq!((job.item, job.created_at), (Some(4), stage.now), "it is as old as the moment at which it went on");

    // Nobody else says a word: what has room goes on by itself.
    assert_eq!(stage.claim(9).await.len(), 4);
    settled(&stage).await;
    for answer in sent {
        assert!(answer.await.unwrap().unwrap());
    }
    stage.settle(&claimed[0], &done()).await;
    assert_eq!(queued(&stage, 1).await, 7);
}

#[tokio::test]
async fn an_import_in_line_holds_up_no_other_and_learns_when_it_was_turned() {
    let stage = Stage::new().await;
    start(&stage, 1).await;
    start(&stage, 2).await;
    let first = [send(&stage, 1, 0).await, send(&stage, 1, 2).await, send(&stage, 1, 4).await];
    let second = send(&stage, 2, 0).await;
    settled(&stage).await;
    assert!(!first[2].is_finished() && second.is_finished());

    let paused = stage.store.turn_import(1, ImportState::Processing, Turn::Pause, stage.now).await.unwrap();
    assert_eq!(paused, Applied::Yes);
    settled(&stage).await;
    let [_, _, last] = first;
    assert!(!last.await.unwrap().unwrap(), "it is read again when it goes on");
    assert_eq!((queued(&stage, 1).await, queued(&stage, 2).await), (4, 2));
}
