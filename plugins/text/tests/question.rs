//! Questions: their parts, the sentences that answer them, what to search for next.

use std::collections::HashSet;

use capstan_text::{
    Candidate, Terms, answering, clauses, escaped, feedback, guess, is_prose, is_question, missing, sentence_ranges,
};
use proptest::prelude::*;

fn cut(text: &str) -> Vec<&str> {
    sentence_ranges(text).into_iter().map(|range| &text[range]).collect()
}

#[test]
fn a_line_ends_a_sentence_of_plain_text() {
    let text = "  One two. Three\nfour etc.\nFive? \n\nSix";
    assert_eq!(cut(text), ["One two.", "Three", "four etc.", "Five?", "Six"]);
}

#[test]
fn prose_is_told_from_code_tables_and_scraps() {
    for prose in [
        "Swifts sleep in the air.",
        "“They do,” he said to (almost) all of us!",
        "In 2019, 1,234 people of 2,700 came.",
        "吾輩は猫である。",
        "वह हर दिन सुबह नदी के किनारे जाता है।",
        "นกแอ่นนอนหลับกลางอากาศโดยใช้สมองเพียงครึ่งเดียว",
        "Do they sleep at all there?",
    ] {
        assert!(is_prose(prose), "{prose}");
    }
    for other in [
        "They sleep well.",
        "and when we should and should not use it.",
        "Swifts sleep in the air:",
        "let air = swifts.sleep(1, 2);",
        "/// What the model has to answer.",
        "cargo add serde with all features",
        "name\tage\tplace where he lives.",
        "a.b(c); d.e(f); g.h(i); j.k(l).",
        "",
    ] {
        assert!(!is_prose(other), "{other}");
    }
    let words = |count: usize| "Word ".repeat(count - 1) + "end.";
    assert_eq!([4, 5, 80, 81].map(|count| is_prose(&words(count))), [false, true, true, false]);
}

#[test]
fn questions_are_told_by_their_mark() {
    assert!(["Who?", "誰ですか？", "من؟", "“Who?”"].into_iter().all(is_question));
    assert!(!["Who.", "", "? no"].into_iter().any(is_question));
}

#[test]
fn a_question_is_cut_where_two_are_joined() {
    for (question, parts) in [
        ("How do swifts sleep, and what do they eat?", vec!["How do swifts sleep", "what do they eat?"]),
        ("How do swifts sleep and what do they eat?", vec!["How do swifts sleep", "what do they eat?"]),
        ("Where do they live? What do they eat?", vec!["Where do they live?", "What do they eat?"]),
        ("In Rust, who owns a value?", vec!["In Rust, who owns a value?"]),
        ("What are the pros and cons of the model?", vec!["What are the pros and cons of the model?"]),
        ("¿Cómo duermen los pájaros y qué comen ellos?", vec!["¿Cómo duermen los pájaros", "qué comen ellos?"]),
        ("What is salt and pepper?", vec!["What is salt and pepper?"]),
        ("彼は何を食べますか、どこに住んでいますか？", vec!["彼は何を食べますか", "どこに住んでいますか？"]),
        ("  ", vec![""]),
    ] {
        assert_eq!(clauses(question), parts);
    }
}

#[test]
fn what_is_missing_is_named_once() {
    let terms = Terms::of("en");
    let known = terms.set("Swifts sleep while flying.");
    let (parts, words) = missing("How long do swifts sleep, and which ghosts wander and wander?", &known, &terms);
    assert_eq!((parts, words), (vec!["which ghosts wander and wander?".to_owned()], vec![]));
    let (parts, words) = missing("Do swifts sleep under anaesthesia or Anaesthesia?", &known, &terms);
    assert_eq!((parts, words), (vec![], vec!["anaesthesia".to_owned()]));
    let (parts, _) = missing("Is it so?", &HashSet::new(), &terms);
    assert_eq!(parts, ["Is it so?"], "without anything known all of it is missing, also a question of stop words");
}

#[test]
fn feedback_stands_out_and_is_new() {
    let terms = Terms::of("en");
    let texts = [
        ("Swifts sleep above clouds, ascending at dusk. Ascending swifts glide.", 3.0),
        ("Ascending birds were tracked by radar above the clouds.", 2.0),
        ("Bread is made of flour. Swifts like clouds.", 1.0),
        ("Clouds are made of water.", 1.0),
    ];
    let known = terms.set("how do swifts sleep");
    let words = feedback(&texts, &known, &terms, 2);
    assert!(words.iter().any(|word| word.to_lowercase() == "ascending"), "{words:?}");
    assert!(feedback(&texts, &known, &terms, 50).iter().all(|word| !known.contains(&word.to_lowercase())));
    assert!(feedback(&[], &known, &terms, 2).is_empty());
}

#[test]
fn no_origin_takes_all_and_nothing_comes_twice() {
    let of = |from, text| Candidate { text, from, weight: if from == "a" { 0.0 } else { 1.0 } };
    let sentences = [
        of("a", "The bakery opens at seven each morning."),
        of("b", "Swifts sleep in clear air at night."),
        of("b", "Most swifts sleep while gliding at night."),
        of("b", "Young swifts sleep less on a cold night."),
        of("b", "Old swifts sleep above clouds at night."),
        of("c", "Tired swifts sleep under a roof at night."),
        of("d", "Ill swifts sleep beside a wall at night."),
        of("b", "Swifts sleep in clear air at night!"),
    ];
    let order = answering("How do swifts sleep at night?", &sentences, &Terms::of("en"), 4);
    let of_b = order.iter().filter(|at| sentences[**at].from == "b").count();
    assert_eq!((order.len(), of_b), (4, 2), "{order:?}");
    assert!([0, 7].iter().all(|at| !order.contains(at)), "neither bread nor the same again: {order:?}");
    let alone: Vec<_> = sentences.into_iter().filter(|sentence| sentence.from == "b").collect();
    assert_eq!(answering("How do swifts sleep at night?", &alone, &Terms::of("en"), 4).len(), 4);
}

#[test]
fn languages_are_guessed() {
    let german = guess("Der Mauersegler schläft in der Luft, oft in großer Höhe über der Stadt.");
    assert_eq!(german.map(|german| german.tag).as_deref(), Some("de"));
    assert!(guess("1 2 3").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Sentences are ranges of the text, ascending, without spaces around them.
    #[test]
    fn sentence_ranges_are_ranges(text in "(\\PC|\n|[.?!] ){0,80}") {
        let mut end = 0;
        for range in sentence_ranges(&text) {
            prop_assert!(end <= range.start && range.start < range.end);
            let sentence = &text[range.clone()];
            prop_assert_eq!(sentence.trim(), sentence);
            end = range.end;
        }
    }

    /// No part of a question has a word that it has not, and there is always one.
    #[test]
    fn clauses_are_of_the_question(question in "([a-z]{1,5}|and|or|, |; | |\\? ){0,20}") {
        let words: HashSet<&str> = question.split(|c: char| c.is_whitespace() || ",;?".contains(c)).collect();
        let parts = clauses(&question);
        prop_assert!(!parts.is_empty());
        let all = parts.iter().flat_map(|part| part.split(|c: char| c.is_whitespace() || ",;?".contains(c)));
        prop_assert!(all.into_iter().all(|word| words.contains(word)));
    }

    /// Whatever the sentences, an order has each at most once.
    #[test]
    fn an_order_has_each_at_most_once(
        texts in prop::collection::vec("(a|bird|sleeps|sea|[ .]){0,9}", 0..20), question in ".{0,20}", most in 0_usize..30,
    ) {
        let weight = |at: usize| at as f32 / 20.0;
        let sentences = texts.iter().enumerate().map(|(at, text)| Candidate { text, from: &text[..text.len().min(1)], weight: weight(at) });
        let sentences: Vec<_> = sentences.collect();
        let mut order = answering(&question, &sentences, &Terms::of(""), most);
        prop_assert!(order.len() <= most.min(sentences.len()));
        order.sort_unstable();
        prop_assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// What is escaped is one line.
    #[test]
    fn escaped_is_one_line(text in any::<String>()) {
        prop_assert!(escaped(&text).lines().count() <= 1);
    }
}
