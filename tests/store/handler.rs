//! Routes, and what becomes of jobs whose handler is disabled.

use super::stage::Stage;
use capstan::store::handler::{NewHandler, Standing};

async fn add(stage: &Stage, digest: &str, kinds: &[&str]) {
    let new = NewHandler {
        digest: digest.into(),
        name: "h".into(),
        version: "1".into(),
        description: "{}".into(),
        origin: "added",
        bytes: 1,
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        standing: Standing::Ready,
        now: stage.now,
    };
    stage.store.add_handler(new).await.unwrap();
}

async fn routes(stage: &Stage) -> Vec<(String, String, Option<String>)> {
    let rows = stage.store.routes().await.unwrap();
    rows.into_iter().map(|row| (row.kind, row.digest, row.previous)).collect()
}

fn route(kind: &str, digest: &str, previous: Option<&str>) -> (String, String, Option<String>) {
    (kind.into(), digest.into(), previous.map(str::to_owned))
}

#[tokio::test]
async fn a_route_remembers_what_was_before_and_goes_back_to_it() {
    let stage = Stage::new().await;
    add(&stage, "d1", &["page", "text"]).await;
    add(&stage, "d2", &["page"]).await;
    let after = [route("page", "d2", Some("d1")), route("text", "d1", None)];
    assert_eq!(routes(&stage).await, after);
    // The same again is no change.
    add(&stage, "d2", &["page"]).await;
    assert_eq!(routes(&stage).await, after);
    stage.store.roll_back(vec!["page".into(), "text".into()], stage.now).await.unwrap();
    assert_eq!(routes(&stage).await, [route("page", "d1", Some("d2")), route("text", "d1", None)]);
}

#[tokio::test]
async fn jobs_of_a_disabled_handler_are_not_claimed_and_not_ready() {
    let mut stage = Stage::new().await;
    add(&stage, "d1", &["page"]).await;
    add(&stage, "d2", &["text"]).await;
    stage.store.stand("d1", Standing::Disabled).await.unwrap();
    for subject in ["a", "b"] {
        stage.add("page", subject).await;
        stage.add("text", subject).await;
    }
    let pulse = *stage.store.pulse().borrow();
    assert_eq!((pulse.ready, pulse.queued, pulse.held), (2, 4, 2));
    assert_eq!(stage.store.held_by("page").await.unwrap().as_deref(), Some("h"));
    assert_eq!(stage.store.held_by("text").await.unwrap(), None);
    let claimed = stage.claim(9).await;
    assert!(claimed.len() == 2 && claimed.iter().all(|job| job.facts.kind == "text"), "{claimed:?}");
    for job in &claimed {
        stage.settle(job, &super::stage::done()).await;
    }
    // It is on record, not only in memory.
    stage.store.stop(stage.boot, stage.now).await.unwrap();
    stage.reopen().await;
    assert!(stage.claim(9).await.is_empty());
    assert_eq!(stage.place(1).await, "ready");
    let mut pulse = stage.store.pulse();
    pulse.borrow_and_update();
    stage.store.stand("d1", Standing::Ready).await.unwrap();
    assert!(pulse.has_changed().unwrap(), "whoever claims is woken");
    assert_eq!((pulse.borrow().ready, pulse.borrow().held), (2, 0));
    assert_eq!(stage.claim(9).await.len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_kind_that_another_digest_does_is_held_no_more() {
    let stage = Stage::new().await;
    add(&stage, "d1", &["page"]).await;
    stage.store.stand("d1", Standing::Disabled).await.unwrap();
    stage.add("page", "a").await;
    add(&stage, "d2", &["page"]).await;
    assert_eq!(stage.claim(9).await.len(), 1);
}

#[tokio::test]
async fn what_runs_on_a_digest_keeps_it_on_record() {
    let stage = Stage::new().await;
    add(&stage, super::stage::DIGEST, &["page"]).await;
    add(&stage, "d2", &["page"]).await;
    stage.add("page", "a").await;
    let job = stage.claim_one().await;
    assert_eq!(stage.store.remove_handler(super::stage::DIGEST).await.unwrap(), [job.facts.running.id]);
    stage.settle(&job, &super::stage::done()).await;
    assert_eq!(stage.store.remove_handler(super::stage::DIGEST).await.unwrap(), [0; 0]);
    assert_eq!(routes(&stage).await, [route("page", "d2", None)]);
    assert_eq!(stage.store.handlers().await.unwrap().len(), 1);
    let attempts = stage.store.attempts(job.facts.running.id).await.unwrap();
    assert_eq!(attempts[0].digest.as_deref(), Some(super::stage::DIGEST));
}
