//! Running the candidates and printing what came out.

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::candidates::Candidate;
use crate::corpus::Page;
use crate::shingle;

/// What one candidate made of all pages, in their order.
pub struct Answers {
    name: String,
    scores: Vec<f64>,
    spent: Duration,
}

/// Runs a candidate over all pages, on two threads. A panic counts as an empty answer.
pub fn run(candidate: &Candidate, pages: &[Page], save: Option<&Path>) -> Answers {
    let half = pages.len().div_ceil(2).max(1);
    let parts: Vec<(Vec<f64>, Duration)> = thread::scope(|scope| {
        let threads: Vec<_> =
            pages.chunks(half).map(|part| scope.spawn(move || run_part(candidate, part, save))).collect();
        threads.into_iter().flat_map(thread::ScopedJoinHandle::join).collect()
    });
    let spent = parts.iter().map(|part| part.1).sum();
    Answers { name: candidate.name.to_owned(), scores: parts.into_iter().flat_map(|part| part.0).collect(), spent }
}

fn run_part(candidate: &Candidate, pages: &[Page], save: Option<&Path>) -> (Vec<f64>, Duration) {
    let mut spent = Duration::ZERO;
    let scores = pages.iter().map(|page| {
        let start = Instant::now();
        let text = catch_unwind(|| (candidate.extract)(&page.html, &page.url)).unwrap_or_default();
        spent += start.elapsed();
        if let Some(folder) = save {
            keep(folder, candidate, page, &text);
        }
        shingle::f1(&page.marked, &text)
    });
    (scores.collect(), spent)
}

/// Stores an answer as `FOLDER/candidate/genre/page.txt`; one that cannot be stored is passed over with a word.
fn keep(folder: &Path, candidate: &Candidate, page: &Page, text: &str) {
    let folder = folder.join(candidate.name).join(&page.genre);
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(format!("{}.txt", page.name)), text));
    if let Err(error) = written {
        eprintln!("`{}`: {error}", folder.display());
    }
}

/// The stored answers of a program outside; a missing one counts as empty.
pub fn stored(name: &str, folder: &Path, pages: &[Page]) -> Answers {
    let scores = pages.iter().map(|page| {
        let path = folder.join(&page.genre).join(format!("{}.txt", page.name));
        shingle::f1(&page.marked, &fs::read_to_string(path).unwrap_or_default())
    });
    Answers { name: name.to_owned(), scores: scores.collect(), spent: Duration::ZERO }
}

/// Prints a table per genre and the `worst` pages of the first candidate, with the others beside it.
pub fn print(pages: &[Page], answers: &[Answers], worst: usize) {
    let mut genres: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, page) in pages.iter().enumerate() {
        genres.entry(&page.genre).or_default().push(at);
    }
    for (genre, members) in &genres {
        println!("\n{genre} ({} pages)", members.len());
        println!("{:16} {:>6} {:>6} {:>6} {:>6}", "", "mean", "median", "p10", "<0.5");
        for answer in answers {
            let mut scores: Vec<f64> = members.iter().map(|at| answer.scores[*at]).collect();
            scores.sort_by(f64::total_cmp);
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let low = scores.iter().filter(|score| **score < 0.5).count();
            let (median, tenth) = (scores[scores.len() / 2], scores[scores.len() / 10]);
            println!("{:16} {mean:6.3} {median:6.3} {tenth:6.3} {low:6}", answer.name);
        }
        print_worst(pages, answers, members, worst);
    }
    println!();
    for answer in answers.iter().filter(|answer| answer.spent > Duration::ZERO) {
        println!("{:16} {:.1} ms a page", answer.name, answer.spent.as_secs_f64() * 1000.0 / pages.len() as f64);
    }
}

fn print_worst(pages: &[Page], answers: &[Answers], members: &[usize], worst: usize) {
    let Some(ours) = answers.first() else { return };
    let mut order = members.to_vec();
    order.sort_by(|a, b| ours.scores[*a].total_cmp(&ours.scores[*b]));
    for at in order.into_iter().take(worst) {
        let scores: Vec<String> = answers.iter().map(|answer| format!("{:.3}", answer.scores[at])).collect();
        println!("  {:24} {}", pages[at].name, scores.join(" "));
    }
}
