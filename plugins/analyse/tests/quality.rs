//! Floors of what `plugins/compare` prints (`docs/analysis.md`), a little below what was measured, so that a loss is seen.

mod measure;

use measure::{Half, Labelled, Same};

/// Languages with five long texts or more; Django has too few messages in Hindi and Thai.
const LONG: usize = 28;

const HALVES: [Half; 2] = [Half::Development, Half::HeldOut];

fn of(texts: &[Labelled], half: Half) -> Vec<&Labelled> {
    texts.iter().filter(|text| text.half == half).collect()
}

#[test]
fn languages_are_told() {
    for half in HALVES {
        for (size, floor) in [("short", 0.84), ("long", 0.98)] {
            let (right, all, wrong) = measure::languages(half, size, measure::language);
            assert!(all >= 80, "{all} texts");
            assert!(right as f64 >= all as f64 * floor, "{half:?} {size}: {right} of {all}, {wrong:?}");
        }
    }
}

#[test]
fn the_sample_is_what_the_page_says() {
    let samples = measure::samples();
    let languages: std::collections::BTreeSet<&str> = samples.iter().map(|sample| &*sample.language).collect();
    assert_eq!(languages.len(), 30);
    let count = |language: &str, size: &str| {
        samples.iter().filter(|sample| sample.language == language && sample.size == size).count()
    };
    assert!(languages.iter().all(|language| count(language, "short") == 12 && count(language, "long") >= 4));
    assert_eq!(languages.iter().filter(|language| count(language, "long") >= 5).count(), LONG);
    for text in measure::labelled() {
        let body = text.file.to_lowercase();
        assert!(text.keyphrases.iter().all(|phrase| body.contains(&phrase.to_lowercase())), "{}", text.name);
    }
}

#[test]
fn keyphrases_are_better_than_frequent_words() {
    let texts = measure::labelled();
    for half in HALVES {
        let texts = of(&texts, half);
        for (same, floor, ahead) in [(Same::Exact, 0.40, 0.10), (Same::Partial, 0.53, 0.03)] {
            let ours = measure::keyphrases(&texts, 5, same, measure::ours);
            let frequent = measure::keyphrases(&texts, 5, same, measure::frequent);
            assert!(ours.f1 >= floor && ours.f1 >= frequent.f1 + ahead, "{half:?} {same:?}: {ours:?}, {frequent:?}");
            let ten = measure::keyphrases(&texts, 10, same, measure::ours);
            assert!(ten.recall >= 0.48 && ten.precision >= 0.28, "{half:?} {same:?}: {ten:?}");
        }
    }
}

#[test]
fn the_taxonomy_fits() {
    let texts = measure::labelled();
    for half in HALVES {
        let found = measure::tagging(&of(&texts, half));
        assert!(found.first >= 0.8 && found.given <= 1.5, "{half:?}: {found:?}");
        assert!(found.precision >= 0.85 && found.recall >= 0.7, "{half:?}: {found:?}");
    }
}
