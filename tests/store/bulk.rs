//! Bulk operations in the store: the frozen set, steps, and what they count.

use super::stage::{Stage, done, failed, job};
use capstan::rules::attempt::Class;
use capstan::rules::bulk::{Account, BulkState};
use capstan::rules::job::State;
use capstan::rules::time::{Millis, Timestamp};
use capstan::store::bulk::{BulkRow, BulkStep, NewBulk, Newest, Stepped, What};
use capstan::store::failure::FailureFilter;
use capstan::store::job::{JobFilter, NewJob};

fn retry() -> What {
    What::Retry { jobs: JobFilter::default() }
}

fn cancel() -> What {
    What::Cancel { jobs: JobFilter::default() }
}

async fn freeze(stage: &Stage, what: What) -> BulkRow {
    let id = stage.store.freeze(NewBulk { what, by: "a test".into(), now: stage.now }).await.unwrap();
    row(stage, id.unwrap()).await
}

async fn row(stage: &Stage, id: i64) -> BulkRow {
    stage.store.bulk(id).await.unwrap().unwrap()
}

async fn step_from(stage: &Stage, id: i64, cursor: i64, chunk: u32) -> Option<Stepped> {
    let step = BulkStep { id, cursor, chunk, worked: Millis(3), now: stage.now };
    let stepped = stage.store.step(step).await.unwrap();
    stage.assert_sound().await;
    stepped
}

async fn step(stage: &Stage, id: i64, chunk: u32) -> Option<Stepped> {
    step_from(stage, id, row(stage, id).await.cursor, chunk).await
}

/// So many jobs that failed.
async fn failures(stage: &Stage, many: usize) {
    let jobs = (0..many).map(|n| job("page", &format!("s{n}"), stage.now)).collect();
    stage.store.add(jobs).await.unwrap();
    loop {
        let claimed = stage.claim(1_000).await;
        if claimed.is_empty() {
            break;
        }
        for each in claimed {
            stage.settle(&each, &failed(Class::Permanent)).await;
        }
    }
}

fn account(row: &BulkRow) -> (u64, u64, u64, u64) {
    let Account { total, done, stale } = row.account;
    (total, done, stale, row.remaining)
}

#[tokio::test]
async fn each_of_the_frozen_set_gets_one_new_round_and_nobody_else_does() {
    let stage = Stage::new().await;
    failures(&stage, 5).await;
    let bulk = freeze(&stage, retry()).await;
    assert_eq!((account(&bulk), bulk.state, bulk.by.as_str()), ((5, 0, 0, 5), BulkState::Running, "a test"));
    assert_eq!(stage.store.pulse().borrow().bulks, 1);
    // It fails after the set was frozen.
    failures(&stage, 1).await;
    let stepped = step(&stage, bulk.id, 2).await.unwrap();
    assert_eq!(stepped, Stepped { asked: Vec::new(), targets: 2 });
    let after = row(&stage, bulk.id).await;
    assert_eq!((account(&after), after.cursor, after.finished_at), ((5, 2, 0, 3), 2, None));
    step(&stage, bulk.id, 2).await;
    step(&stage, bulk.id, 2).await;
    let over = row(&stage, bulk.id).await;
    assert_eq!((account(&over), over.state, over.finished_at), ((5, 5, 0, 0), BulkState::Completed, Some(stage.now)));
    assert_eq!((over.worked, over.left), (Millis(9), None));
    let rounds: Vec<u32> = stage.rows().await.iter().map(|row| row.round).collect();
    assert_eq!(rounds, [2, 2, 2, 2, 2, 1]);
    assert_eq!(step(&stage, bulk.id, 2).await, None);
    assert_eq!(stage.store.pulse().borrow().bulks, 0);
}

#[tokio::test]
async fn a_step_that_is_given_twice_does_nothing_the_second_time() {
    let stage = Stage::new().await;
    failures(&stage, 4).await;
    let bulk = freeze(&stage, retry()).await;
    assert!(step_from(&stage, bulk.id, 0, 3).await.is_some());
    assert_eq!(step_from(&stage, bulk.id, 0, 3).await, None);
    assert_eq!(account(&row(&stage, bulk.id).await), (4, 3, 0, 1));
    assert_eq!(step_from(&stage, 99, 0, 3).await, None);
}

#[tokio::test]
async fn what_is_no_longer_fit_is_stale_and_left_as_it_is() {
    let stage = Stage::new().await;
    failures(&stage, 3).await;
    let bulk = freeze(&stage, retry()).await;
    // One is given a new round by somebody else, and fails again; one waits in its new round.
    let again = |id| capstan::rules::job::retry(id, State::Failed, stage.now).unwrap();
    stage.store.turn(vec![again(1)], stage.now).await.unwrap();
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &failed(Class::Permanent)).await;
    stage.store.turn(vec![again(2)], stage.now).await.unwrap();
    step(&stage, bulk.id, 10).await;
    assert_eq!(account(&row(&stage, bulk.id).await), (3, 1, 2, 0));
    let rows = stage.rows().await;
    let said: Vec<(State, u32)> = rows.iter().map(|row| (row.state, row.round)).collect();
    assert_eq!(said, [(State::Failed, 2), (State::Queued, 2), (State::Queued, 2)]);
}

#[tokio::test]
async fn nothing_that_matches_makes_no_operation() {
    let stage = Stage::new().await;
    stage.add("page", "x").await;
    let new = NewBulk { what: retry(), by: "a test".into(), now: stage.now };
    assert_eq!(stage.store.freeze(new).await.unwrap(), None);
    assert_eq!(stage.store.bulks(None, 10).await.unwrap(), []);
    assert_eq!(stage.store.pulse().borrow().bulks, 0);
    stage.assert_sound().await;
}

#[tokio::test]
async fn jobs_that_run_are_asked_to_end_and_counted_when_they_have() {
    let mut stage = Stage::new().await;
    for n in 0..4 {
        stage.add("page", &format!("s{n}")).await;
    }
    let claimed = stage.claim(3).await;
    let bulk = freeze(&stage, cancel()).await;
    let stepped = step(&stage, bulk.id, 10).await.unwrap();
    assert_eq!(stepped, Stepped { asked: vec![1, 2, 3], targets: 4 });
    assert_eq!(account(&row(&stage, bulk.id).await), (4, 1, 0, 3));
    let asked = stage.row(1).await;
    assert_eq!((asked.state, asked.cancel_by.as_deref()), (State::Running, Some("a test, operation 1")));
    assert_eq!(stage.row(4).await.error.unwrap().message, "cancelled by a test, operation 1");
    assert_eq!(stage.store.asked(bulk.id).await.unwrap(), (vec![1, 2, 3], 0));
    // One completes, one had failed by itself, one is lost with the host.
    stage.settle(&claimed[0], &done()).await;
    stage.settle(&claimed[1], &failed(Class::Transient)).await;
    assert_eq!(stage.store.asked(bulk.id).await.unwrap(), (vec![3], 2));
    stage.die().await;
    step(&stage, bulk.id, 10).await;
    let over = row(&stage, bulk.id).await;
    assert_eq!((account(&over), over.state), ((4, 3, 1, 0), BulkState::Completed));
    let states: Vec<State> = stage.rows().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Completed, State::Cancelled, State::Cancelled, State::Cancelled]);
}

#[tokio::test]
async fn an_operation_that_is_cancelled_lets_go_of_the_rest_and_counts_those_that_it_asked() {
    let stage = Stage::new().await;
    for n in 0..6 {
        stage.add("page", &format!("s{n}")).await;
    }
    let running = stage.claim_one().await;
    let bulk = freeze(&stage, cancel()).await;
    step(&stage, bulk.id, 3).await;
    stage.store.cancel_bulk(bulk.id, "another".into(), stage.now).await.unwrap();
    stage.assert_sound().await;
    let halted = row(&stage, bulk.id).await;
    assert_eq!((account(&halted), halted.state, halted.is_over()), ((6, 2, 0, 4), BulkState::Cancelled, false));
    assert_eq!(halted.cancelled_by.as_deref(), Some("another"));
    let mut end = stage.end(&running.facts, &failed(Class::Cancelled));
    end.attempt.outcome = "cancelled";
    stage.store.settle(end).await.unwrap();
    step(&stage, bulk.id, 3).await;
    let over = row(&stage, bulk.id).await;
    assert_eq!((account(&over), over.state, over.is_over()), ((6, 3, 0, 3), BulkState::Cancelled, true));
    // Whoever says it again changes nothing.
    stage.store.cancel_bulk(bulk.id, "a third".into(), Timestamp(0)).await.unwrap();
    assert_eq!(row(&stage, bulk.id).await, over);
    assert_eq!(stage.place(6).await, "ready");
}

#[tokio::test]
async fn a_priority_is_given_to_queued_jobs_wherever_they_wait() {
    let stage = Stage::new().await;
    let mut later = job("page", "later", stage.now);
    later.run_at = stage.now.after(Millis(500));
    let keyed = |n: usize| NewJob { key: Some("k".into()), ..job("page", &format!("k{n}"), stage.now) };
    let jobs = [later].into_iter().chain((0..6).map(keyed)).chain([job("page", "x", stage.now)]).collect();
    stage.store.add(jobs).await.unwrap();
    let running = stage.claim_one().await;
    let what = What::Prioritise { jobs: JobFilter::default(), priority: -7 };
    let bulk = freeze(&stage, what).await;
    step(&stage, bulk.id, 100).await;
    assert_eq!(account(&row(&stage, bulk.id).await), (7, 7, 0, 0));
    for job in stage.rows().await {
        assert_eq!(job.priority, if job.id == running.facts.running.id { 0 } else { -7 }, "{job:?}");
    }
}

#[tokio::test]
async fn failures_are_resubmitted_or_taken_note_of_as_long_as_nobody_resolved_them() {
    let stage = Stage::new().await;
    failures(&stage, 6).await;
    let text = |stage: &Stage, message: &str| {
        let filter = FailureFilter { message: Some(message.to_owned()), ..FailureFilter::default() };
        (What::Resubmit { failures: filter.clone() }, What::Delete { failures: filter }, stage.now)
    };
    let (resubmit, delete, now) = text(&stage, "TOLD");
    assert_eq!(stage.store.matching(&text(&stage, "nothing of the kind").0, 3).await.unwrap().0, 0);
    let (many, newest) = stage.store.matching(&resubmit, 2).await.unwrap();
    let Newest::Failures(newest) = newest else { panic!("{newest:?}") };
    assert_eq!((many, newest.iter().map(|failure| failure.job_id).collect::<Vec<_>>()), (6, vec![6, 5]));
    let first = freeze(&stage, delete).await;
    let second = freeze(&stage, resubmit).await;
    // One is resolved before either has its turn.
    stage.store.delete_failures(vec![1], "somebody".into(), now).await.unwrap();
    step(&stage, first.id, 3).await;
    step(&stage, second.id, 100).await;
    step(&stage, first.id, 100).await;
    assert_eq!(account(&row(&stage, first.id).await), (6, 2, 4, 0));
    assert_eq!(account(&row(&stage, second.id).await), (6, 3, 3, 0));
    let states: Vec<State> = stage.rows().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [[State::Failed; 3], [State::Queued; 3]].concat());
    let said = async |id| {
        let failure = stage.store.failure(id).await.unwrap().unwrap();
        (failure.resolution.map(|resolution| resolution.name()), failure.resolved_by.unwrap_or_default())
    };
    assert_eq!(said(1).await, (Some("deleted"), "somebody".to_owned()));
    assert_eq!(said(2).await, (Some("deleted"), "a test, operation 1".to_owned()));
    assert_eq!(said(6).await, (Some("resubmitted"), "a test, operation 2".to_owned()));
    assert_eq!(stage.store.unresolved().await.unwrap().unresolved, 0);
}

/// What a filter freezes, by the lists that the same filter gives.
#[tokio::test]
async fn a_filter_freezes_what_a_list_of_it_shows() {
    let mut stage = Stage::new().await;
    for n in 0..12 {
        let mut new = job(if n % 2 == 0 { "page" } else { "text" }, &format!("s{n}"), stage.now);
        new.queue = ["one", "two", "three"][n % 3].into();
        new.about.tags = if n % 4 == 0 { vec!["a \"b\"".into(), "c".into()] } else { Vec::new() };
        new.key = (n % 5 == 0).then(|| "k".into());
        new.item = (n % 3 == 0).then_some((1, n as i64));
        stage.store.add(vec![new]).await.unwrap();
        stage.pass(10);
    }
    for class in [Class::Permanent, Class::Trap, Class::Permanent] {
        let claimed = stage.claim_one().await;
        stage.settle(&claimed, &failed(class)).await;
    }
    let claimed = stage.claim_one().await;
    let some = |text: &str| Some(text.to_owned());
    let subject = stage.row(7).await.subject;
    let all = JobFilter { limit: 100, ..JobFilter::default() };
    for filter in [
        all.clone(),
        JobFilter { kind: some("text"), ..all.clone() },
        JobFilter { queue: some("two"), ..all.clone() },
        JobFilter { import: Some(1), ..all.clone() },
        JobFilter { import: Some(1), kind: some("page"), ..all.clone() },
        JobFilter { import: Some(2), ..all.clone() },
        JobFilter { subject: Some(subject), ..all.clone() },
        JobFilter { tag: some("a \"b\""), ..all.clone() },
        JobFilter { tag: some("b"), ..all.clone() },
        JobFilter { since: Some(Timestamp(stage.now.0 - 60)), ..all.clone() },
        JobFilter { before: Some(5), ..all.clone() },
        JobFilter { class: Some(Class::Trap), ..all.clone() },
        JobFilter { message: some("TOLD s"), ..all.clone() },
        JobFilter { message: some("100 %_"), ..all.clone() },
        JobFilter { state: Some(State::Queued), kind: some("page"), ..all.clone() },
        JobFilter { state: Some(State::Running), ..all.clone() },
        JobFilter { state: Some(State::Failed), tag: some("c"), ..all.clone() },
        JobFilter { state: Some(State::Completed), ..all.clone() },
    ] {
        let listed = stage.store.jobs(&filter).await.unwrap();
        for what in [
            What::Cancel { jobs: filter.clone() },
            What::Retry { jobs: filter.clone() },
            What::Prioritise { jobs: filter.clone(), priority: 1 },
        ] {
            let fit = listed.iter().filter(|job| what.act().states().contains(&job.state));
            let wanted: Vec<i64> = fit.map(|job| job.id).collect();
            let (many, newest) = stage.store.matching(&what, 3).await.unwrap();
            let Newest::Jobs(newest) = newest else { panic!("{newest:?}") };
            let newest: Vec<i64> = newest.iter().map(|job| job.id).collect();
            assert_eq!(many, wanted.len() as u64, "{what:?}");
            assert_eq!(newest, wanted.iter().copied().take(3).collect::<Vec<_>>(), "{what:?}");
            let new = NewBulk { what: what.clone(), by: "a test".into(), now: stage.now };
            let frozen = stage.store.freeze(new).await.unwrap();
            let row = frozen.map(async |id| row(&stage, id).await.account.total);
            let total = match row {
                Some(total) => total.await,
                None => 0,
            };
            assert_eq!(total, many, "{what:?}");
        }
    }
    assert_eq!(stage.row(claimed.facts.running.id).await.cancel_by, None);
    stage.assert_sound().await;
}

#[tokio::test]
async fn what_is_open_is_known_again_after_a_death_and_goes_on_from_its_cursor() {
    let mut stage = Stage::new().await;
    failures(&stage, 4).await;
    let bulk = freeze(&stage, retry()).await;
    step(&stage, bulk.id, 3).await;
    stage.die().await;
    assert_eq!(stage.store.pulse().borrow().bulks, 1);
    let open = stage.store.open_bulks().await.unwrap();
    assert_eq!(open, [row(&stage, bulk.id).await]);
    step(&stage, bulk.id, 3).await;
    assert_eq!(account(&row(&stage, bulk.id).await), (4, 4, 0, 0));
    assert_eq!(stage.store.open_bulks().await.unwrap(), []);
}

/// A bound on commits, each of which has a fixed number of statements; time is for the bench.
#[tokio::test]
async fn ten_thousand_take_a_commit_for_the_set_and_one_for_each_step() {
    let stage = Stage::new().await;
    let many = 10_000;
    let jobs = (0..many).map(|n| job("page", &format!("s{n}"), stage.now)).collect();
    stage.store.add(jobs).await.unwrap();
    let before = stage.store.pulse().borrow().commits;
    let bulk = freeze(&stage, cancel()).await;
    let mut cursor = 0;
    for _ in 0..many / 1_000 {
        let step = BulkStep { id: bulk.id, cursor, chunk: 1_000, worked: Millis(0), now: stage.now };
        stage.store.step(step).await.unwrap().unwrap();
        cursor = row(&stage, bulk.id).await.cursor;
    }
    assert_eq!(account(&row(&stage, bulk.id).await), (many, many, 0, 0));
    assert_eq!(stage.store.pulse().borrow().commits - before, 1 + many / 1_000);
    stage.assert_sound().await;
}

#[tokio::test]
async fn an_account_that_does_not_add_up_is_found() {
    let stage = Stage::new().await;
    failures(&stage, 2).await;
    let bulk = freeze(&stage, retry()).await;
    stage.behind_its_back("DELETE FROM bulk_item WHERE target = 2").await;
    let found = stage.store.check().await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].check, "operations add up");
    assert_eq!(found[0].what, format!("operation {} running: total 2, done 0, stale 0, left 1", bulk.id));
}
