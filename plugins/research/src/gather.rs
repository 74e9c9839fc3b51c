//! What is known after each search, kept as a checkpoint.
//!
//! The question is searched for first; then each of its parts, because a question of two halves finds mostly the
//! passages that hold words of both; then the question with words that stand out in what was found.
//!
//! Scores of different searches share no scale, so passages are ranked by their ranks (reciprocal rank fusion:
//! Cormack, Clarke and Büttcher, SIGIR 2009), in whole numbers, which JSON gives back exactly.

use std::collections::HashSet;

use capstan_sdk::{Failure, Job, Passage, Scope};
use capstan_text::{Terms, clauses, feedback};
use serde::{Deserialize, Serialize};

use crate::{Config, Payload, Research, language};

/// The tag of the checkpoint.
pub const FORMAT: &str = "research/1";
/// Bytes of a checkpoint, of the 1 MiB that a host allows by default; the least of the passages make room.
pub const LIMIT: usize = 1_000_000;
/// How often more is searched for than the question and its parts, at most.
const FOLLOW_UPS: usize = 2;
/// Words that such a search adds to the question, and what it counts beside the others.
const ADDED: (usize, f64) = (4, 0.5);
/// How little the first ranks weigh more than those behind them, as in the paper.
const RANK: f64 = 60.0;
/// What is divided by ranks.
const UNIT: f64 = 1e6;
/// So many times the passages of a brief are kept until all searches are made.
const SPARE: usize = 2;

/// What was asked, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gathered {
    /// The question.
    pub question: String,
    /// Where it is looked for.
    pub scope: Scope,
    /// The searches that were made, in their order.
    pub asked: Vec<String>,
    /// The passages, the best first; their scores are over all searches.
    pub passages: Vec<Passage>,
}

impl Gathered {
    /// Make the searches that no attempt made before.
    pub(crate) fn gather(job: &Job<Research>) -> Result<Self, Failure> {
        let (Payload { question, scope, .. }, Config { passages, searches, .. }) = (job.payload(), job.config());
        let new = Self { question: question.clone(), scope: scope.clone(), asked: Vec::new(), passages: Vec::new() };
        let kept = job.checkpoint().load_json::<Self>(FORMAT)?;
        let mut gathered = kept.filter(|kept| kept.question == *question && kept.scope == *scope).unwrap_or(new);
        let plan = plan(question, *searches);
        let total = (plan.len() + FOLLOW_UPS).min(*searches);
        loop {
            let done = gathered.asked.len();
            if job.cancelled() {
                return Err(Failure::transient(format!("stopped; {done} of {total} searches are done and kept")));
            }
            let follow_up = || (done < total).then(|| gathered.follow_up()).flatten();
            let Some(words) = plan.get(done).cloned().or_else(follow_up) else { break };
            let found = job.retrieve(&words, scope, *passages)?;
            gathered.add(words, found, if done < plan.len() { 1.0 } else { ADDED.1 }, *passages as usize * SPARE);
            while serde_json::to_vec(&gathered)?.len() > LIMIT && gathered.passages.pop().is_some() {}
            job.checkpoint().save_json(FORMAT, &gathered)?;
            job.progress(done as u64 + 1, total as u64, format!("{} of {total} searches", done + 1));
        }
        gathered.passages.truncate(*passages as usize);
        Ok(gathered)
    }

    /// Also what this search found, each rank for `weight`; of all, the best `most` are kept.
    pub fn add(&mut self, words: String, found: Vec<Passage>, weight: f64, most: usize) {
        self.asked.push(words);
        for (rank, mut passage) in found.into_iter().enumerate() {
            passage.score = (weight * UNIT / (RANK + 1.0 + rank as f64)).round();
            let same = |kept: &&mut Passage| kept.subject == passage.subject && kept.start == passage.start;
            match self.passages.iter_mut().find(same) {
                Some(kept) => kept.score += passage.score,
                None => self.passages.push(passage),
            }
        }
        // Those that score the same stay in the order in which they were found.
        self.passages.sort_by(|one, other| other.score.total_cmp(&one.score));
        self.passages.truncate(most);
    }

    /// The question with words that stand out in what was found, and that no search had before.
    fn follow_up(&self) -> Option<String> {
        let terms = Terms::of(&language(&self.passages));
        let known: HashSet<String> = self.asked.iter().flat_map(|words| terms.set(words)).collect();
        let texts: Vec<(&str, f64)> = self.passages.iter().map(|passage| (&*passage.text, passage.score)).collect();
        let words = feedback(&texts, &known, &terms, ADDED.0);
        (!words.is_empty()).then(|| format!("{} {}", plain(&self.question), words.join(" ")))
    }
}

/// The searches that are known before anything is found, at most so many.
fn plan(question: &str, most: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = std::iter::once(question.to_owned()).chain(clauses(question)).map(|part| plain(&part));
    all.filter(|words| seen.insert(words.clone())).take(most).collect()
}

/// A text in which the search sees words only: quotes and a minus before a word would mean something else to it.
fn plain(text: &str) -> String {
    let text = text.replace('"', " ");
    text.split_whitespace().map(|word| word.trim_start_matches('-')).collect::<Vec<_>>().join(" ")
}
