//! Items that wait in the list for room behind their key.

use super::{chunk, import, listed, row};
use crate::store::stage::Stage;
use capstan::rules::deferred::{MAX_GAP, Range};
use capstan::store::import::{Chunk, NewImport, Origin};
use capstan::store::settle::Applied;

/// The deferred items of a key of a list in which each item is ten bytes long.
pub(super) fn range(key: &str, from: u64, to: u64) -> Range {
    Range { key: key.into(), start: 2 + from * 10, position: from, stop: 2 + to * 10, items: to - from }
}

async fn ranges(stage: &Stage, id: i64) -> Vec<Range> {
    stage.store.refills(id, 1_000).await.unwrap().into_iter().map(|refill| refill.range).collect()
}

#[tokio::test]
async fn deferred_items_come_back_once_and_nearby_ranges_are_one() {
    let stage = Stage::new().await;
    let id = listed(&stage, 8, 0).await;
    let mut first = chunk(&stage, id, 0, 4, 8);
    first.jobs.truncate(1);
    first.deferred = vec![range("slow", 1, 4)];
    stage.store.advance(first).await.unwrap();
    let mut second = chunk(&stage, id, 4, 8, 8);
    second.jobs.truncate(3);
    // The eighth item: the ones between the two ranges belong to others.
    second.deferred = vec![range("slow", 7, 8)];
    stage.store.advance(second).await.unwrap();
    let whole = Range { items: 4, ..range("slow", 1, 8) };
    assert_eq!(ranges(&stage, id).await, std::slice::from_ref(&whole));
    let now = row(&stage, id).await;
    assert_eq!((now.deferred, now.dispatched, now.remaining, now.has_unread()), (4, 4, 8, false));
    assert_eq!(stage.store.pulse().borrow().dispatching, 1);

    let mut back = chunk(&stage, id, 1, 3, 8);
    let left = Range { items: 2, ..range("slow", 3, 8) };
    back.from = Origin::Range { was: whole, left: Some(left.clone()) };
    assert_eq!(stage.store.advance(back.clone()).await.unwrap(), Applied::Yes);
    assert_eq!(stage.store.advance(back).await.unwrap(), Applied::Stale, "a range is read once");
    assert_eq!(ranges(&stage, id).await, std::slice::from_ref(&left));
    let mut last = chunk(&stage, id, 3, 4, 8);
    last.jobs.extend(chunk(&stage, id, 7, 8, 8).jobs);
    last.from = Origin::Range { was: left, left: None };
    assert_eq!(stage.store.advance(last).await.unwrap(), Applied::Yes);
    let now = row(&stage, id).await;
    assert_eq!((now.deferred, now.dispatched, now.open_jobs), (0, 8, 8));
    assert_eq!((ranges(&stage, id).await, stage.store.pulse().borrow().dispatching), (Vec::new(), 0));
    let items: Vec<i64> = stage.rows().await.iter().filter_map(|job| job.item).collect();
    assert_eq!(items, [0, 4, 5, 6, 1, 2, 3, 7]);
}

#[tokio::test]
async fn ranges_that_are_far_apart_are_two() {
    let stage = Stage::new().await;
    let id = stage.store.next_import().await.unwrap();
    let new = NewImport { list_bytes: 10_000_000, ..import(&stage, id, 3, 0) };
    stage.store.add_import(new).await.unwrap();
    let far = MAX_GAP + 13;
    for (from, to, start) in [(2, 12, 2), (12, far + 11, far), (far + 11, far + 1_000, far + 500)] {
        let deferred = vec![Range { key: "slow".into(), start, position: 0, stop: start + 10, items: 1 }];
        let from = Origin::Cursor { from, to, items: 1 };
        let chunk = Chunk { import: id, from, jobs: Vec::new(), deferred, now: stage.now };
        assert_eq!(stage.store.advance(chunk).await.unwrap(), Applied::Yes);
    }
    // The first ends at byte 12; the second begins one byte too far behind, the third near enough.
    let first = Range { key: "slow".into(), start: 2, position: 0, stop: 12, items: 1 };
    assert_eq!(ranges(&stage, id).await, std::slice::from_ref(&first));
    let from = Origin::Range { was: first, left: None };
    let drained = Chunk { import: id, from, jobs: vec![], deferred: vec![], now: stage.now };
    stage.store.advance(drained).await.unwrap();
    assert_eq!(
        ranges(&stage, id).await,
        [Range { key: "slow".into(), start: far, position: 0, stop: far + 510, items: 2 }]
    );
}
