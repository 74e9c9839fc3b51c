//! What a job is when it has just been accepted.

use super::stage::{Stage, job};
use capstan::rules::time::Timestamp;
use capstan::store::job::NewJob;

#[tokio::test]
async fn what_is_foreseen_of_a_job_is_what_the_store_holds() {
    let stage = Stage::new().await;
    let plain = job("page", "a", stage.now);
    let mut about = plain.about.clone();
    (about.title, about.tags) = ("A title".to_owned(), vec!["one".to_owned(), "two".to_owned()]);
    let later = Timestamp(stage.now.0 + 5_000);
    let jobs = [
        plain.clone(),
        NewJob { about, priority: -7, queue: "other".to_owned(), max_attempts: 9, ..plain.clone() },
        NewJob { run_at: later, deadline: Some(Timestamp(later.0 + 1)), ..plain.clone() },
        NewJob { parent: Some((1, 1)), item: Some((4, 2)), ..plain.clone() },
        NewJob { run_at: later, key: Some("shared".to_owned()), ..plain },
    ];
    for (id, new) in (1..).zip(jobs) {
        let foreseen = new.accepted(id);
        assert_eq!(stage.store.add(vec![new]).await.unwrap(), [id]);
        assert_eq!(stage.store.job(id).await.unwrap().unwrap(), foreseen);
    }
}
