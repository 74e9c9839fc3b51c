//! What a search looks for, and how rankings become one.

use super::cases;
use capstan::rules::search::{MAX_TERMS, MAX_WORDS, Query, QueryError, SNIPPET, fuse, snippet, spaced};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn expression(text: &str) -> String {
    Query::parse(text).unwrap().expression(&BTreeSet::new())
}

#[test]
fn words_are_any_of_them_phrases_must_be_there_and_unwanted_ones_must_not() {
    assert_eq!(expression("Who owns a value?"), r#"("who" OR "owns" OR "a" OR "value")"#);
    assert_eq!(
        expression(r#"checker "Borrow Checker" -unsafe"#),
        r#"(("borrow checker") AND ("checker" OR "borrow checker")) NOT ("unsafe")"#
    );
    assert_eq!(expression("東京 weather"), r#"("東 京" OR "weather")"#);
    assert_eq!(expression("it's \"alone"), r#"("it's" OR "alone")"#);
}

#[test]
fn common_words_are_left_out_while_others_remain() {
    let common: BTreeSet<String> = ["who", "a"].map(str::to_owned).into();
    let of = |text: &str| Query::parse(text).unwrap().expression(&common);
    assert_eq!(of("who owns a value"), r#"("owns" OR "value")"#);
    assert_eq!(of("who a"), r#"("who" OR "a")"#);
}

#[test]
fn nothing_and_too_much_are_refused() {
    for text in ["", "  ", "?!", "-only", "\"\""] {
        assert_eq!(Query::parse(text), Err(QueryError::Nothing(text.to_owned())), "{text}");
    }
    let long = "x".repeat(MAX_WORDS);
    assert!(Query::parse(&long).is_ok());
    assert_eq!(Query::parse(&format!("{long}x")), Err(QueryError::Long(MAX_WORDS + 1)));
}

#[test]
fn no_more_terms_are_looked_for_than_so_many() {
    let words: Vec<String> = (0..=MAX_TERMS).map(|n| format!("w{n}")).collect();
    let phrases: String = (0..=MAX_TERMS).map(|n| format!("\"p{n} q\" ")).collect();
    for text in [words.join(" "), phrases] {
        let query = Query::parse(&text).unwrap();
        assert_eq!(query.terms().count(), MAX_TERMS);
    }
    assert_eq!(Query::parse("same same \"a b\" \"a b\"").unwrap().terms().count(), 2);
}

#[test]
fn only_what_says_exactly_what_is_wanted_is_exact() {
    let is_exact = |text: &str| Query::parse(text).unwrap().is_exact();
    assert!(is_exact("a \"b c\"") && is_exact("a -b"));
    assert!(!is_exact("a b") && !is_exact("co-operate"));
}

#[test]
fn scores_are_spread_and_added_by_their_shares() {
    let words = [(1, 9.0), (2, 6.0), (3, 3.0)];
    let near = [(4, 0.9), (3, 0.8), (2, 0.7)];
    let fused = fuse(&[(0.7, &words[..]), (0.3, &near[..])], 3);
    let keys: Vec<i32> = fused.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [1, 2, 4, 3]);
    let scores: Vec<i64> = fused.iter().map(|(_, score)| (score * 1e3).round() as i64).collect();
    assert_eq!(scores, [700, 350, 300, 150]);
    // One that is alone is the first.
    assert_eq!(fuse(&[(0.7, &[(1, 2.0)][..]), (0.3, &[])], 1), [(1, 0.7)]);
    // The last of a ranking that was not cut is worth something.
    let fused = fuse(&[(0.7, &words[..]), (0.3, &near[..])], 100);
    let scores: Vec<(i32, i64)> = fused.iter().map(|(key, score)| (*key, (score * 1e3).round() as i64)).collect();
    assert_eq!(scores, [(1, 700), (2, 700), (3, 500), (4, 300)]);
}

#[test]
fn a_snippet_is_the_part_that_holds_the_words() {
    let text = format!(
        "{} The owner drops its value when it goes out of scope. {}",
        "Filler text here. ".repeat(40),
        "More. ".repeat(90)
    );
    let query = Query::parse("owners dropping values").unwrap();
    let part = snippet(&text, &query);
    assert!(part.contains("owner drops its value"), "{part}");
    assert!(part.starts_with("… ") && part.ends_with(" …"), "{part}");
    assert_eq!(snippet("short\nand whole", &query), "short and whole");
    assert_eq!(snippet("", &query), "");
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn whatever_is_typed_becomes_an_expression_of_whole_terms(text in "\\PC{0,200}") {
        if let Ok(query) = Query::parse(&text) {
            let expression = query.expression(&BTreeSet::new());
            prop_assert_eq!(expression.matches('"').count() % 2, 0);
            for term in query.terms() {
                prop_assert!(term.contains(char::is_alphanumeric), "{term:?}");
            }
        }
    }

    #[test]
    fn spacing_adds_nothing_but_spaces_and_does_it_once(text in "[a-z 一-龥ぁ-んก-๙]{0,60}") {
        let once = spaced(&text).into_owned();
        let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
        prop_assert_eq!(bare(&once), bare(&text));
        let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(folded(&spaced(&once)), folded(&once));
    }

    #[test]
    fn fusing_keeps_every_key_once_and_the_order_of_a_single_ranking(keys in prop::collection::btree_set(0..1000, 0..50)) {
        let ranking: Vec<(i32, f64)> = keys.iter().rev().map(|key| (*key, f64::from(*key))).collect();
        let fused: Vec<i32> = fuse(&[(1.0, ranking.as_slice()), (1.0, &[])], 50).into_iter().map(|(key, _)| key).collect();
        prop_assert_eq!(fused, ranking.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
    }

    #[test]
    fn a_snippet_is_short_and_from_the_text(text in "([a-zäß]{1,12}[ .\n]){0,120}|[一-龥]{0,300}", words in "[a-zäß]{1,8}( [a-zäß]{1,8}){0,3}|[一-龥]{2}") {
        let part = snippet(&text, &Query::parse(&words).unwrap());
        prop_assert!(part.chars().count() <= SNIPPET + 4 + 60, "{}", part.chars().count());
        let bare = part.trim_start_matches("… ").trim_end_matches(" …");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert!(line.contains(bare), "{bare:?}");
    }
}
