//! The measures and the labelled texts, for the tests, which keep floors, and for `plugins/compare`, which prints them.
//!
//! What it cannot promise: each of these users leaves something unused, so nobody is told about it.
#![allow(dead_code)]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use capstan_analyse::taxonomy::Node;
use capstan_analyse::{Analysis, Config, analyse};

/// Which part of the texts: what rules and constants were chosen on, and what was kept out of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// For choosing.
    Development,
    /// Held out.
    HeldOut,
}

/// A text of `languages.tsv`.
pub(crate) struct Sample {
    /// Its language.
    pub(crate) language: String,
    /// Which part it is in.
    pub(crate) half: Half,
    /// `short` or `long`.
    pub(crate) size: String,
    /// The text.
    pub(crate) text: String,
}

/// A text of `keyphrases.tsv` with what a person said about it.
pub(crate) struct Labelled {
    /// The name of its file.
    pub(crate) name: String,
    /// Its language.
    pub(crate) language: String,
    /// Which part it is in.
    pub(crate) half: Half,
    /// The one category.
    pub(crate) category: String,
    /// The tags, none or some.
    pub(crate) tags: Vec<String>,
    /// The keyphrases.
    pub(crate) keyphrases: Vec<String>,
    /// The file.
    pub(crate) file: String,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../analyse/tests/data")
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let file = fs::read_to_string(data().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let rows = file.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn half(letter: &str) -> Half {
    if letter == "d" { Half::Development } else { Half::HeldOut }
}

/// The texts of known language.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |row: Vec<String>| match <[String; 4]>::try_from(row) {
        Ok([language, part, size, text]) => Sample { language, half: half(&part), size, text },
        Err(row) => panic!("{row:?} has not four fields"),
    };
    rows("languages.tsv").into_iter().map(sample).collect()
}

/// The texts with keyphrases, category and tags.
pub(crate) fn labelled() -> Vec<Labelled> {
    let list = |text: &str| text.split(", ").filter(|part| *part != "-").map(str::to_owned).collect::<Vec<_>>();
    let labelled = |row: Vec<String>| match <[String; 6]>::try_from(row) {
        Ok([name, language, part, category, tags, keyphrases]) => Labelled {
            file: fs::read_to_string(data().join("texts").join(format!("{name}.md"))).unwrap_or_default(),
            half: half(&part),
            tags: list(&tags),
            keyphrases: list(&keyphrases),
            name,
            language,
            category,
        },
        Err(row) => panic!("{row:?} has not six fields"),
    };
    rows("keyphrases.tsv").into_iter().map(labelled).collect()
}

/// The taxonomy of the labels.
pub(crate) fn taxonomy() -> Vec<Node> {
    let file = fs::read_to_string(data().join("taxonomy.json")).unwrap_or_default();
    serde_json::from_str(&file).unwrap_or_else(|error| panic!("taxonomy.json: {error}"))
}

/// A text analysed with the taxonomy.
pub(crate) fn analysed(file: &str) -> Analysis {
    analyse(file, &Config { taxonomy: taxonomy(), ..Config::default() })
}

/// The language that a text seems to be in.
pub(crate) fn language(text: &str) -> String {
    analyse(text, &Config::default()).language.detected.unwrap_or_default()
}

/// What a guess of languages got right, of how many, and its mistakes.
pub(crate) fn languages(
    half: Half,
    size: &str,
    guess: impl Fn(&str) -> String,
) -> (usize, usize, BTreeMap<String, usize>) {
    let (mut right, mut all, mut wrong) = (0, 0, BTreeMap::new());
    for sample in samples().iter().filter(|sample| sample.half == half && sample.size == size) {
        let guessed = guess(&sample.text);
        all += 1;
        if guessed == sample.language {
            right += 1;
        } else {
            *wrong.entry(format!("{} as {guessed}", sample.language)).or_insert(0) += 1;
        }
    }
    (right, all, wrong)
}

/// How keyphrases are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// The same letters but for case.
    Exact,
    /// One holds the other.
    Partial,
}

/// What the first `most` of `given` have in common with `wanted`: precision, recall and F1, the mean over texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// The share of the given that was wanted.
    pub(crate) precision: f64,
    /// The share of the wanted that was given.
    pub(crate) recall: f64,
    /// Their harmonic mean.
    pub(crate) f1: f64,
}

/// Scores an extractor. Each wanted phrase is found by one given phrase at most.
pub(crate) fn keyphrases(
    texts: &[&Labelled],
    most: usize,
    same: Same,
    extract: impl Fn(&Labelled) -> Vec<String>,
) -> Score {
    let mut sum = Score { precision: 0.0, recall: 0.0, f1: 0.0 };
    for text in texts {
        let given: Vec<String> = extract(text).iter().take(most).map(|phrase| phrase.to_lowercase()).collect();
        let mut open: Vec<String> = text.keyphrases.iter().map(|phrase| phrase.to_lowercase()).collect();
        let is_same = |a: &str, b: &str| a == b || (same == Same::Partial && (a.contains(b) || b.contains(a)));
        for phrase in &given {
            let exact = open.iter().position(|wanted| wanted == phrase);
            if let Some(at) = exact.or_else(|| open.iter().position(|wanted| is_same(wanted, phrase))) {
                open.remove(at);
            }
        }
        let found = (text.keyphrases.len() - open.len()) as f64;
        let (precision, recall) = (found / given.len().max(1) as f64, found / text.keyphrases.len() as f64);
        sum.precision += precision / texts.len() as f64;
        sum.recall += recall / texts.len() as f64;
        sum.f1 += 2.0 * found / (given.len() + text.keyphrases.len()) as f64 / texts.len() as f64;
    }
    sum
}

/// The extractor under test.
pub(crate) fn ours(text: &Labelled) -> Vec<String> {
    analyse(&text.file, &Config::default()).keyphrases.into_iter().map(|phrase| phrase.text).collect()
}

/// The plain baseline: the most frequent words that are no stop words, the earlier first; pairs of letters where no
/// spaces are written.
pub(crate) fn frequent(text: &Labelled) -> Vec<String> {
    let body = capstan_text::Document::parse(&text.file).body().to_lowercase();
    let stop: HashSet<&str> = stop_words::lookup(&text.language).unwrap_or_default().iter().copied().collect();
    let mut words: Vec<String> = capstan_text::words(&body).map(str::to_owned).collect();
    if matches!(&*text.language, "ja" | "zh") {
        let is_plain = |letter: &char| matches!(letter, '\u{30a1}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
        let letters: Vec<char> = body.chars().collect();
        words = letters.windows(2).filter(|pair| pair.iter().all(is_plain)).map(|pair| pair.iter().collect()).collect();
    }
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.chars().count() > 1 && !stop.contains(&***word))
    {
        counts.entry(word).or_insert((0, at)).0 += 1;
    }
    let mut order: Vec<_> = counts.into_iter().collect();
    order.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.1.1.cmp(&b.1.1)));
    order.into_iter().map(|(word, _)| word.to_owned()).collect()
}

/// How well categories and tags are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tagging {
    /// The share of texts whose first category is the right one.
    pub(crate) first: f64,
    /// How many categories a text gets.
    pub(crate) given: f64,
    /// The share of the given tags that are right, over all texts.
    pub(crate) precision: f64,
    /// The share of the right tags that are given, over all texts.
    pub(crate) recall: f64,
}

/// Scores categories and tags.
pub(crate) fn tagging(texts: &[&Labelled]) -> Tagging {
    let (mut first, mut categories, mut right, mut given, mut wanted) = (0, 0, 0, 0, 0);
    for text in texts {
        let analysis = analysed(&text.file);
        first += usize::from(analysis.categories.first().is_some_and(|found| found.name == text.category));
        categories += analysis.categories.len();
        let tags: Vec<&str> = analysis.tags.iter().map(|tag| tag.name.trim_start_matches("topic/")).collect();
        right += tags.iter().filter(|tag| text.tags.iter().any(|wanted| wanted == *tag)).count();
        given += tags.len();
        wanted += text.tags.len();
    }
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let (first, categories) = (share(first, texts.len()), share(categories, texts.len()));
    Tagging { first, given: categories, precision: share(right, given), recall: share(right, wanted) }
}
