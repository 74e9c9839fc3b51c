//! A document in parts, and the way back into its file.

use capstan_text::{Document, Shape, Size, count};
use proptest::prelude::*;

const PAGE: &str = "---\ntitle: \"A \\\"page\\\"\"\nlanguage: \"en\"\nsource: \"file:///a.html\"\nword_count: 9\n---\n\n\
# First\n\nDr. Who *came* in. He saw J. R. Smith &amp; co. Then he left!\n\n- one item\n- another [link](x.html)\n  - below\n\n\
## Second\n\n```rust\nlet a = 1;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![alt](x.png)\n\n> Quoted words.\n";

#[test]
fn front_matter_is_read() {
    let document = Document::parse(PAGE);
    assert_eq!((&*document.title, &*document.language, document.url()), ("A \"page\"", "en", "file:///a.html"));
    assert!(document.body().starts_with("# First"));
    assert_eq!(Document::parse("no front matter").body(), "no front matter");
}

#[test]
fn blocks_are_in_their_order_under_their_headings() {
    let blocks = Document::parse(PAGE).blocks();
    let seen: Vec<(Shape, &str, usize)> =
        blocks.iter().map(|block| (block.shape, &*block.text, block.headings.len())).collect();
    let expected = [
        (Shape::Heading(1), "First", 0),
        (Shape::Prose, "Dr. Who came in. He saw J. R. Smith & co. Then he left!", 1),
        (Shape::Prose, "one item", 1),
        (Shape::Prose, "another link", 1),
        (Shape::Prose, "below", 1),
        (Shape::Heading(2), "Second", 1),
        (Shape::Code, "let a = 1;", 2),
        (Shape::Table, "a\tb\n1\t2", 2),
        (Shape::Prose, "Quoted words.", 2),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_sentence_is_what_its_range_holds() {
    let document = Document::parse(PAGE);
    let cited: Vec<(String, &str)> = document
        .sentences()
        .into_iter()
        .map(|sentence| (sentence.text, &document.file()[sentence.range]))
        .take(2)
        .collect();
    assert_eq!(cited[0], ("Dr. Who came in.".to_owned(), "Dr. Who *came* in."));
    assert_eq!(cited[1].1, "He saw J. R. Smith &amp; co. Then he left!", "co. is an abbreviation, & an entity");
}

#[test]
fn a_sentence_that_ends_within_code_does_not_reach_into_the_next() {
    let file = "Type `Go on? Yes` and wait. `All` is well.";
    let document = Document::parse(file);
    let cited: Vec<&str> = document.sentences().into_iter().map(|sentence| &file[sentence.range]).collect();
    assert_eq!(cited, ["Type `Go on?", "Yes` and wait.", "`All` is well."]);
}

#[test]
fn scripts_without_spaces_are_cut_too() {
    let file = "吾輩は猫である。名前はまだ無い。".repeat(100);
    let document = Document::parse(&file);
    assert_eq!(document.sentences().len(), 200);
    let passages = document.passages(Size { words: 50, overlap: 10 });
    assert!(passages.len() > 10);
    assert!(passages.iter().all(|passage| count(&passage.text) <= 50));
}

#[test]
fn thai_is_cut_at_spaces_but_not_into_scraps() {
    let clause = "น้ำขึ้นสูงสุดในคืนวันเพ็ญและชาวประมงออกเรือก่อนรุ่งสางเสมอ"; // 58 letters
    let file = format!("{clause} {clause} {clause} {clause} สั้น");
    let found: Vec<String> = Document::parse(&file).sentences().into_iter().map(|sentence| sentence.text).collect();
    assert_eq!(found, [format!("{clause} {clause}"), format!("{clause} {clause} สั้น")]);
}

proptest! {
    #[test]
    fn passages_leave_nothing_out_and_stay_small(
        parts in prop::collection::vec(prop_oneof![
            "[a-z]{1,9}( [a-zäß]{1,9}){0,80}\\. [A-Z][a-z]{2,9} ends\\.",
            "# [A-Z][a-z]{1,9}",
            "- [a-z]{1,9}( [a-z]{1,9}){0,9}",
            "[一-龥]{1,200}。[一-龥]{1,20}。",
            "    [a-z]{1,80}",
        ], 0..12),
        words in 5..60usize, overlap in 0..20usize,
    ) {
        let file = parts.join("\n\n");
        let document = Document::parse(&file);
        let passages = document.passages(Size { words, overlap });
        let blocks = document.blocks();
        for passage in &passages {
            prop_assert!(count(&passage.text) <= words, "{} > {words}", count(&passage.text));
            prop_assert!(file.is_char_boundary(passage.range.start) && file.is_char_boundary(passage.range.end));
        }
        for block in blocks.iter().filter(|block| !matches!(block.shape, Shape::Heading(_))) {
            for at in block.range.clone().filter(|at| file.is_char_boundary(*at)) {
                let letter = file[at..].chars().next().filter(|letter| letter.is_alphanumeric());
                if letter.is_some() {
                    prop_assert!(passages.iter().any(|passage| passage.range.contains(&at)), "byte {at} is in none");
                }
            }
        }
        for sentence in document.sentences() {
            let cited: String = file[sentence.range].split_whitespace().collect();
            let text: String = sentence.text.split_whitespace().collect();
            prop_assert_eq!(cited, text);
        }
    }
}

#[test]
fn a_language_is_guessed_by_its_letters() {
    let tag = |text: &str| capstan_text::guess(text).map(|guess| guess.tag).unwrap_or_default();
    assert_eq!(tag("Das Wasser steigt zweimal am Tag, und niemand hat es geholt."), "de");
    assert_eq!(tag("次のページで Django REST framework パスワードを"), "ja", "Latin names in it do not count");
    assert_eq!((tag(""), tag("12 + 3")), (String::new(), String::new()));
}

#[test]
fn words_are_where_they_are_said_to_be() {
    let text = "Ein Wort, 東京 2024!";
    assert!(capstan_text::word_indices(text).all(|(at, word)| text[at..].starts_with(word)));
    assert_eq!(capstan_text::word_indices(text).last(), Some(("Ein Wort, 東京 ".len(), "2024")));
}
