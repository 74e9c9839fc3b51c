//! What a guest may ask, at each edge.

use capstan::capability::enqueue::Right;
use capstan::capability::retrieve::Retrieve;
use capstan::rules::retrieve::{
    MAX_ENTRY, MAX_PASSAGES, MAX_SCOPE, MAX_SUBJECTS, Question, Refusal, Scope, ScopeError, may_ask,
};
use capstan::rules::search::MAX_WORDS;
use std::sync::Arc;

fn question(words: usize, entries: usize, limit: u32) -> Question {
    let scope = Scope { tags: vec!["t".to_owned(); entries], ..Scope::default() };
    Question { words: "w".repeat(words), scope, limit }
}

#[test]
fn each_bound_has_its_edge() {
    for (asked, of, refusal) in [
        (question(MAX_WORDS, MAX_SCOPE, MAX_PASSAGES), 99, None),
        (question(1, 0, 1), 100, Some(Refusal::Many(100))),
        (question(0, 0, 1), 0, Some(Refusal::Nothing)),
        (question(MAX_WORDS + 1, 0, 1), 0, Some(Refusal::Long(MAX_WORDS + 1))),
        (question(1, 0, 0), 0, Some(Refusal::Limit(0))),
        (question(1, 0, MAX_PASSAGES + 1), 0, Some(Refusal::Limit(MAX_PASSAGES + 1))),
        (
            question(1, MAX_SCOPE + 1, 1),
            0,
            Some(Refusal::Scope(ScopeError::Many { what: "tags", found: MAX_SCOPE + 1, most: MAX_SCOPE })),
        ),
    ] {
        assert_eq!(may_ask(&asked, of, 100).err(), refusal);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let said = Refusal::Many(3).to_string();
    assert_eq!(said, "more than limits.retrievals = 3 searches: put several questions into one, or raise the limit");
}

#[test]
fn whoever_did_not_ask_to_be_allowed_is_told_the_lines_that_would_allow_it() {
    let right = Right { handler: "reader".to_owned(), digest: "sha256:00".to_owned(), ..Right::default() };
    let mut closed = Retrieve::closed(Arc::new(right));
    let Err(Refusal::Denied(said)) = closed.ask(question(1, 0, 1)) else { panic!("it was let in") };
    assert!(said.starts_with("handler reader searches the library, which it did not ask for; "), "{said}");
    let lines = ["[[grants]]", "handler = \"reader\"", "digest = \"sha256:00\"", "retrieve = true"].join("\n");
    assert!(said.ends_with(&lines), "{said}");
    assert_eq!(closed.asked(), 0);
}

#[test]
fn a_scope_is_small_for_every_document_is_held_against_it() {
    let scope = |subjects: usize, sources: usize, bytes: usize| Scope {
        subjects: vec!["s".to_owned(); subjects],
        sources: vec!["s".repeat(bytes); sources],
        tags: Vec::new(),
    };
    assert_eq!(scope(MAX_SUBJECTS, MAX_SCOPE, MAX_ENTRY).check(), Ok(()));
    let said = |scope: Scope| scope.check().unwrap_err().to_string();
    assert_eq!(said(scope(MAX_SUBJECTS + 1, 0, 1)), "the scope has 1001 subjects: at most 1000 narrow");
    assert_eq!(said(scope(0, MAX_SCOPE + 1, 1)), "the scope has 17 sources: at most 16 narrow");
    assert_eq!(said(scope(0, 1, MAX_ENTRY + 1)), "an entry of the scope has 2049 bytes: at most 2048 are compared");
}
