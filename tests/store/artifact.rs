//! What was published is listed once, and the current generation never moves back.

use super::stage::{Stage, done, failed, publication};
use capstan::rules::attempt::Class;
use capstan::rules::job::{State, retry};
use capstan::store::artifact::{ArtifactFilter, ArtifactRow, PublishedFile};
use capstan::store::settle::Applied;

async fn artifacts(stage: &Stage, filter: ArtifactFilter) -> Vec<ArtifactRow> {
    stage.store.artifacts(&ArtifactFilter { limit: 100, ..filter }).await.unwrap()
}

#[tokio::test]
async fn a_publication_is_listed_with_its_source_and_its_path() {
    let stage = Stage::new().await;
    let id = stage.add("page", "file:///a%20b").await;
    let claimed = stage.claim_one().await;
    let lease = claimed.facts.running.lease;
    let mut end = stage.end(&claimed.facts, &done());
    let mut published = publication(lease);
    published.title = "A title".into();
    end.publication = Some(published);
    assert!(artifacts(&stage, ArtifactFilter::default()).await.is_empty());
    stage.store.settle(end).await.unwrap();
    let row = artifacts(&stage, ArtifactFilter::default()).await.remove(0);
    assert_eq!((row.job_id, row.generation, row.bytes), (id, lease, 3));
    assert_eq!((row.source.as_str(), row.title.as_str()), ("file:///a%20b", "A title"));
    assert_eq!((row.path, row.media_type.as_str()), (format!("artifacts/g{lease}/out.md"), "text/markdown"));
    assert_eq!(stage.store.generations().await.unwrap(), [(lease, format!("artifacts/g{lease}"))]);
    stage.assert_sound().await;
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let stage = Stage::new().await;
    for subject in ["a", "b", "c"] {
        stage.add("page", subject).await;
    }
    for claimed in stage.claim(3).await {
        stage.publish(&claimed).await;
    }
    let all = artifacts(&stage, ArtifactFilter::default()).await;
    assert_eq!(all.len(), 3);
    let after = Some((all[0].generation, all[0].path.rsplit('/').next().unwrap().to_owned()));
    assert_eq!(artifacts(&stage, ArtifactFilter { after, ..ArtifactFilter::default() }).await, all[1..]);
    let subject = Some(all[1].subject.clone());
    assert_eq!(artifacts(&stage, ArtifactFilter { subject, ..ArtifactFilter::default() }).await, all[1..2]);
    let kind = Some("text".to_owned());
    assert_eq!(artifacts(&stage, ArtifactFilter { kind, ..ArtifactFilter::default() }).await, []);
}

#[tokio::test]
async fn a_newer_generation_takes_the_place_of_the_older_one() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        stage.add("page", "x").await;
        let claimed = stage.claim_one().await;
        stage.publish(&claimed).await;
    }
    let current = artifacts(&stage, ArtifactFilter::default()).await;
    assert_eq!(current.iter().map(|row| row.job_id).collect::<Vec<_>>(), [2]);
    assert_eq!(stage.store.generations().await.unwrap().len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_job_that_was_queued_earlier_never_supersedes_a_later_one() {
    let stage = Stage::new().await;
    let early = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &failed(Class::Permanent)).await;
    let later = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.publish(&claimed).await;
    stage.store.turn(vec![retry(early, State::Failed, stage.now).unwrap()], stage.now).await.unwrap();
    let claimed = stage.claim_one().await;
    assert_eq!((claimed.facts.running.id, stage.publish(&claimed).await), (early, Applied::Yes));
    let current = artifacts(&stage, ArtifactFilter::default()).await;
    assert_eq!(current.iter().map(|row| row.job_id).collect::<Vec<_>>(), [later]);
    // A new round of the current one does take its own place.
    assert_eq!(stage.store.generations().await.unwrap().len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_generation_of_many_files_is_published_whole_or_not_at_all() {
    let stage = Stage::new().await;
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    let lease = claimed.facts.running.lease;
    let file = |path: &str| PublishedFile { path: path.into(), ..publication(lease).files.remove(0) };
    let mut end = stage.end(&claimed.facts, &done());
    end.publication = Some(publication(lease));
    end.publication.as_mut().unwrap().files = vec![file("a"), file("b"), file("a")];
    stage.store.settle(end.clone()).await.unwrap_err();
    assert_eq!((stage.place(id).await.as_str(), stage.store.generations().await.unwrap().len()), ("running", 0));
    end.publication.as_mut().unwrap().files.pop();
    assert_eq!(stage.store.settle(end).await.unwrap(), Applied::Yes);
    assert_eq!(artifacts(&stage, ArtifactFilter::default()).await.len(), 2);
    stage.assert_sound().await;
}

#[tokio::test]
async fn subjects_are_found_by_the_beginning_of_their_id() {
    let stage = Stage::new().await;
    stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.publish(&claimed).await;
    let id = claimed.facts.about.subject.clone();
    for prefix in [&id[..4], &id, ""] {
        assert_eq!(stage.store.subjects_like(prefix).await.unwrap(), [id.as_str()]);
    }
    assert_eq!(stage.store.subjects_like("zz").await.unwrap(), Vec::<String>::new());
    assert_eq!(stage.store.about(&id).await.unwrap().map(|about| about.source).as_deref(), Some("x"));
    assert_eq!(stage.store.about("zz").await.unwrap(), None);
}
