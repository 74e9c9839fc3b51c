//! The tokenizer beside the reference.
#![allow(clippy::unwrap_used)]

use capstan_vectors::WordPiece;
use proptest::prelude::*;

/// What `tokenizers` 0.23.3 answers; `tokens.py` asks it.
const REFERENCE: &str = include_str!("tokens.json");

#[test]
fn tokens_are_those_of_the_reference() {
    let rows: Vec<(String, Vec<u16>)> = serde_json::from_str(REFERENCE).unwrap();
    assert!(rows.len() > 40);
    let words = WordPiece::default();
    let other: Vec<_> = rows.iter().filter(|(text, tokens)| words.tokens(text) != *tokens).collect();
    let shown: Vec<_> = other.iter().map(|(text, tokens)| (text, tokens, words.tokens(text))).collect();
    assert!(other.is_empty(), "{shown:#?}");
}

proptest! {
    #[test]
    fn any_text_has_tokens_and_its_case_does_not_matter(text in "\\PC{0,80}") {
        let words = WordPiece::default();
        let tokens = words.tokens(&text);
        prop_assert!(tokens.len() <= 4 * text.chars().count() + 1, "nothing is made up");
        let ascii = text.is_ascii();
        prop_assert!(!ascii || words.tokens(&text.to_uppercase()) == tokens);
    }

    #[test]
    fn texts_divided_by_a_space_have_the_tokens_of_both(a in "\\PC{0,40}", b in "\\PC{0,40}") {
        let words = WordPiece::default();
        let both = words.tokens(&format!("{a} {b}"));
        prop_assert_eq!(both, [words.tokens(&a), words.tokens(&b)].concat());
    }
}
