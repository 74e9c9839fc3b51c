//! Documents that are short of something, and documents of other scripts.

use capstan_analyse::entity::MOST;
use capstan_analyse::language::From;
use capstan_analyse::{Analysis, Config, analyse};
use proptest::prelude::*;

fn of(text: &str) -> Analysis {
    analyse(text, &Config::default())
}

fn phrases(text: &str) -> Vec<String> {
    of(text).keyphrases.into_iter().map(|phrase| phrase.text).collect()
}

#[test]
fn an_empty_document_says_nothing() {
    for text in ["", "\n\n", "---\ntitle: \"Nothing\"\n---\n\n", "![only](a.png)"] {
        let found = of(text);
        assert_eq!((found.words, found.sentences, found.reading_seconds), (0, 0, 0));
        assert_eq!((&*found.language.tag, found.language.from), ("und", From::Unknown));
        assert!(found.keyphrases.is_empty());
        assert_eq!(found.simhash, "0000000000000000");
        assert!(found.digest.starts_with("e3b0c44298fc1c149afb"), "the digest of no bytes");
    }
}

#[test]
fn code_is_counted_and_not_described() {
    let found = of("```rust\nfn main() { println!(\"hello\"); }\n```\n");
    assert_eq!((found.words, found.sentences, &*found.language.tag), (4, 0, "und"));
    assert!(found.keyphrases.is_empty());
    assert_ne!(found.simhash, "0000000000000000");
}

#[test]
fn a_table_gives_phrases_that_stay_in_their_cells() {
    let table = "| Harbour | Low water |\n|---|---|\n| Saltby | 04:10 |\n| North Quay | 05:00 |\n| Saltby | 06:00 |\n";
    let found = phrases(table);
    assert!(found.contains(&"Saltby".to_owned()) && found.contains(&"North Quay".to_owned()), "{found:?}");
    assert!(found.iter().all(|phrase| !phrase.contains(['\t', '\n']) && phrase != "Harbour Low"), "{found:?}");
}

#[test]
fn text_from_right_to_left_is_described() {
    let arabic = "يخرج الصيادون إلى البحر قبل الفجر. البحر هادئ في الصيف، والصيادون يعرفون البحر جيدا.";
    let found = of(arabic);
    assert_eq!(found.language.tag, "ar");
    assert!(found.keyphrases.iter().any(|phrase| phrase.text.contains("البحر")), "{:?}", found.keyphrases);
    assert!(found.keyphrases.iter().all(|phrase| arabic[phrase.start..phrase.end] == phrase.text));
}

#[test]
fn scripts_without_spaces_are_described() {
    let chinese = "潮汐发电站建在海边。潮汐发电站利用海水的涨落，潮汐发电站每天发电两次。";
    let found = of(chinese);
    assert_eq!((&*found.language.tag, found.sentences), ("zh", 2));
    assert_eq!(found.words, 32);
    assert_eq!(found.reading_seconds, 7, "32 letters at 260 a minute");
    assert_eq!(found.keyphrases[0].text, "潮汐发电站");
    assert_eq!((found.keyphrases[0].count, found.keyphrases[0].start), (3, 0));
    assert!(phrases("露天風呂は楽しい。宿の露天風呂に入る。").contains(&"露天風呂".to_owned()));
    assert!(of("ภาษาไทยเป็นภาษาที่มีเสียงวรรณยุกต์").language.tag == "th");
}

#[test]
fn reading_takes_as_long_as_is_configured() {
    let text = "word ".repeat(476);
    assert_eq!(of(&text).reading_seconds, 120);
    let config = Config { reading_speed: 476, ..Config::default() };
    assert_eq!(analyse(&text, &config).reading_seconds, 60);
}

#[test]
fn days_exist_and_stand_alone() {
    let found =
        of("2024-02-29 2023-02-29 2024-13-01 1-2024-02-28 2024-02-281 2024-02-27T10:00 (2024-02-26) v2024-02-25");
    let days: Vec<&str> = found.entities.dates.iter().map(|day| &*day.text).collect();
    assert_eq!(days, ["2024-02-29", "2024-02-27", "2024-02-26"]);
}

#[test]
fn entities_are_cut_at_their_limit_the_most_frequent_first() {
    let mut text: String = (0..MOST).map(|number| format!("x{number}@example.org\n\n")).collect();
    assert_eq!(of(&text).entities.emails.len(), MOST);
    text.push_str("late@example.org late@example.org");
    let emails = of(&text).entities.emails;
    assert_eq!((emails.len(), &*emails[0].text, emails[0].count), (MOST, "late@example.org", 2));
    assert_eq!(emails[MOST - 1].text, format!("x{}@example.org", MOST - 2));
}

/// Prints how long it took; `-- --nocapture` shows it.
#[test]
fn five_megabytes_are_no_trouble() {
    let words: Vec<String> =
        (0..40_000_u32).map(|number| format!("w{:x}", number.wrapping_mul(2_654_435_761) >> 8)).collect();
    let mut text = String::from("# Huge\n\n");
    let mut state = 1_u32;
    while text.len() < 5_000_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&words[(state >> 8) as usize % words.len()]);
        text.push_str(match state >> 28 {
            0 => ".\n\n",
            1..=3 => ". The ",
            4..=7 => " of the ",
            _ => " ",
        });
    }
    let start = std::time::Instant::now();
    let found = of(&text);
    println!("{} bytes, {} words: {:?}", text.len(), found.words, start.elapsed());
    assert_eq!(found.keyphrases.len(), 10);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_can_be_shown(
        parts in prop::collection::vec(prop_oneof![
            "[a-zäöß]{1,9}( [a-zA-Z'’-]{1,9}){0,30}[.!?]",
            "# [A-Z][a-z]{1,9}",
            "[一-龥ぁ-んァ-ヶ]{1,40}。",
            "[א-ת]{1,6}( [ا-ي]{1,6}){0,9}",
            "\\PC{0,40}",
            "https?://[a-z]{1,5}\\.(org|de)/[a-z0-9?=&#]{0,9}",
            "`{3}\n[a-z(){};\n]{0,40}\n`{3}",
        ], 0..10),
    ) {
        let file = parts.join("\n\n");
        let found = of(&file);
        prop_assert_eq!(&found, &of(&file));
        prop_assert!(found.keyphrases.is_sorted_by(|a, b| a.score >= b.score));
        for phrase in &found.keyphrases {
            prop_assert!((0.0..=1.0).contains(&phrase.score) && phrase.count > 0);
            let place = file.get(phrase.start..phrase.end);
            prop_assert!(place.is_some(), "{:?} is cut at no letter", phrase);
            // Marks may stand between: what is left are the letters of the phrase, in their order.
            let mut rest = place.unwrap_or_default().chars();
            let are_there = phrase.text.chars().filter(|letter| letter.is_alphanumeric()).all(|letter| rest.any(|other| other == letter));
            prop_assert!(are_there || place.is_some_and(|place| place.contains('&')), "{:?} is not at its place", phrase);
        }
        let entities = found.entities.urls.iter().chain(&found.entities.emails).chain(&found.entities.dates);
        for entity in entities {
            prop_assert!(file[entity.offset..].starts_with(&*entity.text));
        }
        prop_assert_eq!(found.simhash.len(), 16);
    }

    #[test]
    fn case_and_white_space_leave_the_digest_alone(words in prop::collection::vec("[a-z]{1,8}", 1..40)) {
        let (plain, shouted) = (words.join(" "), words.join("  \n").to_uppercase());
        prop_assert_eq!(of(&plain).digest, of(&shouted).digest);
        prop_assert_eq!(of(&plain).simhash, of(&shouted).simhash);
        prop_assert_ne!(of(&plain).digest, of(&format!("{plain} more")).digest);
    }
}
