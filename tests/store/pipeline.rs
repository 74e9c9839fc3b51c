//! Kinds that follow are queued in the commit of what they follow.

use super::stage::{DIGEST, Stage, done, failed, publication, text_follows, unchanged};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::job::State;
use capstan::store::claim::Claimed;
use capstan::store::job::JobRow;

/// Claim the page, end it so, and return what was queued behind it.
async fn follow(stage: &Stage, outcome: &Outcome, publishes: bool, digest: &str) -> Option<JobRow> {
    stage.add("page", "x").await;
    let before = stage.rows().await.len();
    let page = stage.claim_one().await;
    let mut end = stage.end(&page.facts, outcome);
    end.publication = publishes.then(|| publication(page.facts.running.lease));
    end.follow = text_follows();
    end.follow[0].digest = Some(digest.into());
    stage.store.settle(end).await.unwrap();
    stage.assert_sound().await;
    stage.rows().await.into_iter().nth(before)
}

/// Run the text that waits, and publish it.
async fn run_text(stage: &Stage) -> Claimed {
    let text = stage.claim_one().await;
    assert_eq!(text.facts.kind, "text");
    stage.publish(&text).await;
    text
}

#[tokio::test]
async fn what_follows_is_about_the_same_subject_and_knows_its_parent() {
    let stage = Stage::new().await;
    let text = follow(&stage, &done(), true, DIGEST).await.unwrap();
    let page = stage.row(1).await;
    assert_eq!((text.kind.as_str(), text.state, text.parent_id), ("text", State::Queued, Some(1)));
    assert_eq!((text.subject, text.source, text.priority), (page.subject, page.source, page.priority));
    assert_eq!(run_text(&stage).await.facts.depth, 1);
}

#[tokio::test]
async fn nothing_follows_what_did_not_complete() {
    for outcome in [failed(Class::Permanent), failed(Class::Transient), failed(Class::Cancelled), Outcome::Stopped] {
        let stage = Stage::new().await;
        assert_eq!(follow(&stage, &outcome, false, DIGEST).await, None, "{outcome:?}");
    }
}

#[tokio::test]
async fn unchanged_is_followed_only_where_something_is_out_of_date() {
    let stage = Stage::new().await;
    assert!(follow(&stage, &done(), true, DIGEST).await.is_some());
    run_text(&stage).await;
    assert_eq!(follow(&stage, &unchanged(), false, DIGEST).await, None);
    // Another handler would make something else of it.
    assert!(follow(&stage, &unchanged(), false, "d2").await.is_some());
    run_text(&stage).await;
    // New inputs, although the follower found nothing to do the last time.
    assert!(follow(&stage, &done(), true, DIGEST).await.is_some());
    let text = stage.claim_one().await;
    stage.settle(&text, &unchanged()).await;
    assert!(follow(&stage, &unchanged(), false, DIGEST).await.is_some());
}

#[tokio::test]
async fn unchanged_is_followed_by_what_was_never_made() {
    let stage = Stage::new().await;
    assert!(follow(&stage, &done(), true, DIGEST).await.is_some());
    let text = stage.claim_one().await;
    stage.settle(&text, &failed(Class::Permanent)).await;
    assert!(follow(&stage, &unchanged(), false, DIGEST).await.is_some());
}
