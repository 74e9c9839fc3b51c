//! What was published is followed without a gap, and what the index is told is what it finds.

use super::stage::{Stage, done};
use capstan::rules::entry::{Embedded, Entry};
use capstan::rules::retrieve::Scope;
use capstan::rules::time::Timestamp;
use capstan::rules::vector::code;
use capstan::store::search::feed::{Horizon, Position};
use capstan::store::search::fold::{Change, Moved, What};
use capstan::store::search::{Index, Size};
use capstan::store::subject::{Removed, Removing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

const KINDS: [&str; 2] = ["page", "text"];

/// Everything that is new to somebody who was at `position`, and where they are then.
async fn follow(stage: &Stage, position: &mut Position) -> BTreeSet<i64> {
    let horizon = stage.store.horizon().await.unwrap();
    let ended = stage.store.published_by(KINDS, &position.ended(&horizon)).await.unwrap();
    *position = position.without_ended(&horizon);
    let range = position.upto + 1..=horizon.last;
    let news = stage.store.published(KINDS, range, 1_000).await.unwrap();
    *position = position.through(horizon.last, &horizon);
    ended.into_iter().chain(news).map(|news| news.lease).collect()
}

#[tokio::test]
async fn what_ends_in_any_order_is_seen_once() {
    let stage = Stage::new().await;
    for subject in ["a", "b", "c", "d"] {
        stage.add("page", subject).await;
    }
    let mut position = Position::default();
    let claimed = stage.claim(3).await;
    let lease = |at: usize| claimed[at].facts.running.lease;
    assert_eq!(follow(&stage, &mut position).await, BTreeSet::new());
    stage.publish(&claimed[1]).await;
    assert_eq!(follow(&stage, &mut position).await, [lease(1)].into());
    let last = stage.claim_one().await;
    stage.publish(&claimed[0]).await;
    stage.publish(&last).await;
    assert_eq!(follow(&stage, &mut position).await, [lease(0), last.facts.running.lease].into());
    assert_eq!(follow(&stage, &mut position).await, BTreeSet::new());
    // One that publishes nothing is nothing new.
    stage.settle(&claimed[2], &done()).await;
    assert_eq!(follow(&stage, &mut position).await, BTreeSet::new());
    let horizon = stage.store.horizon().await.unwrap();
    assert_eq!((position.is_at(&horizon), position.open), (true, BTreeSet::new()));
}

#[tokio::test]
async fn a_generation_that_was_superseded_is_not_told() {
    let stage = Stage::new().await;
    let mut leases = Vec::new();
    for _ in 0..2 {
        stage.add("page", "x").await;
        let claimed = stage.claim_one().await;
        stage.publish(&claimed).await;
        leases.push(claimed.facts.running.lease);
    }
    assert_eq!(follow(&stage, &mut Position::default()).await, [leases[1]].into());
}

#[tokio::test]
async fn a_subject_is_removed_with_all_its_generations_unless_it_is_worked_on() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        stage.add("page", "x").await;
        let claimed = stage.claim_one().await;
        stage.publish(&claimed).await;
    }
    let id = stage.add("page", "x").await;
    let claimed = stage.claim_one().await;
    let subject = claimed.facts.about.subject.clone();
    let removing = || Removing { subject: subject.clone(), by: "me".into(), now: Timestamp(9) };
    assert_eq!(stage.store.remove_subject(removing()).await.unwrap(), Removed::Running(vec![id]));
    assert_eq!(stage.store.kinds_of(&subject).await.unwrap().len(), 1);
    stage.settle(&claimed, &done()).await;
    let Removed::Generations(removed) = stage.store.remove_subject(removing()).await.unwrap() else { panic!() };
    assert_eq!(removed.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["page", "page"]);
    assert!(stage.store.kinds_of(&subject).await.unwrap().is_empty());
    assert_eq!(stage.store.about(&subject).await.unwrap(), None);
    let gone = stage.store.removals(1..=100).await.unwrap();
    assert_eq!(gone.iter().map(|gone| gone.subject.as_str()).collect::<Vec<_>>(), [subject.as_str()]);
    assert!(gone[0].lease > claimed.facts.running.lease);
    stage.assert_sound().await;
}

#[test]
fn a_position_follows_every_lease_that_ran() {
    let horizon = Horizon { last: 9, running: [3, 7, 8].into() };
    let position = Position::default().through(5, &horizon);
    assert_eq!((position.upto, position.open.clone()), (5, [3].into()));
    let position = position.through(9, &horizon);
    assert_eq!((position.upto, position.open.clone()), (9, [3, 7, 8].into()));
    let later = Horizon { last: 9, running: [7].into() };
    assert_eq!(position.ended(&later), [3, 8]);
    assert!(!position.is_at(&later) && position.is_at(&horizon));
    assert_eq!(position.without_ended(&later).open, [7].into());
}

async fn index() -> (TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(&folder.path().join("search.db")).await.unwrap();
    (folder, index)
}

fn says(subject: &str, lease: i64, entry: &Value) -> Change {
    let entry = Entry::parse(entry.to_string().as_bytes()).unwrap();
    change(subject, lease, What::Says(entry))
}

fn change(subject: &str, lease: i64, what: What) -> Change {
    let source = format!("file:///{subject}");
    Change { subject: subject.to_owned(), source, title: "Given".to_owned(), lease, what }
}

fn text(title: &str, texts: &[&str]) -> Value {
    let passages = texts.iter().zip((0..).step_by(100));
    let passages: Vec<Value> =
        passages.map(|(text, start)| json!({"start": start, "end": start + 50, "heading": "", "text": text})).collect();
    json!({"format": 1, "title": title, "tags": [title], "passages": passages})
}

async fn places(index: &Index, expression: &str, scope: &Scope) -> Vec<(i64, i64)> {
    let ranked = index.by_words(expression, scope, 10).await.unwrap();
    assert!(ranked.is_sorted_by(|one, other| one.1 >= other.1), "{ranked:?}");
    ranked.into_iter().map(|(place, _)| place).collect()
}

async fn found(index: &Index, expression: &str, scope: &Scope) -> Vec<String> {
    let places = places(index, expression, scope).await;
    let found: BTreeMap<_, _> = index.found(&places).await.unwrap();
    places.iter().map(|place| format!("{}@{}", found[place].subject, found[place].start)).collect()
}

#[tokio::test]
async fn a_document_is_found_by_what_it_says_now() {
    let (_folder, index) = index().await;
    let all = Scope::default();
    let at = |upto| Position { upto, ..Position::default() };
    let changes = [
        says("a", 1, &text("Ducks", &["They swim.", "東京の天気"])),
        says("b", 2, &text("", &["Swimming is a duck's art."])),
    ];
    assert_eq!(index.fold(&changes, &at(2)).await.unwrap(), []);
    assert_eq!(index.position().await.unwrap(), at(2));
    // The title counts most, whatever form of the word there is.
    assert_eq!(found(&index, "\"duck\" OR \"swims\"", &all).await, ["a@0", "b@0", "a@100"]);
    assert_eq!(found(&index, "\"天 気\"", &all).await, ["a@100"]);
    let tagged = Scope { tags: vec!["Ducks".to_owned()], ..Scope::default() };
    assert_eq!(found(&index, "\"swim\"", &tagged).await, ["a@0"]);
    let below = Scope { sources: vec!["file:///b".to_owned()], ..Scope::default() };
    assert_eq!(found(&index, "\"swim\"", &below).await, ["b@0"]);
    let named = Scope { subjects: vec!["b".to_owned(), "z".to_owned()], ..Scope::default() };
    assert_eq!(found(&index, "\"swim\"", &named).await, ["b@0"]);
    // The same again and an older one change nothing; a newer one replaces.
    index.fold(&[says("a", 1, &text("Geese", &["x"]))], &at(2)).await.unwrap();
    assert_eq!(found(&index, "\"geese\"", &all).await, Vec::<String>::new());
    index.fold(&[says("a", 3, &text("Geese", &["They fly."]))], &at(3)).await.unwrap();
    assert_eq!(found(&index, "\"swim\" OR \"fly\"", &all).await.len(), 2);
    assert_eq!(found(&index, "\"geese\"", &all).await, ["a@0"]);
    // What a title is not given is that of the subject.
    let places = places(&index, "\"art\"", &all).await;
    assert_eq!(index.found(&places).await.unwrap()[&places[0]].title, "Given");
    index.fold(&[change("a", 2, What::Gone)], &at(4)).await.unwrap();
    assert_eq!(found(&index, "\"geese\"", &all).await, ["a@0"], "it was published after the removal");
    index.fold(&[change("a", 4, What::Gone), change("b", 4, What::Unsaid)], &at(4)).await.unwrap();
    assert_eq!(index.size().await.unwrap(), Size::default());
}

#[tokio::test]
async fn what_was_published_after_a_removal_stays_and_what_was_before_it_goes() {
    let (_folder, index) = index().await;
    let embedded = Embedded { model: "m".to_owned(), dimension: 2, rows: vec![(0, code(&[1.0, 1.0]).unwrap())] };
    let before = [says("a", 5, &text("old", &["one"])), change("a", 6, What::Embedded(embedded))];
    index.fold(&before, &Position::default()).await.unwrap();
    // Removed, and made anew by the handler of one kind, before anybody looked.
    let after = [change("a", 10, What::Gone), says("a", 12, &text("new", &["two"]))];
    let moved = index.fold(&after, &Position::default()).await.unwrap();
    assert_eq!(moved, [Moved::Removed(1)]);
    assert_eq!(index.size().await.unwrap(), Size { documents: 1, passages: 1, vectors: 0 });
    // The other way round: only the vectors came back.
    let embedded = Embedded { model: "m".to_owned(), dimension: 2, rows: vec![(0, code(&[1.0, 1.0]).unwrap())] };
    let later = [change("a", 20, What::Embedded(embedded)), change("a", 15, What::Gone)];
    index.fold(&later, &Position::default()).await.unwrap();
    assert_eq!(index.size().await.unwrap(), Size { documents: 0, passages: 0, vectors: 1 });
    assert!(found(&index, "\"two\"", &Scope::default()).await.is_empty());
}

#[tokio::test]
async fn a_fold_that_is_dropped_half_way_is_as_if_it_had_not_begun() {
    let (_folder, index) = index().await;
    let changes = [says("a", 1, &text("A", &["one"])), says("b", 2, &text("B", &["two"]))];
    let mut was_dropped = 0;
    for polls in 0..200 {
        let position = Position { upto: 9, ..Position::default() };
        let mut fold = Box::pin(index.fold(&changes, &position));
        let mut left = polls;
        let half = std::future::poll_fn(|cx| {
            left -= 1;
            match fold.as_mut().poll(cx) {
                std::task::Poll::Pending if left > 0 => std::task::Poll::Pending,
                ready => std::task::Poll::Ready(ready.is_pending()),
            }
        });
        if polls > 0 && half.await {
            was_dropped += 1;
        }
        drop(fold);
        let later = [change("a", 5, What::Gone), change("b", 5, What::Gone)];
        index.fold(&later, &Position::default()).await.unwrap();
        assert_eq!(index.size().await.unwrap(), Size::default(), "after {polls} polls");
    }
    assert!(was_dropped > 5, "{was_dropped}");
}

#[test]
fn a_position_is_gone_on_from_only_in_its_own_time_and_about_the_same_kinds() {
    let horizon = Horizon { last: 9, running: BTreeSet::new() };
    let at = Position::start(KINDS).through(9, &horizon);
    assert!(at.goes_on(KINDS, &horizon) && Position::default().goes_on(KINDS, &horizon));
    assert!(!at.goes_on(["page", "other"], &horizon), "another kind");
    assert!(!at.goes_on(KINDS, &Horizon { last: 8, ..horizon }), "an older database");
}

#[tokio::test]
async fn a_page_is_ranked_as_a_whole_and_shown_by_its_best_passage() {
    let (_folder, index) = index().await;
    let all = Scope::default();
    let changes = [
        says("a", 1, &text("A", &["ducks swim", "geese fly", "swans sing"])),
        says("b", 2, &text("B", &["a duck", "nothing of that sort", "a goose and a duck"])),
    ];
    index.fold(&changes, &Position::default()).await.unwrap();
    let expression = "(\"ducks\") AND (\"swans\")";
    let pages = index.pages(expression, &all, 10).await.unwrap();
    assert_eq!(pages.iter().map(|(document, _)| *document).collect::<Vec<_>>(), [1], "no passage of it holds both");
    assert!(index.best(expression, &[1, 2]).await.unwrap().is_empty());
    let best = index.best("\"goose\" OR \"duck\"", &[1, 2]).await.unwrap();
    assert_eq!(best, [(1, (1, 0)), (2, (2, 200))].into());
    // A place before all passages is the first.
    assert_eq!(index.found(&[(2, -5)]).await.unwrap()[&(2, -5)].start, 0);
    let below = Scope { sources: vec!["file:///b".to_owned()], ..Scope::default() };
    assert_eq!(index.pages("\"duck\"", &below, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn vectors_are_those_of_a_model_and_go_with_their_document() {
    let (_folder, index) = index().await;
    let embedded = |model: &str, x: f32| Embedded {
        model: model.to_owned(),
        dimension: 2,
        rows: vec![(0, code(&[x, 1.0]).unwrap()), (100, code(&[-x, 0.5]).unwrap())],
    };
    let changes = [
        says("a", 1, &text("A", &["one", "two"])),
        change("a", 2, What::Embedded(embedded("m", 3.0))),
        change("b", 3, What::Embedded(embedded("n", 3.0))),
    ];
    let moved = index.fold(&changes, &Position::default()).await.unwrap();
    assert_eq!(moved[0], Moved::Put(1, embedded("m", 3.0)));
    assert!(matches!(&moved[1], Moved::Put(other, found) if *other != 1 && *found == embedded("n", 3.0)), "{moved:?}");
    let vectors = index.vectors("m", 2).await.unwrap();
    let near = vectors.nearest(&[-1.0, 0.2], 5, |_| true);
    assert_eq!(near.iter().map(|near| (near.document, near.start)).collect::<Vec<_>>(), [(1, 100), (1, 0)]);
    assert!((near[0].score - 1.0).abs() < 0.01);
    assert_eq!(index.vectors("other", 2).await.unwrap().len(), 0);
    // A vector whose place lies within a passage is that passage.
    let inside = index.found(&[(1, 120)]).await.unwrap();
    assert_eq!(inside[&(1, 120)].start, 100);
    index.fold(&[change("a", 5, What::Gone), change("b", 6, What::Unembedded)], &Position::default()).await.unwrap();
    assert_eq!(index.size().await.unwrap(), Size::default());
}

#[tokio::test]
async fn an_index_of_another_kind_is_made_anew_and_one_that_is_cleared_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("search.db");
    std::fs::write(&file, "no database").unwrap();
    let index = Index::open(&file).await.unwrap();
    index
        .fold(&[says("a", 1, &text("A", &["one"]))], &Position { upto: 7, open: [3].into(), ..Position::default() })
        .await
        .unwrap();
    drop(index);
    let index = Index::open(&file).await.unwrap();
    assert_eq!(index.position().await.unwrap(), Position { upto: 7, open: [3].into(), ..Position::default() });
    index.clear().await.unwrap();
    assert_eq!(index.position().await.unwrap(), Position::default());
    assert_eq!(index.size().await.unwrap(), Size::default());
    index.fold(&[says("a", 1, &text("A", &["one"]))], &Position::default()).await.unwrap();
    assert_eq!(found(&index, "\"one\"", &Scope::default()).await, ["a@0"]);
}

#[tokio::test]
async fn words_of_a_quarter_of_many_passages_are_common() {
    let (_folder, index) = index().await;
    let texts: Vec<String> =
        (0..400).map(|n| format!("this is the word{n}, because{}", if n % 5 == 0 { " fifth" } else { "" })).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    index.fold(&[says("a", 1, &text("", &texts[..150]))], &Position::default()).await.unwrap();
    assert!(index.common_terms().await.unwrap().is_empty(), "few passages have no common words");
    index.fold(&[says("a", 2, &text("", &texts))], &Position::default()).await.unwrap();
    let common = index.common_terms().await.unwrap();
    // Words are compared in the form that the index has them in.
    let words = ["the", "this", "because", "fifth", "word3", "this-fifth"].map(str::to_owned);
    let among = index.common_among(&words, &common).await.unwrap();
    assert_eq!(among, ["because", "the", "this"].map(str::to_owned).into(), "{common:?}");
}
