//! What a job is when it has just been accepted.

use super::import::{chunk, listed};
use super::stage::{Stage, job};
use capstan::rules::time::{Millis, Timestamp};
use capstan::store::job::{About, NewJob};
use capstan::store::settle::Applied;

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

#[tokio::test]
async fn jobs_of_a_chunk_are_written_as_they_were_made() {
    let stage = Stage::new().await;
    let id = listed(&stage, 6, 0).await;
    let mut odd = chunk(&stage, id, 0, 3, 6);
    for (at, job) in odd.jobs.iter_mut().enumerate() {
        let text = format!("[\"{at}\", '\\u0041\n],\u{1F980}");
        job.about = About {
            title: text.clone(),
            tags: vec![text.clone(), String::new()],
            ..About::source(format!("https://{at}.example/{text}"))
        };
        (job.payload, job.key) = (serde_json::json!({ "text": text }).to_string(), Some(format!("{at},\"")));
        (job.priority, job.max_attempts, job.queue) = (-3, 7, "q\"".to_owned());
    }
    odd.jobs[2].run_at = stage.now.after(Millis(5));
    // Jobs that are not alike: each is written as a whole.
    let mut unlike = chunk(&stage, id, 3, 6, 6);
    (unlike.jobs[0].priority, unlike.jobs[1].deadline) = (5, Some(stage.now.after(Millis(9))));
    let made: Vec<NewJob> = odd.jobs.iter().chain(&unlike.jobs).cloned().collect();
    for chunk in [odd, unlike] {
        assert_eq!(stage.store.advance(chunk).await.unwrap(), Applied::Yes);
    }
    for (id, job) in (1..).zip(&made) {
        let mut row = stage.store.job(id).await.unwrap().unwrap();
        let mut said = job.accepted(id);
        // Whether a key lets it in is the store's to say.
        (row.wait, said.wait) = (None, None);
        assert_eq!(row, said);
    }
    let claimed = stage.claim(9).await;
    let payload = |id: i64| claimed.iter().find(|one| one.facts.running.id == id).map(|one| one.payload.clone());
    assert_eq!(payload(1).as_ref(), Some(&made[0].payload));
    assert_eq!(payload(4).as_ref(), Some(&made[3].payload));
    assert_eq!(payload(3), None);
    stage.assert_sound().await;
}
