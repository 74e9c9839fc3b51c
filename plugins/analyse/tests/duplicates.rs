//! What the simhash takes for the same.
mod measure;

use capstan_analyse::hamming;
use capstan_terms::fingerprint::simhash;

fn of(text: &str) -> u64 {
    simhash([text].into_iter())
}

#[test]
fn the_distance_is_the_number_of_bits_that_differ() {
    assert_eq!((hamming(0, 0), hamming(0, u64::MAX), hamming(0b1010, 0b0110)), (0, 64, 2));
}

#[test]
fn a_long_text_with_a_changed_word_is_near() {
    let texts = measure::labelled();
    let long: String = texts.iter().filter(|text| text.language == "en").map(|text| &*text.file).collect();
    assert!(long.split_whitespace().count() > 1500);
    for change in [("afternoon", "evening"), ("Crash recovery", "Recovery"), ("compost heap", "heap of compost")] {
        let changed = long.replacen(change.0, change.1, 1);
        assert_ne!(changed, long);
        assert!(hamming(of(&long), of(&changed)) <= 3, "{change:?}: {}", hamming(of(&long), of(&changed)));
    }
}

#[test]
fn different_texts_are_far() {
    let texts = measure::labelled();
    for (at, one) in texts.iter().enumerate() {
        for other in &texts[..at] {
            let distance = hamming(of(&one.file), of(&other.file));
            assert!(distance > 10, "{} and {} are {distance} bits apart", one.name, other.name);
        }
    }
}

#[test]
fn short_texts_are_one_run() {
    assert_eq!(of(""), 0);
    assert_eq!(of("One two"), of("one  TWO"));
    assert_ne!(of("one two"), of("two one"));
}
