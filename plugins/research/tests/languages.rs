//! Questions that are not English, and whatever a generator makes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use capstan_research::{choose, open};
use capstan_sdk::Passage;
use capstan_text::Terms;
use proptest::prelude::*;
use serde_json::json;

use support::{BIRDS, bench, brief, passage, resolves};

fn texts(question: &str, texts: &[&str]) -> (Vec<String>, Vec<String>) {
    let library: Vec<Passage> =
        (0..).step_by(5_000).zip(texts).map(|(at, text)| passage(BIRDS[at as usize / 5_000 % 4], at, text)).collect();
    let brief = brief(&bench(question).library(library.clone()).config(json!({ "sentences": 3 })).run().unwrap());
    let of = |key: &str| -> Vec<String> {
        let notes = brief[key].as_array().unwrap();
        notes.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    };
    brief["findings"].as_array().unwrap().iter().for_each(|finding| resolves(&brief, finding, &library));
    (of("findings"), of("open"))
}

#[test]
fn german_is_compared_by_its_stems() {
    let (findings, open) = texts(
        "Wann schlafen Mauersegler, und wer bezahlt den Denkmalschutz?",
        &[
            "Der Mauersegler schläft in der Luft, oft in großer Höhe über der Stadt. Dort ist er vor Feinden sicher.",
            "Mauersegler schlafen nachts, und zwar immer nur mit einer Hälfte des Gehirns.",
            "Die Stadt baut eine neue Brücke über den Fluss, weil die alte zu schmal geworden ist.",
        ],
    );
    assert!(findings.iter().any(|text| text.starts_with("Mauersegler schlafen nachts")), "{findings:#?}");
    assert!(!findings.iter().any(|text| text.contains("Brücke")), "{findings:#?}");
    assert_eq!(open, ["wer bezahlt den Denkmalschutz?"]);
}

#[test]
fn japanese_is_compared_by_runs_of_letters() {
    // The bench finds words between spaces, the host letters.
    let (findings, _) = texts(
        "アマツバメ の 睡眠",
        &[
            "アマツバメは空を飛びながら睡眠をとる。脳の半分だけが眠っているといわれている。",
            "新しい橋の工事が始まった。来年の春までに完成する予定である。",
        ],
    );
    assert_eq!(findings[0], "アマツバメは空を飛びながら睡眠をとる。");
    assert!(!findings.iter().any(|text| text.contains('橋')), "{findings:#?}");
}

#[test]
fn arabic_and_thai_are_cut_into_sentences() {
    let (arabic, _) = texts(
        "كيف تنام طيور السمامة؟",
        &["تنام طيور السمامة في الهواء بنصف الدماغ فقط. وهي تأكل الحشرات التي ترفعها الرياح."],
    );
    assert!(arabic.contains(&"تنام طيور السمامة في الهواء بنصف الدماغ فقط.".to_owned()), "{arabic:#?}");
    let thai = "นกแอ่นนอนหลับกลางอากาศโดยใช้สมองเพียงครึ่งเดียว";
    assert_eq!(texts("นกแอ่นนอนหลับ", &[thai]).0, [thai]);
}

prop_compose! {
    fn any_passages()(texts in prop::collection::vec(("[a-d]{1,2}", any_text(), 0_u32..1000), 0..12)) -> Vec<Passage> {
        let of = |(at, (subject, text, score)): (usize, (String, String, u32))| {
            let end = at as u64 * 10_000 + text.len() as u64;
            Passage { subject, text, score: score.into(), start: at as u64 * 10_000, end, ..Passage::default() }
        };
        let mut texts = texts;
        texts.sort_by_key(|(_, _, score)| std::cmp::Reverse(*score));
        texts.into_iter().enumerate().map(of).collect()
    }
}

/// Sentences of a few words, and anything between them.
fn any_text() -> impl Strategy<Value = String> {
    let sentence = prop::collection::vec("(wind|sea|bird|sleep|night|the|of|eats)", 3..12);
    let sentence = (sentence, "[.?!:]").prop_map(|(words, end)| format!("The {}{end}", words.join(" ")));
    prop::collection::vec(prop_oneof![4 => sentence, 1 => any::<String>()], 0..6).prop_map(|parts| parts.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// There are never more findings than wanted, each is in its passage, none comes twice, documents stay together.
    #[test]
    fn findings_are_sentences_of_their_passages(
        passages in any_passages(), question in ".{0,40}|(how|sleep|bird|, )*", most in 1_usize..8,
    ) {
        let terms = Terms::of("en");
        let findings = choose(&question, &passages, &terms, most);
        prop_assert!(findings.len() <= most);
        let mut documents: Vec<&str> = Vec::new();
        for (at, finding) in findings.iter().enumerate() {
            let passage = &passages[finding.cites[0]];
            prop_assert!(passage.text.contains(&finding.text));
            prop_assert!(findings[..at].iter().all(|other| other.text != finding.text));
            documents.push(&passage.subject);
        }
        documents.dedup();
        let mut once = documents.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(documents.len(), once.len());
        let open = open(&question, &passages, &findings, &terms);
        prop_assert!(open.iter().all(|note| note.cites.iter().all(|at| passages[*at].text.contains(&note.text))));
        prop_assert!(!findings.is_empty() || question.trim().is_empty() || !open.is_empty());
    }

    /// The same question to the same library gives the same brief, wherever it was stopped in between.
    #[test]
    fn whatever_the_library_a_stopped_attempt_ends_with_the_same_brief(passages in any_passages(), stop in 0_u64..5) {
        let question = "how does a bird sleep, and what wind is at sea?";
        let whole = bench(question).library(passages.clone()).run().unwrap();
        let stopped = bench(question).library(passages.clone()).cancelled_after(stop).run().unwrap();
        let resumed = bench(question).library(passages).after(&stopped).run().unwrap();
        prop_assert_eq!(resumed.text("brief.json"), whole.text("brief.json"));
        prop_assert_eq!(stopped.searches().len() + resumed.searches().len(), whole.searches().len());
    }
}
