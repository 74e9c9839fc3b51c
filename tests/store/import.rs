//! An import adds up at every instant, dispatches each item once, and ends when all are accounted for.

mod deferred;
mod turn;

use super::stage::{Stage, done, failed, job, publication, text_follows, unchanged};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::import::ImportState;
use capstan::rules::job::{Cancel, State, cancel, retry};
use capstan::store::import::{Chunk, Existing, ImportRow, NewImport, Origin, Then};
use capstan::store::job::About;

pub(super) fn import(stage: &Stage, id: i64, total: u64, invalid: u64) -> NewImport {
    NewImport {
        id,
        kind: "page".into(),
        source: "a folder".into(),
        format: "folder".into(),
        root: Some("/r".into()),
        list: format!("imports/job_{id}.json"),
        list_bytes: 100,
        cursor: 2,
        chunk: 10,
        total,
        invalid,
        duplicate: 0,
        existing: Existing::Again,
        then: None,
        now: stage.now,
    }
}

/// The items `from..to` of a list in which each is ten bytes long.
pub(super) fn chunk(stage: &Stage, import: i64, from: u64, to: u64, end: u64) -> Chunk {
    let item = |n: u64| {
        let mut new = job("page", &format!("{import}/{n}"), stage.now);
        new.item = Some((import, i64::try_from(n).unwrap()));
        new
    };
    let jobs = (from..to).map(item).collect();
    let items = to - from;
    let to = if to == end { 100 } else { 2 + to * 10 };
    let from = Origin::Cursor { from: 2 + from * 10, to, items };
    Chunk { import, from, jobs, deferred: Vec::new(), now: stage.now }
}

async fn row(stage: &Stage, id: i64) -> ImportRow {
    stage.assert_sound().await;
    stage.store.import(id).await.unwrap().unwrap()
}

/// An import of which nothing is dispatched yet.
pub(super) async fn listed(stage: &Stage, total: u64, invalid: u64) -> i64 {
    let id = stage.store.next_import().await.unwrap();
    stage.store.add_import(import(stage, id, total, invalid)).await.unwrap();
    id
}

async fn start(stage: &Stage, total: u64) -> i64 {
    let id = listed(stage, total, 0).await;
    stage.store.advance(chunk(stage, id, 0, total, total)).await.unwrap();
    id
}

#[tokio::test]
async fn every_item_ends_in_the_place_that_its_jobs_say() {
    let stage = Stage::new().await;
    let id = start(&stage, 5).await;
    assert_eq!(row(&stage, id).await.remaining, 5);
    let outcomes = [done(), unchanged(), failed(Class::Permanent), failed(Class::Cancelled), done()];
    for (claimed, outcome) in stage.claim(4).await.iter().zip(&outcomes) {
        stage.settle(claimed, outcome).await;
        let now = row(&stage, id).await;
        assert_eq!(now.total, now.done + now.failed + now.cancelled + now.skipped + now.remaining);
        assert_eq!(now.state, ImportState::Processing);
    }
    let Cancel::Now(to) = cancel(5, State::Queued, "me") else { panic!("queued") };
    stage.store.turn(vec![to], stage.now).await.unwrap();
    let now = row(&stage, id).await;
    assert_eq!((now.done, now.skipped, now.failed, now.cancelled, now.remaining), (1, 1, 1, 2, 0));
    assert_eq!((now.state, now.finished_at, now.open_jobs), (ImportState::Completed, Some(stage.now), 0));
}

#[tokio::test]
async fn an_item_remains_until_the_jobs_that_its_jobs_queued_have_ended() {
    let stage = Stage::new().await;
    let id = start(&stage, 1).await;
    let page = stage.claim_one().await;
    let mut end = stage.end(&page.facts, &done());
    // One of its own kind about itself, which must wait for its end, and two elsewhere.
    for (kind, subject) in [("page", &page.facts.about.source[..]), ("text", "x"), ("text", "y")] {
        let mut queued = job(kind, subject, stage.now);
        queued.parent = Some((page.facts.running.id, page.facts.depth + 1));
        queued.item = page.facts.item;
        end.enqueue.push(queued);
    }
    stage.store.settle(end).await.unwrap();
    let now = row(&stage, id).await;
    assert_eq!((now.done, now.remaining, now.open_jobs), (0, 1, 3));
    let claimed = stage.claim(9).await;
    assert_eq!(claimed.iter().map(|c| (c.facts.depth, c.facts.item)).collect::<Vec<_>>(), [(1, Some((id, 0))); 3]);
    for one in &claimed[..2] {
        stage.settle(one, &done()).await;
    }
    stage.settle(&claimed[2], &failed(Class::Permanent)).await;
    let now = row(&stage, id).await;
    assert_eq!((now.failed, now.remaining, now.state), (1, 0, ImportState::Completed));
}

#[tokio::test]
async fn an_item_remains_until_its_last_follower_has_ended() {
    let stage = Stage::new().await;
    let id = start(&stage, 1).await;
    let page = stage.claim_one().await;
    let mut end = stage.end(&page.facts, &done());
    end.follow = text_follows();
    stage.store.settle(end).await.unwrap();
    let now = row(&stage, id).await;
    assert_eq!((now.remaining, now.open_jobs, now.state), (1, 1, ImportState::Processing));
    let text = stage.claim_one().await;
    assert_eq!(text.facts.item, Some((id, 0)));
    stage.settle(&text, &failed(Class::Permanent)).await;
    let now = row(&stage, id).await;
    assert_eq!((now.failed, now.done, now.state), (1, 0, ImportState::Completed));
}

#[tokio::test]
async fn a_retry_opens_the_import_again() {
    let stage = Stage::new().await;
    let id = start(&stage, 2).await;
    let claimed = stage.claim(2).await;
    stage.settle(&claimed[0], &done()).await;
    stage.settle(&claimed[1], &failed(Class::Permanent)).await;
    assert_eq!(row(&stage, id).await.state, ImportState::Completed);
    let failed = claimed[1].facts.running.id;
    stage.store.turn(vec![retry(failed, State::Failed, stage.now).unwrap()], stage.now).await.unwrap();
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.failed, now.remaining, now.finished_at), (ImportState::Processing, 0, 1, None));
    assert_eq!(stage.store.pulse().borrow().imports, 1);
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &done()).await;
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.done), (ImportState::Completed, 2));
}

#[tokio::test]
async fn a_chunk_is_dispatched_once_however_often_it_is_given() {
    let stage = Stage::new().await;
    stage.store.add_import(import(&stage, 1, 4, 0)).await.unwrap();
    let first = chunk(&stage, 1, 0, 2, 4);
    let (a, b) = tokio::join!(stage.store.advance(first.clone()), stage.store.advance(first.clone()));
    assert!(a.is_ok() && b.is_ok());
    stage.store.advance(first).await.unwrap();
    let now = row(&stage, 1).await;
    assert_eq!((now.dispatched, now.cursor, now.open_jobs, now.remaining), (2, 22, 2, 4));
    assert_eq!(stage.store.undispatched().await.unwrap().len(), 1);
    // One that skips items is as wrong as one that repeats them.
    stage.store.advance(chunk(&stage, 1, 3, 4, 4)).await.unwrap();
    assert_eq!(row(&stage, 1).await.dispatched, 2);
    stage.store.advance(chunk(&stage, 1, 2, 4, 4)).await.unwrap();
    assert_eq!(row(&stage, 1).await.dispatched, 4);
    assert!(stage.store.undispatched().await.unwrap().is_empty());
    assert_eq!(stage.rows().await.len(), 4);
}

#[tokio::test]
async fn an_import_of_nothing_that_can_run_is_complete_at_once() {
    let stage = Stage::new().await;
    stage.store.add_import(import(&stage, 1, 0, 0)).await.unwrap();
    stage.store.add_import(import(&stage, 2, 3, 3)).await.unwrap();
    for id in [1, 2] {
        let now = row(&stage, id).await;
        assert_eq!((now.state, now.remaining), (ImportState::Completed, 0));
    }
    assert_eq!(stage.store.pulse().borrow().imports, 0);
}

#[tokio::test]
async fn a_broken_list_ends_the_import_and_its_jobs_still_count() {
    let stage = Stage::new().await;
    stage.store.add_import(import(&stage, 1, 4, 1)).await.unwrap();
    stage.store.advance(chunk(&stage, 1, 0, 2, 4)).await.unwrap();
    let claimed = stage.claim(1).await;
    stage.store.break_import(1, "line 3 is not JSON".into(), stage.now).await.unwrap();
    stage.store.break_import(1, "again".into(), stage.now).await.unwrap();
    stage.store.advance(chunk(&stage, 1, 2, 4, 4)).await.unwrap();
    stage.settle(&claimed[0], &done()).await;
    let now = row(&stage, 1).await;
    assert_eq!((now.state, now.error.as_deref()), (ImportState::Failed, Some("line 3 is not JSON")));
    assert_eq!((now.done, now.invalid, now.remaining, now.open_jobs), (1, 1, 2, 1));
}

#[tokio::test]
async fn stops_and_retries_of_jobs_leave_the_account_alone() {
    let mut stage = Stage::new().await;
    let id = start(&stage, 1).await;
    for outcome in [Outcome::Stopped, failed(Class::Deferred), failed(Class::Transient)] {
        let claimed = stage.claim_one().await;
        stage.settle(&claimed, &outcome).await;
        stage.pass(2_000);
        let now = row(&stage, id).await;
        assert_eq!((now.remaining, now.open_jobs, now.state), (1, 1, ImportState::Processing));
    }
    stage.claim_one().await;
    stage.die().await;
    assert_eq!(row(&stage, id).await.open_jobs, 1);
}

#[tokio::test]
async fn the_number_of_an_import_is_taken_once() {
    let stage = Stage::new().await;
    let two =
        tokio::join!(stage.store.add_import(import(&stage, 1, 1, 0)), stage.store.add_import(import(&stage, 1, 1, 0)));
    assert!(matches!(two, (Ok(1), Err(_))), "{two:?}");
    assert_eq!(stage.store.next_import().await.unwrap(), 2);
    assert_eq!(stage.store.imports(None, 10).await.unwrap().len(), 1);
    stage.assert_sound().await;
}

#[tokio::test]
async fn what_exists_is_skipped_where_that_is_asked() {
    let stage = Stage::new().await;
    let id = start(&stage, 2).await;
    for claimed in stage.claim(2).await {
        let mut end = stage.end(&claimed.facts, &done());
        end.publication = Some(publication(claimed.facts.running.lease));
        stage.store.settle(end).await.unwrap();
    }
    assert_eq!(row(&stage, id).await.done, 2);
    let again = stage.store.next_import().await.unwrap();
    let new = NewImport { existing: Existing::Skip, ..import(&stage, again, 3, 0) };
    stage.store.add_import(new).await.unwrap();
    let mut all = chunk(&stage, again, 0, 3, 3);
    for (job, source) in all.jobs.iter_mut().zip([format!("{id}/0"), "new".into(), format!("{id}/1")]) {
        job.about = About::source(&source);
    }
    stage.store.advance(all).await.unwrap();
    let now = row(&stage, again).await;
    assert_eq!((now.skipped, now.remaining, now.dispatched, now.open_jobs), (2, 1, 3, 1));
    let claimed = stage.claim_one().await;
    assert_eq!(claimed.facts.about.source, "new");
    stage.settle(&claimed, &done()).await;
    let now = row(&stage, again).await;
    assert_eq!((now.done, now.skipped, now.state), (1, 2, ImportState::Completed));
}

#[tokio::test]
async fn what_follows_an_import_is_queued_once_when_it_is_done() {
    let stage = Stage::new().await;
    let id = stage.store.next_import().await.unwrap();
    let then = Then {
        kind: "text".into(),
        queue: "text".into(),
        payload: serde_json::json!({ "all": true }),
        max_attempts: 2,
    };
    let new = NewImport { then: Some(then), ..import(&stage, id, 2, 0) };
    stage.store.add_import(new).await.unwrap();
    stage.store.advance(chunk(&stage, id, 0, 2, 2)).await.unwrap();
    let claimed = stage.claim(2).await;
    stage.settle(&claimed[0], &done()).await;
    assert_eq!(row(&stage, id).await.then_id, None);
    stage.settle(&claimed[1], &failed(Class::Permanent)).await;
    let then_id = row(&stage, id).await.then_id.unwrap();
    let follower = stage.store.job(then_id).await.unwrap().unwrap();
    assert_eq!((follower.kind.as_str(), follower.import_id, follower.max_attempts), ("text", None, 2));
    assert_eq!(follower.source, format!("import:{id}"));
    assert_eq!(stage.store.job_documents(then_id).await.unwrap().unwrap().0, r#"{"all":true}"#);
    let again = retry(claimed[1].facts.running.id, State::Failed, stage.now).unwrap();
    stage.store.turn(vec![again], stage.now).await.unwrap();
    for claimed in stage.claim(9).await {
        stage.settle(&claimed, &done()).await;
    }
    let now = row(&stage, id).await;
    assert_eq!((now.state, now.done, now.then_id), (ImportState::Completed, 2, Some(then_id)));
    assert_eq!(stage.rows().await.len(), 3, "it follows once");
}

#[tokio::test]
async fn failed_items_are_told_page_by_page() {
    let stage = Stage::new().await;
    let id = start(&stage, 5).await;
    for (at, claimed) in stage.claim(5).await.iter().enumerate() {
        stage.settle(claimed, &if at % 2 == 0 { failed(Class::Permanent) } else { done() }).await;
    }
    let first = stage.store.failed_items(id, (-1, 0), 2).await.unwrap();
    assert_eq!(first.iter().map(|failed| failed.item).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(
        (first[0].class, first[0].message.as_str(), first[0].source.as_str()),
        (Class::Permanent, "told so", "1/0")
    );
    let last = &first[1];
    let rest = stage.store.failed_items(id, (last.item, last.job), 2).await.unwrap();
    assert_eq!(rest.iter().map(|failed| failed.item).collect::<Vec<_>>(), [4]);
}
