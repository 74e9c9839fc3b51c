//! What the search finds in the Rust book, by the host's own rules: as much with vectors as without, and enough.
//!
//! Questions are the titles of the pages, whose title, headings of the first level and first sentence are not indexed;
//! and those of `plugins/retrieval/questions.txt` that are about the book. `docs/embedding.md` has the figures over more
//! pages, and what was chosen by them; nothing is chosen here.

use crate::support::pages::installed_docs;
use capstan::rules::entry::{Embedded, Entry, ROWS, VECTORS};
use capstan::rules::retrieve::Scope;
use capstan::rules::search::{DEPTH, Query, SHARES, fuse};
use capstan::rules::vector::Vectors;
use capstan::store::search::Index;
use capstan::store::search::feed::Position;
use capstan::store::search::fold::{Change, Moved, What};
use capstan_embed::Embed;
use capstan_sdk::testing::Bench;
use capstan_text::{Document, Shape, Size};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Pages are chapters, of which the book has more than a hundred.
const PAGES: usize = 100;
/// Of the titles that are asked for, so many have their page among the first ten.
const TITLES: f64 = 0.85;
/// The same of questions in other words.
const PARAPHRASES: f64 = 0.75;

const QUESTIONS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/retrieval/questions.txt"));

struct Page {
    name: String,
    title: String,
    file: String,
}

/// The chapters of the book, normalised.
fn book(folder: &Path) -> Vec<Page> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("ch") && name.ends_with(".html"))
        .collect();
    names.sort();
    let page = |name: String| {
        let html = std::fs::read_to_string(folder.join(&name)).unwrap();
        let url = format!("https://doc.rust-lang.org/book/{name}");
        let file = capstan_normalise::page(&html, &url).file(&url);
        let title = Document::parse(&file).title;
        let title = title.split(" - ").next().unwrap_or_default().to_owned();
        Page { name, title, file }
    };
    names.into_iter().map(page).filter(|page| capstan_text::count(&page.file) > 60).collect()
}

/// A page without what says its title: the front matter's, headings that repeat it, and its first sentence.
fn bare(page: &Page) -> String {
    let document = Document::parse(&page.file);
    let first = document.sentences().into_iter().next().map(|sentence| sentence.range);
    let headings = document
        .blocks()
        .into_iter()
        .filter(|block| matches!(block.shape, Shape::Heading(1 | 2)) && block.text == page.title);
    let mut cuts: Vec<_> = headings.map(|block| block.range).chain(first).collect();
    cuts.sort_by_key(|cut| std::cmp::Reverse(cut.start));
    let mut file = page.file.clone();
    for cut in cuts {
        file.replace_range(cut, "");
    }
    file.replacen(&format!("title: {}", Value::from(Document::parse(&page.file).title)), "title: \"\"", 1)
}

/// An index of these files, and their vectors.
async fn index(folder: &Path, files: &BTreeMap<String, String>) -> (Index, Vectors) {
    let index = Index::open(&folder.join("search.db")).await.unwrap();
    let mut vectors = None;
    for (lease, (name, file)) in (1..).zip(files) {
        let entry = capstan_index::entry(&Document::parse(file), Vec::new(), Size::default());
        let entry = Entry::parse(&serde_json::to_vec(&entry).unwrap()).unwrap();
        let made = Bench::<Embed>::new().input("normalise", "document.md", file.as_bytes()).run().unwrap();
        let embedded = Embedded::parse(made.output(VECTORS).unwrap(), made.output(ROWS).unwrap()).unwrap();
        let change = |what| Change { subject: name.clone(), source: name.clone(), title: String::new(), lease, what };
        let changes = [change(What::Says(entry)), change(What::Embedded(embedded))];
        for moved in index.fold(&changes, &Position::default()).await.unwrap() {
            let Moved::Put(document, embedded) = moved else { continue };
            let kept = vectors.get_or_insert_with(|| Vectors::new(embedded.dimension));
            kept.put(document, embedded.rows);
        }
    }
    (index, vectors.unwrap())
}

fn meaning(words: &str) -> Option<Vec<f32>> {
    let run = Bench::<Embed>::new().payload(json!({ "query": words })).run().unwrap();
    serde_json::from_value(run.unchanged().unwrap()["vector"].clone()).unwrap()
}

/// How many questions have one of their pages among the first ten: by words, and by both.
async fn recall(index: &Index, vectors: &Vectors, questions: &[(String, Vec<String>)]) -> (f64, f64) {
    let (mut by_words, mut by_both) = (0, 0);
    for (question, wanted) in questions {
        let query = Query::parse(question).unwrap();
        let common = index.common_among(query.words(), &index.common_terms().await.unwrap()).await.unwrap();
        let expression = query.expression(&common);
        let words = index.pages(&expression, &Scope::default(), DEPTH).await.unwrap();
        let most = usize::try_from(DEPTH).unwrap();
        let near = meaning(question).map_or_else(Vec::new, |vector| vectors.nearest_of_each(&vector, most, |_| true));
        let near: Vec<(i64, f64)> = near.iter().map(|near| (near.document, f64::from(near.score))).collect();
        let mut names = BTreeMap::new();
        let places: BTreeSet<i64> = words.iter().chain(&near).map(|(document, _)| *document).collect();
        for (place, found) in
            index.found(&places.iter().map(|document| (*document, 0)).collect::<Vec<_>>()).await.unwrap()
        {
            names.insert(place.0, found.subject);
        }
        let is_found =
            |ranking: &[(i64, f64)]| ranking.iter().take(10).any(|(document, _)| wanted.contains(&names[document]));
        by_words += u32::from(is_found(&words));
        by_both += u32::from(is_found(&fuse(&[(SHARES.0, words.as_slice()), (SHARES.1, near.as_slice())], most)));
    }
    let share = |found: u32| f64::from(found) / f64::from(u32::try_from(questions.len()).unwrap());
    (share(by_words), share(by_both))
}

#[tokio::test]
async fn vectors_take_nothing_away_from_what_words_find_in_the_book() {
    let Some(folder) = installed_docs("book") else {
        let missing = "rustup's documentation is not installed: `rustup component add rust-docs`";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("not run: {missing}");
        return;
    };
    let pages = book(&folder);
    assert!(pages.len() >= PAGES, "{} pages", pages.len());
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = pages.iter().map(|page| (page.name.clone(), page.file.clone())).collect();
    let bare = pages.iter().map(|page| (page.name.clone(), bare(page))).collect();
    let titles: Vec<(String, Vec<String>)> = pages
        .iter()
        .filter(|page| Query::parse(&page.title).is_ok())
        .map(|page| (page.title.clone(), vec![page.name.clone()]))
        .collect();
    let known: BTreeSet<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    let paraphrases: Vec<(String, Vec<String>)> = QUESTIONS
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(pages, question)| {
            let pages =
                pages.split('|').filter_map(|page| page.strip_prefix("book/")).filter(|page| known.contains(page));
            (question.to_owned(), pages.map(str::to_owned).collect::<Vec<_>>())
        })
        .filter(|(_, pages)| !pages.is_empty())
        .collect();
    assert!(paraphrases.len() >= 20, "{} questions", paraphrases.len());
    for (folder, files, questions, floor) in
        [(&folders.0, bare, titles, TITLES), (&folders.1, whole, paraphrases, PARAPHRASES)]
    {
        let (index, vectors) = index(folder.path(), &files).await;
        let (words, both) = recall(&index, &vectors, &questions).await;
        println!("{} questions: recall@10 {words:.3} by words, {both:.3} by both", questions.len());
        assert!(both >= words, "{both} and {words}");
        assert!(both >= floor, "{both}");
    }
}
