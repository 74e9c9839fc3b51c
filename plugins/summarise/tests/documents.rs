//! All kinds of documents: languages, repetition, size, and whatever a generator comes up with.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;

use capstan_summarise::{CANDIDATES, Cited, Origin, Summary, Weights, extract};
use capstan_text::{Document, Shape};
use proptest::prelude::*;

fn taken(file: &str, most: usize) -> Vec<Cited> {
    extract(&Document::parse(file), most, 0.3, &Weights::default()).sentences
}

fn in_language(language: &str, body: &str) -> Vec<Cited> {
    let file = format!("---\nlanguage: \"{language}\"\n---\n\n{body}\n");
    let cited = taken(&file, 2);
    for cited in &cited {
        assert_eq!(file[cited.range.clone()], cited.text, "plain text is cited as it stands");
    }
    cited
}

#[test]
fn every_language_leaves_out_what_has_nothing_to_do_with_the_rest() {
    let cases = [
        (
            "de",
            "Die Gezeitenmühle mahlt das Korn mit der Kraft der Gezeiten. Heute scheint draußen endlich wieder die Sonne. \
            Bei Flut füllt das Wasser den Teich der Mühle. Bei Ebbe treibt das Wasser aus dem Teich die Mühle an.",
            "Sonne",
        ),
        (
            "fr",
            "Le moulin à marée utilise la force de la marée pour moudre le grain. Ma tante préfère les romans policiers. \
            La marée montante remplit l'étang du moulin. À marée basse, l'eau de l'étang fait tourner le moulin.",
            "romans",
        ),
        (
            "ja",
            "潮汐水車は潮の満ち引きの力で穀物を挽く。満潮のとき潮の水が水車の池を満たす。弟は新しい靴を買った。\
            干潮のとき池の水が潮汐水車を回す。",
            "靴",
        ),
        (
            "zh",
            "潮汐磨坊利用潮汐的力量磨碎谷物。涨潮时潮水灌满磨坊的池塘。我的弟弟昨天买了新鞋子。退潮时池塘的水推动潮汐磨坊。",
            "鞋",
        ),
        (
            "ar",
            "تستخدم طاحونة المد قوة المد والجزر لطحن الحبوب. اشترى أخي الصغير حذاء جديدا أمس. يملأ ماء المد بركة الطاحونة مرتين \
            في اليوم. يدير ماء البركة الطاحونة عند الجزر.",
            "حذاء",
        ),
        (
            "th",
            "กังหันน้ำขึ้นน้ำลงใช้พลังของน้ำขึ้นน้ำลงเพื่อโม่ข้าวในหมู่บ้านริมทะเล น้องชายของฉันซื้อรองเท้าคู่ใหม่จากตลาดเมื่อวานนี้ตอนบ่ายสองโมงครึ่ง \
            เมื่อน้ำขึ้นน้ำจะเต็มบ่อของกังหันน้ำขึ้นน้ำลงในหมู่บ้านวันละสองครั้ง เมื่อน้ำลงน้ำจากบ่อจะหมุนกังหันน้ำขึ้นน้ำลงเพื่อโม่ข้าวในหมู่บ้าน",
            "รองเท้า",
        ),
    ];
    for (language, body, stray) in cases {
        let cited = in_language(language, body);
        assert_eq!(cited.len(), 2, "{language}: {cited:?}");
        assert!(cited.iter().all(|cited| !cited.text.contains(stray)), "{language}: {cited:?}");
        let unknown = taken(body, 2);
        assert_eq!(unknown.len(), 2, "a language that is not known is read all the same");
    }
}

#[test]
fn a_text_from_right_to_left_survives_the_file() {
    let document =
        Document::parse("# عنوان\n\nتستخدم طاحونة المد قوة المد والجزر لطحن الحبوب. يملأ ماء المد بركة الطاحونة.");
    let found = extract(&document, 5, 0.3, &Weights::default());
    let file = Summary::extractive("ar", &found.sentences).file(&document);
    assert!(file.contains("- تستخدم طاحونة المد قوة المد والجزر لطحن الحبوب. ["), "{file}");
}

#[test]
fn a_sentence_that_is_said_again_is_taken_once() {
    let said = "The tide mill grinds corn with the force of the tide.";
    let again = "With the force of the tide, the tide mill grinds corn!";
    let file = format!("{said} {said} {again} {said}\n\nThe miller sleeps when the pond of the mill is empty.");
    let texts: Vec<String> = taken(&file, 5).into_iter().map(|cited| cited.text).collect();
    assert_eq!(texts, [said, "The miller sleeps when the pond of the mill is empty."]);
}

#[test]
fn diversity_prefers_what_was_not_said() {
    let file = "The tide mill grinds the corn of the village. The tide mill grinds the wheat of the village. The tide mill \
        grinds the barley of the village. A heron lives beside the pond of the mill.";
    let texts = |diversity: f32| {
        let found = extract(&Document::parse(file), 2, diversity, &Weights::default()).sentences;
        found.into_iter().map(|cited| cited.text).collect::<Vec<_>>()
    };
    assert!(texts(0.0).iter().all(|text| text.contains("grinds")), "{:?}", texts(0.0));
    assert!(texts(0.9).iter().any(|text| text.contains("heron")), "{:?}", texts(0.9));
}

#[test]
fn scraps_and_endless_sentences_are_left_out() {
    let endless = "word ".repeat(200);
    let file = format!(
        "Too short.\n\n{endless}\n\nA sentence of usual length stands between the others.\n\nIt is as follows in this list:"
    );
    let texts: Vec<String> = taken(&file, 5).into_iter().map(|cited| cited.text).collect();
    assert_eq!(texts, ["A sentence of usual length stands between the others."]);
}

/// Sentences of words from a fixed generator, about as long as real ones.
fn large(bytes: usize) -> String {
    let (mut file, mut state) = ("# Large\n\n".to_owned(), 7u64);
    let mut next = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    while file.len() < bytes {
        let words = 12 + next(16);
        for at in 0..words {
            // Few words are frequent and most are rare, as in texts.
            let rank = next(40_000) * next(40_000) / 40_000;
            let _ = write!(file, "{}w{rank:x}", if at == 0 { "The " } else { " " });
        }
        file.push_str(if next(6) == 0 { ".\n\n" } else { ". " });
    }
    file
}

#[test]
fn five_megabytes_are_summarised() {
    let file = large(5_000_000);
    let document = Document::parse(&file);
    assert!(document.sentences().len() > 20 * CANDIDATES);
    let found = extract(&document, 50, 0.3, &Weights::default());
    assert_eq!((found.origin, found.sentences.len()), (Origin::Sentences, 50));
}

#[test]
fn a_million_short_lines_without_a_sentence_are_passed_over() {
    let found = extract(&Document::parse(&"a b\n\n".repeat(300_000)), 5, 0.3, &Weights::default());
    assert_eq!(found.origin, Origin::Nothing);
    let found = extract(&Document::parse(&"x".repeat(2_000_000)), 5, 0.3, &Weights::default());
    assert_eq!(found.origin, Origin::Nothing, "one word is no sentence, however long");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn never_more_than_asked_in_order_and_within_the_file(
        parts in prop::collection::vec(prop_oneof![
            "[A-Z][a-z]{1,9}( [a-zäß&*_`]{1,9}){0,20}[.!?:]( [A-Z][a-z]{1,9}( [a-z]{1,9}){3,20}\\.){0,3}",
            "#{1,3} [A-Z][a-z]{1,9}( [a-z]{1,9}){0,5}",
            "- [a-z]{1,9}( [a-z\\[\\]()]{1,9}){0,9}",
            "[一-龥ぁ-ん]{1,60}。[一-龥]{1,20}。",
            "[ก-ฮะ-า]{1,200}( [ก-ฮ]{1,90}){0,4}",
            "\\PC{0,60}",
        ], 0..20),
        most in 1..=50usize, diversity in 0.0..=1.0f32, language in "(en|de|ja|th|xx|)",
    ) {
        let file = format!("---\nlanguage: \"{language}\"\n---\n\n{}", parts.join("\n\n"));
        let document = Document::parse(&file);
        let found = extract(&document, most, diversity, &Weights::default());
        prop_assert!(found.sentences.len() <= most);
        prop_assert_eq!(found.sentences.is_empty(), found.origin == Origin::Nothing);
        for pair in found.sentences.windows(2) {
            prop_assert!(pair[0].range.end <= pair[1].range.start, "{:?}", pair);
        }
        let known: Vec<_> = document.sentences().into_iter().map(|sentence| (sentence.range, sentence.text)).collect();
        for cited in &found.sentences {
            prop_assert!(file.get(cited.range.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&cited.score), "{}", cited.score);
            if found.origin == Origin::Sentences {
                prop_assert!(known.contains(&(cited.range.clone(), cited.text.clone())));
            }
        }
        prop_assert_eq!(&found, &extract(&document, most, diversity, &Weights::default()));
        let read = Document::parse(&Summary::extractive(&language, &found.sentences).file(&document));
        let read: Vec<_> = read.blocks().into_iter().filter(|block| block.shape == Shape::Prose).collect();
        prop_assert_eq!(read.len(), found.sentences.len());
        for (block, cited) in read.iter().zip(&found.sentences) {
            let text = cited.text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&block.text, &format!("{text} [{}–{}]", cited.range.start, cited.range.end));
        }
    }
}
