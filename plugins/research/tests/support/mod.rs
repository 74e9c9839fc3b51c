//! A library of four documents, and a look at the briefs made of it.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)] // each test binary uses a part

use capstan_research::Research;
use capstan_sdk::Passage;
use capstan_sdk::testing::{Bench, Run};
use serde_json::{Value, json};

/// Subject, title and address of the documents.
pub const BIRDS: [(&str, &str, &str); 4] = [
    ("0000000000000000000000000000000a", "Common swift", "https://birds.example/swift"),
    ("0000000000000000000000000000000b", "Sleep of birds", "https://birds.example/sleep"),
    ("0000000000000000000000000000000c", "Ducks in winter", "https://ponds.example/ducks"),
    ("0000000000000000000000000000000d", "Insects of the air", "https://insects.example/air"),
];

const TEXTS: [(usize, &[&str]); 4] = [
    (
        0,
        &[
            "Swifts spend most of their life in the air. They land only to breed, and young birds fly for years.",
            "Swifts sleep in the air, with one half of the brain at a time. At dusk they rise to 3,000 metres.",
            "Swifts eat insects that the wind carries upwards. A pair brings its young 20,000 insects a day.",
            "Why do young swifts never return to sleep in the nest? Ringing has not told so far.",
        ],
    ),
    (
        1,
        &[
            "Many birds sleep with one eye open. One half of the brain is awake and watches for danger.",
            "Frigatebirds sleep while they soar, for less than an hour a day. Loggers on their heads have shown it.",
            "Ducks at the edge of a group sleep with the outer eye open. In the middle they close both eyes.",
        ],
    ),
    (
        2,
        &[
            "In winter ducks eat water plants, seeds and snails. Where ponds freeze they move to rivers.",
            "Bread is poor food for ducks in winter. Oats and chopped greens keep them healthy instead.",
            "Ducks keep warm by a layer of air between their feathers. They grease it every day.",
        ],
    ),
    (
        3,
        &[
            "Aphids and small spiders drift at great heights on warm days. Swifts and bats eat them there.",
            "In winter hardly any insects are in the air, so birds that eat them leave for the south.",
        ],
    ),
];

/// A passage of a document that begins there.
pub fn passage((subject, title, url): (&str, &str, &str), start: u64, text: &str) -> Passage {
    let (subject, title, url) = (subject.to_owned(), title.to_owned(), url.to_owned());
    Passage { subject, title, url, start, end: start + text.len() as u64, text: text.to_owned(), ..Passage::default() }
}

/// Twelve passages.
pub fn library() -> Vec<Passage> {
    let of = |(document, texts): (usize, &'static [&'static str])| {
        (0..).step_by(200).zip(texts).map(move |(start, text)| passage(BIRDS[document], start, text))
    };
    TEXTS.into_iter().flat_map(of).collect()
}

/// An attempt beside that library.
pub fn bench(question: &str) -> Bench<Research> {
    Bench::new().payload(json!({ "question": question })).library(library())
}

/// The brief that an attempt wrote.
#[track_caller]
pub fn brief(run: &Run) -> Value {
    let text = run.text("brief.json").unwrap_or_else(|| panic!("{:?}", run.failure()));
    serde_json::from_str(text).unwrap()
}

/// A note cites a passage of the library, whose source is listed with it, and is a sentence of it.
#[track_caller]
pub fn resolves(brief: &Value, note: &Value, library: &[Passage]) {
    let cites = note["cites"].as_array().unwrap();
    assert!(!cites.is_empty(), "{note}");
    for cite in cites {
        let number = usize::try_from(cite["source"].as_u64().unwrap()).unwrap();
        let source = &brief["sources"][number - 1];
        assert_eq!(source["number"], cite["source"]);
        assert!(source["passages"].as_array().unwrap().contains(cite), "{source} {cite}");
        let is_it = |passage: &&Passage| {
            (json!(passage.subject), json!(passage.start), json!(passage.end))
                == (source["subject"].clone(), cite["start"].clone(), cite["end"].clone())
        };
        let passage = library.iter().find(is_it).unwrap_or_else(|| panic!("{cite} of {source} is no passage"));
        if note["from"] == "passage" {
            assert!(passage.text.contains(note["text"].as_str().unwrap()), "{note} is not in {passage:?}");
        }
    }
}
