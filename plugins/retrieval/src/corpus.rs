//! The pages: which are taken, and what is indexed of them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use capstan_text::{Document, Shape, count};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// How many pages are taken at most: those whose path has the lowest digest.
pub const PAGES: usize = 4000;

/// A page with fewer words says only where it has gone.
const FEWEST_WORDS: usize = 40;

/// Books that are taken; of the libraries below, what an earlier one has is not taken again.
const BOOKS: [&str; 13] = [
    "book",
    "cargo",
    "clippy",
    "edition-guide",
    "embedded-book",
    "error_codes",
    "nomicon",
    "reference",
    "rust-by-example",
    "rustc",
    "rustdoc",
    "style-guide",
    "unstable-book",
];
const LIBRARIES: [&str; 5] = ["std", "alloc", "core", "proc_macro", "test"];

/// Folders and files that repeat others: translations, earlier editions, whole books on a page, instructions of
/// processors.
const REPEATED: [&str; 13] = [
    "es",
    "ja",
    "ko",
    "zh",
    "arch",
    "core_arch",
    "first-edition",
    "second-edition",
    "2018-edition",
    "print.html",
    "toc.html",
    "all.html",
    "CHANGELOG.html",
];

/// A page of the documentation.
pub struct Page {
    /// Its path below the folder.
    pub path: String,
    /// What `normalise` made of it.
    pub file: String,
    /// Its title without the name of the book.
    pub title: String,
    /// Its first sentence, or empty.
    pub sentence: String,
    /// The file without both.
    pub stripped: String,
    /// Which half it belongs to.
    pub half: Half,
}

/// Parameters are chosen on one half and reported on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// What is looked at.
    Development,
    /// What is reported.
    HeldOut,
}

/// The half that a path belongs to: the parity of its digest.
#[must_use]
pub fn half_of(path: &str) -> Half {
    if digest(path)[0].is_multiple_of(2) { Half::Development } else { Half::HeldOut }
}

/// What pages are ordered and divided by.
#[must_use]
pub fn digest(path: &str) -> [u8; 32] {
    Sha256::digest(path).into()
}

/// The pages below `folder`, among them those of `wanted`, in the order of their paths.
///
/// # Errors
///
/// When a page cannot be read.
pub fn read(folder: &Path, wanted: &HashSet<&str>, keep: Option<&Path>) -> Result<Vec<Page>> {
    let mut paths = chosen(folder);
    paths.sort_by_key(|path| (!wanted.contains(path.as_str()), digest(path)));
    paths.truncate(PAGES);
    paths.sort();
    let half = paths.len().div_ceil(2).max(1);
    let parts: Vec<Result<Vec<Page>>> = thread::scope(|scope| {
        let threads: Vec<_> = paths.chunks(half).map(|part| scope.spawn(|| read_part(folder, part, keep))).collect();
        threads.into_iter().flat_map(thread::ScopedJoinHandle::join).collect()
    });
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    for part in parts {
        pages.extend(part?.into_iter().filter(|page| seen.insert(Sha256::digest(&page.stripped))));
    }
    Ok(pages)
}

fn chosen(folder: &Path) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut paths = Vec::new();
    for part in BOOKS.iter().chain(&LIBRARIES) {
        for entry in WalkDir::new(folder.join(part)).sort_by_file_name().into_iter().flatten() {
            let Ok(path) = entry.path().strip_prefix(folder) else { continue };
            let Some(path) = path.to_str().filter(|path| path.ends_with(".html")) else { continue };
            let within = path.split_once('/').map_or(path, |(_, within)| within);
            let is_repeated = path.split('/').any(|part| REPEATED.contains(&part));
            if !is_repeated && (BOOKS.contains(part) || seen.insert(within.to_owned())) {
                paths.push(path.to_owned());
            }
        }
    }
    paths
}

fn read_part(folder: &Path, paths: &[String], keep: Option<&Path>) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for path in paths {
        let kept = keep.map(|keep| keep.join(path).with_extension("md"));
        let file = match kept.as_ref().and_then(|kept| fs::read_to_string(kept).ok()) {
            Some(file) => file,
            None => {
                let html = fs::read_to_string(folder.join(path)).with_context(|| path.clone())?;
                let url = format!("https://doc.rust-lang.org/{path}");
                let file = if html.contains("http-equiv=\"refresh\"") {
                    String::new()
                } else {
                    capstan_normalise::page(&html, &url).file(&url)
                };
                if let Some(kept) = &kept {
                    fs::create_dir_all(kept.parent().unwrap_or(kept))?;
                    fs::write(kept, &file)?;
                }
                file
            }
        };
        pages.extend(page(path, file));
    }
    Ok(pages)
}

/// A page, unless it has next to no text.
fn page(path: &str, file: String) -> Option<Page> {
    let document = Document::parse(&file);
    if count(document.body()) < FEWEST_WORDS {
        return None;
    }
    let blocks = document.blocks();
    let title = document.title.split(" - ").next().unwrap_or_default().trim().to_owned();
    let sentence = document.sentences().into_iter().next();
    let heading = blocks.iter().take_while(|block| block.shape != Shape::Prose);
    let heading = heading.filter(|block| block.shape == Shape::Heading(1)).map(|block| block.range.clone());
    let mut stripped = document.file().to_owned();
    let mut cuts: Vec<_> = heading.chain(sentence.iter().map(|sentence| sentence.range.clone())).collect();
    cuts.sort_by_key(|range| range.start);
    for cut in cuts.into_iter().rev() {
        stripped.replace_range(cut, "");
    }
    let body = document.file().len() - document.body().len();
    let stripped = stripped.split_off(body);
    let sentence = sentence.map(|sentence| sentence.text).unwrap_or_default();
    Some(Page { path: path.to_owned(), title, sentence, stripped, half: half_of(path), file })
}
