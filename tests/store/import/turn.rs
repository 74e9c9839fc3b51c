//! An import that is paused, resumed or cancelled.

use super::deferred::range;
use super::{chunk, listed, row, start};
use crate::store::stage::{Stage, done, failed, job};
use capstan::rules::attempt::Class;
use capstan::rules::import::{ImportState, Turn};
use capstan::rules::job::{Cancel, State, cancel, retry};
use capstan::store::claim::Claimed;
use capstan::store::job::NewJob;
use capstan::store::settle::Applied;

/// An import that is paused while the last of its items runs.
async fn paused(stage: &Stage) -> (i64, Claimed) {
    let id = start(stage, 1).await;
    let running = stage.claim_one().await;
    stage.store.turn_import(id, ImportState::Processing, Turn::Pause, stage.now).await.unwrap();
    (id, running)
}

#[tokio::test]
async fn a_paused_import_dispatches_and_begins_nothing_until_it_is_resumed() {
    let stage = Stage::new().await;
    let id = listed(&stage, 4, 0).await;
    stage.store.advance(chunk(&stage, id, 0, 2, 4)).await.unwrap();
    let running = stage.claim_one().await;
    let turn = |was, turn| stage.store.turn_import(id, was, turn, stage.now);
    assert_eq!(turn(ImportState::Processing, Turn::Pause).await.unwrap(), Applied::Yes);
    assert_eq!(turn(ImportState::Processing, Turn::Pause).await.unwrap(), Applied::Stale, "it is paused already");
    assert_eq!(stage.claim(9).await.len(), 0);
    assert_eq!(stage.store.pulse().borrow().paused, 1);
    assert_eq!(stage.store.advance(chunk(&stage, id, 2, 4, 4)).await.unwrap(), Applied::Stale);
    stage.settle(&running, &done()).await;
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.done, now.remaining), (ImportState::Paused, 1, 3));
    assert_eq!(turn(ImportState::Paused, Turn::Resume).await.unwrap(), Applied::Yes);
    assert_eq!(stage.store.advance(chunk(&stage, id, 2, 4, 4)).await.unwrap(), Applied::Yes);
    assert_eq!(stage.claim(9).await.len(), 3);
}

#[tokio::test]
async fn what_follows_in_a_paused_import_takes_no_place_of_its_key() {
    let stage = Stage::new().await;
    let (id, running) = paused(&stage).await;
    let mut end = stage.end(&running.facts, &done());
    let of_item =
        NewJob { item: running.facts.item, parent: Some((1, 1)), key: Some("k".into()), ..job("text", "y", stage.now) };
    end.enqueue = vec![of_item];
    stage.store.settle(end).await.unwrap();
    assert_eq!(stage.place(2).await, "key");
    // Others go past it.
    stage.store.add(vec![NewJob { key: Some("k".into()), ..job("text", "z", stage.now) }]).await.unwrap();
    assert_eq!(stage.place(3).await, "ready");
    stage.store.turn_import(id, ImportState::Paused, Turn::Resume, stage.now).await.unwrap();
    assert_eq!(stage.place(2).await, "ready");
    stage.assert_sound().await;
}

#[tokio::test]
async fn the_last_item_of_a_paused_import_ends_it() {
    let stage = Stage::new().await;
    let (id, running) = paused(&stage).await;
    stage.settle(&running, &done()).await;
    assert_eq!(row(&stage, id).await.state, ImportState::Completed);
}

#[tokio::test]
async fn cancelling_counts_what_waits_in_the_list_and_a_retry_opens_it_again() {
    let stage = Stage::new().await;
    let id = listed(&stage, 9, 1).await;
    let mut first = chunk(&stage, id, 0, 4, 8);
    first.jobs.truncate(2);
    first.deferred = vec![range("slow", 2, 4)];
    stage.store.advance(first).await.unwrap();
    let running = stage.claim_one().await;
    stage.store.turn_import(id, ImportState::Processing, Turn::Cancel, stage.now).await.unwrap();
    let now = row(&stage, id).await;
    // Two wait in a range and four behind the cursor; one is queued and one runs.
    assert_eq!((now.state, now.cancelled, now.remaining, now.deferred), (ImportState::Cancelled, 6, 2, 0));
    assert_eq!(stage.store.pulse().borrow().ending, 1);
    assert_eq!(stage.claim(9).await.len(), 0, "nothing of it begins");
    assert_eq!(stage.store.running_of_import(id).await.unwrap(), [(running.facts.running.id, false)]);
    let queued = stage.store.queued_of_import(id, -1, 10).await.unwrap();
    assert_eq!(queued.iter().map(|(_, item)| *item).collect::<Vec<_>>(), [1]);
    let Cancel::Now(to) = cancel(queued[0].0, State::Queued, "me") else { panic!("queued") };
    stage.store.turn(vec![to], stage.now).await.unwrap();
    stage.settle(&running, &failed(Class::Cancelled)).await;
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.cancelled, now.remaining, now.open_jobs), (ImportState::Cancelled, 8, 0, 0));
    assert_eq!((now.is_over(), stage.store.pulse().borrow().ending), (true, 0));
    stage.store.turn(vec![retry(queued[0].0, State::Cancelled, stage.now).unwrap()], stage.now).await.unwrap();
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.cancelled, now.remaining), (ImportState::Processing, 7, 1));
    let again = stage.claim_one().await;
    stage.settle(&again, &done()).await;
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.done, now.cancelled, now.remaining), (ImportState::Completed, 1, 7, 0));
}
