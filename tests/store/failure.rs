//! The failure log: an entry for each round that failed, resolved by what happens next.

use super::stage::{Stage, done, failed, job, unchanged};
use capstan::rules::attempt::{Class, Fault, Outcome};
use capstan::rules::failure::{KEEP, Resolution, Traits, fingerprint};
use capstan::rules::job::{State, retry};
use capstan::rules::time::Timestamp;
use capstan::store::claim::Claimed;
use capstan::store::failure::{FailureFilter, FailureRow, Unresolved, Which};
use capstan::store::job::NewJob;
use capstan::store::settle::{Applied, Settlement};

/// What matters of an entry: job, round, class, how it was resolved and by whom.
type Entry = (i64, u32, Class, Option<Resolution>, Option<String>);

fn entry(failure: &FailureRow) -> Entry {
    (failure.job_id, failure.round, failure.class, failure.resolution, failure.resolved_by.clone())
}

async fn entries(stage: &Stage) -> Vec<Entry> {
    stage.failures().await.iter().map(entry).collect()
}

fn says(class: Class, message: &str) -> Outcome {
    Outcome::Failed(Fault::new(class, message))
}

/// Add a job and let it fail for good.
async fn fail(stage: &Stage, subject: &str) -> i64 {
    let id = stage.add("page", subject).await;
    fail_again(stage, id).await;
    id
}

async fn fail_again(stage: &Stage, id: i64) {
    let claimed = stage.claim_one().await;
    assert_eq!(claimed.facts.running.id, id);
    assert_eq!(stage.store.settle(with_detail(stage, &claimed)).await.unwrap(), Applied::Yes);
}

/// The end of an attempt that fails for good, with all that can be kept of it.
fn with_detail(stage: &Stage, claimed: &Claimed) -> Settlement {
    let mut end = stage.end(&claimed.facts, &says(Class::Permanent, "no page 7"));
    end.attempt.message = Some("no page 7".into());
    end.attempt.details = Some("{}".into());
    end.attempt.backtrace = Some("core::panicking::panic\napp::title".into());
    end.attempt.log = Some("twelve bytes".into());
    end
}

async fn resubmit(stage: &Stage, id: i64, by: &str) -> Applied {
    let to = retry(id, State::Failed, stage.now).unwrap();
    stage.store.resubmit(vec![to], by.into(), stage.now).await.unwrap()[0]
}

/// Whether the attempts of a job have their log, backtrace and details: all of them or none of it.
async fn details(stage: &Stage, job: i64) -> Vec<bool> {
    let attempts = stage.store.attempts(job).await.unwrap().into_iter();
    attempts
        .map(|attempt| {
            assert_eq!(attempt.message.as_deref(), Some("no page 7"));
            let kept = [attempt.log.is_some(), attempt.backtrace.is_some(), attempt.details.is_some()];
            assert_eq!(kept, [kept[0]; 3]);
            assert_eq!(attempt.log_dropped, if kept[0] { 0 } else { 12 });
            kept[0]
        })
        .collect()
}

async fn numbers(stage: &Stage) -> (i64, i64) {
    let Unresolved { unresolved, detailed } = stage.store.stats().await.unwrap().failures;
    (unresolved, detailed)
}

#[tokio::test]
async fn an_entry_says_what_failed_where_and_why() {
    let stage = Stage::new().await;
    let mut new = job("page", "https://example.org/7", stage.now);
    (new.about.title, new.item) = ("Seven".into(), Some((4, 2)));
    stage.store.add(vec![new]).await.unwrap();
    fail_again(&stage, 1).await;
    let failure = stage.failures().await.remove(0);
    let (frame, digest) = (Some("app::title"), failure.digest.as_deref());
    let traits = Traits { kind: "page", class: Class::Permanent, message: "no page 999", frame, digest };
    assert_eq!((failure.fingerprint.as_str(), digest), (fingerprint(&traits).as_str(), Some(super::stage::DIGEST)));
    assert_eq!(failure.message, "no page 7");
    assert_eq!(failure.top_frame.as_deref(), frame);
    assert_eq!((failure.source.as_str(), failure.title.as_str()), ("https://example.org/7", "Seven"));
    assert_eq!(failure.subject, stage.row(1).await.subject);
    assert_eq!((failure.import_id, failure.item, failure.failed_at), (Some(4), Some(2), stage.now));
    assert_eq!((failure.previous, failure.detailed, failure.resolved_at), (None, true, None));
    assert_eq!(stage.store.failure_of(&stage.row(1).await).await.unwrap(), Some(failure));
    assert_eq!(numbers(&stage).await, (1, 1));
}

#[tokio::test]
async fn only_a_job_that_is_given_up_has_an_entry_whichever_way_it_is() {
    let mut stage = Stage::new().await;
    // Tried again twice, then its budget is spent.
    stage.add("page", "spent").await;
    for _ in 0..3 {
        assert!(entries(&stage).await.is_empty());
        let claimed = stage.claim_one().await;
        stage.settle(&claimed, &failed(Class::Transient)).await;
        stage.pass(1_000);
    }
    // Its deadline passes.
    let late = NewJob { deadline: Some(stage.now), ..job("page", "late", Timestamp(stage.now.0 - 1)) };
    stage.store.add(vec![late]).await.unwrap();
    assert!(stage.claim(1).await.is_empty());
    // The host dies of it.
    let poison = stage.add("page", "poison").await;
    for _ in 0..4 {
        assert_eq!(stage.claim_one().await.facts.running.id, poison);
        stage.die().await;
    }
    let expected =
        [(1, 1, Class::Transient, None, None), (2, 1, Class::Timeout, None, None), (3, 1, Class::Lost, None, None)];
    assert_eq!(entries(&stage).await, expected);
    let digests = stage.failures().await.into_iter().map(|failure| failure.digest.is_some());
    assert_eq!(digests.collect::<Vec<_>>(), [true, false, true], "nobody is to blame for a deadline");
    // Neither are those that do well, or are cancelled, or are stopped.
    for (subject, outcome) in
        [("a", done()), ("b", unchanged()), ("c", failed(Class::Cancelled)), ("d", Outcome::Stopped)]
    {
        stage.add("page", subject).await;
        let claimed = stage.claim_one().await;
        stage.settle(&claimed, &outcome).await;
    }
    assert_eq!(entries(&stage).await, expected);
    stage.assert_sound().await;
    stage.reopen().await;
    assert_eq!(entries(&stage).await, expected);
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_new_round_resolves_an_entry_and_one_that_fails_makes_one_that_names_it() {
    let mut stage = Stage::new().await;
    let id = fail(&stage, "x").await;
    stage.pass(10);
    assert_eq!(resubmit(&stage, id, "the mate").await, Applied::Yes);
    let resubmitted = (id, 1, Class::Permanent, Some(Resolution::Resubmitted), Some("the mate".into()));
    assert_eq!(entries(&stage).await, std::slice::from_ref(&resubmitted));
    assert_eq!(stage.failures().await[0].resolved_at, Some(stage.now));
    assert_eq!(resubmit(&stage, id, "the cook").await, Applied::Stale);
    assert_eq!(numbers(&stage).await, (0, 0));
    fail_again(&stage, id).await;
    assert_eq!(entries(&stage).await, [resubmitted, (id, 2, Class::Permanent, None, None)]);
    let second = stage.failures().await.remove(1);
    assert_eq!(second.previous, Some(1));
    let history = stage.store.failures_of(id, second.id, 10).await.unwrap();
    assert_eq!(history.iter().map(|failure| failure.id).collect::<Vec<_>>(), [1]);
    // Nobody in particular, and it heals.
    stage.store.turn(vec![retry(id, State::Failed, stage.now).unwrap()], stage.now).await.unwrap();
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &done()).await;
    let last = entries(&stage).await.remove(1);
    assert_eq!(last, (id, 2, Class::Permanent, Some(Resolution::Resubmitted), None));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_later_job_that_completes_supersedes_and_nothing_else_does() {
    let stage = Stage::new().await;
    let old = fail(&stage, "x").await;
    let other = fail(&stage, "y").await;
    stage.add("text", "x").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &done()).await;
    let later = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    // Cancelled, it says nothing about the document.
    stage.settle(&claimed, &failed(Class::Cancelled)).await;
    assert!(entries(&stage).await.iter().all(|entry| entry.3.is_none()));
    // The earlier one completes in its next round, and says nothing about a later one.
    stage.store.turn(vec![retry(later, State::Cancelled, stage.now).unwrap()], stage.now).await.unwrap();
    fail_again(&stage, later).await;
    resubmit(&stage, old, "me").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &done()).await;
    assert_eq!(entries(&stage).await[2], (later, 2, Class::Permanent, None, None));
    // Another one of the same finds that nothing has to be made, which is as good.
    let last = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    stage.settle(&claimed, &unchanged()).await;
    let superseded = (later, 2, Class::Permanent, Some(Resolution::Superseded), Some(format!("job {last}")));
    assert_eq!(entries(&stage).await[1..], [(other, 1, Class::Permanent, None, None), superseded]);
    assert_eq!(stage.row(later).await.state, State::Failed);
    stage.assert_sound().await;
}

#[tokio::test]
async fn what_is_deleted_stays_failed_and_can_still_be_tried_again() {
    let stage = Stage::new().await;
    let (one, two) = (fail(&stage, "x").await, fail(&stage, "y").await);
    let delete = |ids: Vec<i64>| stage.store.delete_failures(ids, "the mate".into(), stage.now);
    assert_eq!(delete(vec![1, 1, 77]).await.unwrap(), [1]);
    assert_eq!(delete(vec![1]).await.unwrap(), [0_i64; 0]);
    let deleted = (one, 1, Class::Permanent, Some(Resolution::Deleted), Some("the mate".into()));
    assert_eq!(entries(&stage).await, [deleted.clone(), (two, 1, Class::Permanent, None, None)]);
    assert_eq!(stage.row(one).await.state, State::Failed);
    stage.assert_sound().await;
    // A new round is not a second resolution.
    assert_eq!(resubmit(&stage, one, "the cook").await, Applied::Yes);
    assert_eq!(entries(&stage).await[0], deleted);
    fail_again(&stage, one).await;
    assert_eq!(stage.failures().await[2].previous, Some(1));
    stage.assert_sound().await;
}

#[tokio::test]
async fn the_newest_ones_keep_their_detail_and_the_others_their_message() {
    let mut stage = Stage::new().await;
    stage.keep = 2;
    stage.configure().await;
    let (one, two) = (fail(&stage, "a").await, fail(&stage, "b").await);
    assert_eq!((details(&stage, one).await, numbers(&stage).await), (vec![true], (2, 2)), "at the edge");
    let three = fail(&stage, "c").await;
    assert_eq!((details(&stage, one).await, numbers(&stage).await), (vec![false], (3, 2)));
    let first = stage.failures().await.remove(0);
    assert!(!first.detailed && first.message == "no page 7" && first.top_frame.as_deref() == Some("app::title"));
    // One that was resolved is counted no longer, and keeps what it has.
    resubmit(&stage, three, "me").await;
    fail_again(&stage, three).await;
    assert_eq!((details(&stage, two).await, details(&stage, three).await), (vec![true], vec![true, true]));
    assert_eq!(numbers(&stage).await, (3, 2));
    // Across a restart.
    stage.reopen().await;
    let four = fail(&stage, "d").await;
    assert_eq!((details(&stage, two).await, numbers(&stage).await), (vec![false], (4, 2)));
    // A cap that was lowered holds from the next failure on.
    stage.keep = 1;
    stage.configure().await;
    assert_eq!(details(&stage, four).await, [true]);
    let five = fail(&stage, "e").await;
    assert_eq!((details(&stage, three).await, details(&stage, four).await), (vec![true, false], vec![false]));
    assert_eq!((details(&stage, five).await, numbers(&stage).await), (vec![true], (5, 1)));
    stage.assert_sound().await;
}

#[tokio::test]
async fn a_thousand_failures_in_one_commit_are_a_thousand_entries_of_which_the_newest_have_detail() {
    let stage = Stage::new().await;
    let jobs = (0..1_000).map(|n| job("page", &n.to_string(), stage.now)).collect();
    stage.store.add(jobs).await.unwrap();
    let claimed = stage.claim(1_000).await;
    let before = stage.store.pulse().borrow().commits;
    let mut waiting = tokio::task::JoinSet::new();
    for job in &claimed {
        let (store, end) = (stage.store.clone(), with_detail(&stage, job));
        waiting.spawn(async move { store.settle(end).await.unwrap() });
    }
    assert!(waiting.join_all().await.iter().all(|applied| *applied == Applied::Yes));
    assert_eq!(stage.store.pulse().borrow().commits, before + 1);
    assert_eq!(numbers(&stage).await, (1_000, i64::try_from(KEEP).unwrap()));
    let failures = stage.failures().await;
    let detailed: Vec<i64> = failures.iter().filter(|failure| failure.detailed).map(|failure| failure.id).collect();
    assert_eq!(detailed, (951..=1_000).collect::<Vec<_>>());
    let rounds = failures.iter().map(|failure| retry(failure.job_id, State::Failed, stage.now).unwrap());
    let applied = stage.store.resubmit(rounds.collect(), "me".into(), stage.now).await.unwrap();
    assert!(applied.iter().all(|applied| *applied == Applied::Yes));
    assert_eq!(numbers(&stage).await, (0, 0));
    stage.assert_sound().await;
}

/// Failures of two kinds in three groups, the first of them deleted.
async fn several() -> Stage {
    let mut stage = Stage::new().await;
    for (kind, item, class, message) in [
        ("page", None, Class::Permanent, "No such page: 1"),
        ("page", Some((1, 1)), Class::Permanent, "No such page: 22"),
        ("page", Some((1, 2)), Class::Denied, "no such page: 3"),
        ("text", None, Class::Permanent, "100 % of nothing_"),
        ("page", None, Class::Permanent, "No such page: 5"),
    ] {
        let subject = stage.now.0.to_string();
        stage.store.add(vec![NewJob { item, ..job(kind, &subject, stage.now) }]).await.unwrap();
        let claimed = stage.claim_one().await;
        stage.settle(&claimed, &says(class, message)).await;
        stage.pass(1_000);
    }
    stage.store.delete_failures(vec![1], "me".into(), stage.now).await.unwrap();
    stage
}

async fn ids(stage: &Stage, filter: FailureFilter) -> Vec<i64> {
    let found = stage.store.failures(&filter, None, 100).await.unwrap();
    assert_eq!(stage.store.count_failures(&filter, None).await.unwrap(), found.len() as u64);
    found.iter().map(|failure| failure.id).collect()
}

#[tokio::test]
async fn each_part_of_a_filter_leaves_out_what_it_says() {
    let stage = several().await;
    let all = FailureFilter::default;
    let group = stage.failures().await[1].fingerprint.clone();
    let text = |text: &str| FailureFilter { message: Some(text.into()), ..all() };
    for (filter, expected) in [
        (all(), vec![5, 4, 3, 2]),
        (FailureFilter { which: Which::All, ..all() }, vec![5, 4, 3, 2, 1]),
        (FailureFilter { which: Which::Deleted, ..all() }, vec![1]),
        (FailureFilter { which: Which::Superseded, ..all() }, vec![]),
        (FailureFilter { kind: Some("text".into()), ..all() }, vec![4]),
        (FailureFilter { class: Some(Class::Denied), ..all() }, vec![3]),
        (FailureFilter { import: Some(1), ..all() }, vec![3, 2]),
        (FailureFilter { import: Some(2), ..all() }, vec![]),
        (FailureFilter { since: Some(Timestamp(1_003_000)), ..all() }, vec![5, 4]),
        (FailureFilter { ids: Some(vec![2, 5, 9, 1]), ..all() }, vec![5, 2]),
        (FailureFilter { group: Some(group[..4].into()), ..all() }, vec![5, 2]),
        (FailureFilter { group: Some(group.clone()), which: Which::All, ..all() }, vec![5, 2, 1]),
        (text("SUCH page"), vec![5, 3, 2]),
        // What a pattern would take for a wild card.
        (text("%"), vec![4]),
        (text("_"), vec![4]),
        (text("'"), vec![]),
        (
            FailureFilter { class: Some(Class::Permanent), kind: Some("page".into()), import: Some(1), ..text("22") },
            vec![2],
        ),
    ] {
        assert_eq!(ids(&stage, filter.clone()).await, expected, "{filter:?}");
    }
    let page = stage.store.failures(&all(), Some(4), 1).await.unwrap();
    assert_eq!((page[0].id, page.len()), (3, 1));
    assert_eq!(stage.store.count_failures(&all(), Some(3)).await.unwrap(), 1);
}

#[tokio::test]
async fn groups_come_the_largest_first_with_what_they_have_in_common() {
    let stage = several().await;
    let all = FailureFilter::default();
    let groups = stage.store.failure_groups(&all, None, 10).await.unwrap();
    let numbers: Vec<_> = groups.iter().map(|group| (group.failures, group.first, group.last)).collect();
    assert_eq!(numbers[0], (2, 2, 5));
    assert_eq!((groups[0].pattern.as_str(), groups[0].class), ("No such page: <n>", Class::Permanent));
    assert_eq!((groups[0].first_at, groups[0].last_at), (Timestamp(1_001_000), Timestamp(1_004_000)));
    assert!(groups[1..].is_sorted_by(|a, b| a.fingerprint < b.fingerprint) && groups.len() == 3);
    // Page by page.
    let mut after = None;
    for group in &groups {
        let page = stage.store.failure_groups(&all, after.as_ref(), 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(group));
        after = Some((group.failures, group.fingerprint.clone()));
    }
    assert_eq!(stage.store.failure_groups(&all, after.as_ref(), 1).await.unwrap(), []);
    let text = FailureFilter { kind: Some("text".into()), ..FailureFilter::default() };
    assert_eq!(stage.store.failure_groups(&text, None, 10).await.unwrap().len(), 1);
    assert_eq!(stage.store.fingerprints(&all).await.unwrap().len(), 2, "enough to know that there are several");
}

#[tokio::test]
async fn doctor_finds_entries_and_jobs_that_do_not_go_together() {
    for (statement, words) in [
        ("DELETE FROM failure", "job 1 failed in round 1 and has no entry in the failure log"),
        ("UPDATE failure SET round = 2", "failure 1 is unresolved, and job 1 is failed in round 1"),
        ("UPDATE job SET round = 2", "job 1 failed in round 2 and has no entry"),
        ("UPDATE failure SET job_id = 9", "failure 1 is unresolved, and job 9 is unknown"),
        ("UPDATE failure SET detailed = 0", "failures with full detail: 1 are known, 0 are there"),
        ("UPDATE failure SET resolution = 'deleted', resolved_at = 1", "unresolved failures: 1 are known, 0 are there"),
    ] {
        let stage = Stage::new().await;
        fail(&stage, "x").await;
        stage.assert_sound().await;
        stage.behind_its_back(statement).await;
        let found = stage.store.check().await.unwrap();
        assert!(found.iter().any(|finding| finding.what.starts_with(words)), "{statement}: {found:?}");
    }
}
