//! Checkpoints and progress: written under the lease, thrown away with the job.

use super::stage::{Stage, done, failed};
use capstan::rules::attempt::Class;
use capstan::rules::checkpoint::Checkpoint;
use capstan::rules::progress::Progress;
use capstan::store::checkpoint::NewCheckpoint;
use capstan::store::claim::Claimed;
use capstan::store::progress::Said;
use capstan::store::settle::Applied;

fn checkpoint(bytes: &[u8]) -> Checkpoint {
    Checkpoint { handler: "h".into(), digest: "d1".into(), format: "f".into(), bytes: bytes.into() }
}

async fn keep(stage: &Stage, claimed: &Claimed, bytes: &[u8]) -> Applied {
    let (job, lease) = (claimed.facts.running.id, claimed.facts.running.lease);
    let new = NewCheckpoint { job, lease, checkpoint: checkpoint(bytes), now: stage.now };
    stage.store.save_checkpoint(new).await.unwrap()
}

#[tokio::test]
async fn the_last_one_counts_until_the_job_completes() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "a").await;
    let claimed = stage.claim_one().await;
    assert_eq!(stage.store.checkpoint(id).await.unwrap(), None);
    for bytes in [&[0_u8, 255][..], &[], &[1; 100_000]] {
        assert_eq!(keep(&stage, &claimed, bytes).await, Applied::Yes);
        assert_eq!(stage.store.checkpoint(id).await.unwrap(), Some(checkpoint(bytes)));
    }
    stage.settle(&claimed, &failed(Class::Transient)).await;
    assert_eq!(keep(&stage, &claimed, b"late").await, Applied::Stale);
    stage.reopen().await;
    stage.pass(2_000);
    assert_eq!(stage.store.checkpoint(id).await.unwrap(), Some(checkpoint(&[1; 100_000])));
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &done()).await;
    assert_eq!(stage.store.checkpoint(id).await.unwrap(), None);
    stage.assert_sound().await;
}

#[tokio::test]
async fn the_checkpoints_of_others_stay() {
    let stage = Stage::new().await;
    let (a, b) = (stage.add("page", "a").await, stage.add("page", "b").await);
    let claimed = stage.claim(2).await;
    for one in &claimed {
        keep(&stage, one, b"x").await;
    }
    stage.settle(&claimed[0], &done()).await;
    assert_eq!(stage.store.checkpoint(a).await.unwrap(), None);
    assert!(stage.store.checkpoint(b).await.unwrap().is_some());
    stage.settle(&claimed[1], &done()).await;
    assert_eq!(stage.store.checkpoint(b).await.unwrap(), None);
    stage.assert_sound().await;
}

#[tokio::test]
async fn doctor_finds_a_checkpoint_that_nobody_needs() {
    let stage = Stage::new().await;
    stage.add("page", "a").await;
    let claimed = stage.claim_one().await;
    keep(&stage, &claimed, b"x").await;
    stage.assert_sound().await;
    stage.behind_its_back("INSERT INTO checkpoint VALUES (99, 'h', 'f', 'd', x'00', 0)").await;
    let found = stage.store.check().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, "job 99 has a checkpoint and is unknown");
}

#[tokio::test]
async fn progress_is_heard_from_the_attempt_that_runs() {
    let mut stage = Stage::new().await;
    let id = stage.add("page", "a").await;
    let claimed = stage.claim_one().await;
    let far = |done| Progress::new(done, 3, "on its way");
    let said = |lease, done| vec![Said { job: id, lease, progress: far(done) }];
    let lease = claimed.facts.running.lease;
    stage.store.progress(said(lease, 1)).await.unwrap();
    stage.store.progress(said(lease + 1, 2)).await.unwrap();
    assert_eq!(stage.row(id).await.progress, Some(far(1)));
    let mut end = stage.end(&claimed.facts, &failed(Class::Transient));
    end.progress = Some(far(3));
    stage.store.settle(end).await.unwrap();
    stage.store.progress(said(lease, 2)).await.unwrap();
    assert_eq!(stage.row(id).await.progress, Some(far(3)));
    stage.pass(2_000);
    let claimed = stage.claim_one().await;
    assert_eq!(stage.row(id).await.progress, None);
    stage.settle(&claimed, &done()).await;
    assert_eq!(stage.row(id).await.progress, None);
}
