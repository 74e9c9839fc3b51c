//! Measures `analyse` on the labelled texts that it ships.
//!
//! `analysis [--held-out] [--show]`
//!
//! Prints how many languages are told beside whatlang, whichlang and (with the feature `lingua`) lingua; precision, recall
//! and F1 of keyphrases beside the most frequent words and YAKE; how categories and tags fit; and how far simhashes
//! move. `--held-out` measures the half that nothing was chosen on, `--show` prints each labelled text.
//!
//! What it cannot promise: a person wrote the texts, their labels and the taxonomy, so they agree more than texts of strangers do.

#[path = "../../../analyse/tests/measure/mod.rs"]
mod measure;

use std::collections::BTreeMap;
use std::time::Instant;

use capstan_analyse::hamming;
use capstan_terms::fingerprint::simhash;
use measure::{Half, Labelled, Same};

/// The languages that whichlang knows.
const WHICHLANG: &str = "ar zh de en fr hi it ja ko nl pt ru es sv tr vi";

/// Codes of three letters of the languages in the sample.
const CODES: &str = "cmn zh jpn ja eng en deu de fra fr spa es ita it por pt nld nl swe sv dan da nob nb fin fi pol pl ces cs \
    rus ru ukr uk bul bg ell el tur tr hun hu ron ro ara ar pes fa heb he hin hi kor ko vie vi ind id tha th";

type Guess = (&'static str, Box<dyn Fn(&str) -> String>);
type Extract = (&'static str, fn(&Labelled) -> Vec<String>);

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let half = if given.iter().any(|flag| flag == "--held-out") { Half::HeldOut } else { Half::Development };
    println!("{half:?}\n");
    languages(half);
    let texts = measure::labelled();
    let texts: Vec<&Labelled> = texts.iter().filter(|text| text.half == half).collect();
    keyphrases(&texts);
    println!("\ncategories and tags: {:.3?}", measure::tagging(&texts));
    distances(&texts);
    if given.iter().any(|flag| flag == "--show") {
        texts.iter().for_each(|text| show(text));
    }
}

fn languages(half: Half) {
    let of_code = |code: &str| {
        let words: Vec<&str> = CODES.split_whitespace().collect();
        words.chunks(2).find(|pair| pair[0] == code).map_or(code, |pair| pair[1]).to_owned()
    };
    let mut guesses: Vec<Guess> = vec![
        ("analyse", Box::new(measure::language)),
        (
            "whatlang",
            Box::new(move |text| whatlang::detect(text).map_or(String::new(), |found| of_code(found.lang().code()))),
        ),
        ("whichlang", Box::new(move |text| of_code(whichlang::detect_language(text).three_letter_code()))),
    ];
    guesses.extend(lingua());
    for (name, guess) in &guesses {
        for size in ["short", "long"] {
            let start = Instant::now();
            let (right, all, wrong) = measure::languages(half, size, guess);
            let each = start.elapsed().as_micros() as usize / all.max(1);
            let known = |language: &str| WHICHLANG.split(' ').any(|known| known == language);
            let missed: usize = wrong.iter().filter(|(pair, _)| known(&pair[..2])).map(|(_, count)| count).sum();
            println!("{name:10} {size:6} {right} of {all} ({missed} of whichlang's 16 wrong), {each} µs a text");
            if *name == "analyse" {
                println!("           wrong: {wrong:?}");
            }
        }
    }
}

#[cfg(feature = "lingua")]
fn lingua() -> Option<Guess> {
    let detector = lingua::LanguageDetectorBuilder::from_all_languages().with_preloaded_language_models().build();
    let guess = move |text: &str| {
        detector.detect_language_of(text).map(|found| found.iso_code_639_1().to_string()).unwrap_or_default()
    };
    Some(("lingua", Box::new(guess)))
}

#[cfg(not(feature = "lingua"))]
fn lingua() -> Option<Guess> {
    None
}

fn keyphrases(texts: &[&Labelled]) {
    let extractors: [Extract; 3] = [("analyse", measure::ours), ("frequent", measure::frequent), ("yake-rust", yake)];
    println!("\n{} texts; F1 of the first five, precision and recall of the first ten", texts.len());
    let spaced: Vec<&Labelled> = texts.iter().filter(|text| !matches!(&*text.language, "ja" | "zh")).copied().collect();
    let english: Vec<&Labelled> = texts.iter().filter(|text| text.language == "en").copied().collect();
    for (what, texts) in [("all", texts), ("with spaces", &spaced), ("English", &english)] {
        for same in [Same::Exact, Same::Partial] {
            for (name, extract) in extractors {
                let (five, ten) =
                    (measure::keyphrases(texts, 5, same, extract), measure::keyphrases(texts, 10, same, extract));
                println!(
                    "{what:12} {same:?} {name:10} F1@5 {:.3}  P@10 {:.3}  R@10 {:.3}",
                    five.f1, ten.precision, ten.recall
                );
            }
        }
    }
}

fn yake(text: &Labelled) -> Vec<String> {
    let body = capstan_text::Document::parse(&text.file).body().to_owned();
    let stop = yake_rust::StopWords::predefined(&text.language).unwrap_or_default();
    let config = yake_rust::Config { ngrams: 3, ..yake_rust::Config::default() };
    yake_rust::get_n_best(10, &body, &stop, &config).into_iter().map(|found| found.raw).collect()
}

/// How far the simhash moves when words of a text are changed, for texts of about 120, 500 and 2000 words, and how near
/// different texts come.
fn distances(texts: &[&Labelled]) {
    let of = |text: &str| simhash([text].into_iter());
    let all: Vec<&str> = texts.iter().flat_map(|text| text.file.split_whitespace()).collect();
    println!("\nsimhash: share of texts within 3 bits after a number of words was changed, and the mean distance");
    for length in [120, 500, 1400] {
        let mut row = BTreeMap::new();
        for changes in [1, 3, 10] {
            let distances: Vec<u32> = all
                .chunks_exact(length)
                .flat_map(|words| (0..8).map(move |at| (words, at)))
                .map(|(words, at)| {
                    let mut changed: Vec<&str> = words.to_vec();
                    (0..changes).for_each(|step| changed[(at * 13 + step * length / changes) % length] = "otherwise");
                    hamming(of(&words.join(" ")), of(&changed.join(" ")))
                })
                .collect();
            let near = distances.iter().filter(|distance| **distance <= 3).count() as f64 / distances.len() as f64;
            row.insert(
                changes,
                format!("{near:.2} ({:.1})", f64::from(distances.iter().sum::<u32>()) / distances.len() as f64),
            );
        }
        println!("{length:5} words: {row:?}");
    }
    let pairs = texts
        .iter()
        .enumerate()
        .flat_map(|(at, one)| texts[..at].iter().map(|other| hamming(of(&one.file), of(&other.file))));
    println!("nearest pair of different texts: {:?} bits", pairs.min());
}

fn show(text: &Labelled) {
    let found = measure::analysed(&text.file);
    println!("\n{}\n  wanted {:?}\n  given  {:?}", text.name, text.keyphrases, measure::ours(text));
    println!("  {} {:?}", text.category, text.tags);
    for found in found.categories.iter().chain(&found.tags) {
        println!("    {} {} {:?}", found.name, found.score, found.matched);
    }
}
