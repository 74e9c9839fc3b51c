//! The files that come out.
//!
//! A citation is `[1:120–340]`: bytes 120 up to and without 340 of `document.md` of source 1. It is the place of the
//! passage in which the sentence stands.

use std::fmt::Write as _;

use capstan_sdk::{Passage, Scope};
use capstan_text::escaped;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gather::Gathered;

/// The file for people.
pub const MARKDOWN: &str = "brief.md";
/// The file for programs.
pub const JSON: &str = "brief.json";

/// What `brief.json` holds. Later versions may add fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "What the library says about a question", extend("additionalProperties" = true))]
pub struct Brief {
    /// The version of this form.
    #[schemars(extend("const" = 1))]
    pub format: u32,
    /// How the findings were made.
    pub method: Method,
    /// The model that wrote them; absent when none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was asked.
    pub question: String,
    /// Where it was looked for.
    pub scope: Scope,
    /// What was searched for, in this order.
    pub searches: Vec<String>,
    /// How many passages the findings were made from.
    pub passages: usize,
    /// What was found; each cites at least one passage.
    pub findings: Vec<Note<Cite>>,
    /// What was not.
    pub open: Vec<Note<Cite>>,
    /// The documents that are cited.
    pub sources: Vec<Source>,
}

/// How findings were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// They are sentences of the passages.
    Extractive,
    /// A model wrote them.
    Abstractive,
}

/// Something that is found, or open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Note")]
pub struct Note<C> {
    /// In words, without marks.
    pub text: String,
    /// Who says so.
    pub from: Origin,
    /// Where it stands, or what it was made from.
    pub cites: Vec<C>,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The passage that is cited, in these words.
    Passage,
    /// The model.
    Model,
    /// The question: a part of it that no finding is about.
    Question,
    /// The question: a word of it that no finding has.
    Word,
}

/// A passage of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Cite {
    /// The number of the source.
    pub source: usize,
    /// Where it begins in `document.md`, in bytes.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// A document that is cited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Source {
    /// What it is cited by, from 1.
    pub number: usize,
    /// Its title, or its address when it has none.
    pub title: String,
    /// Its address.
    pub url: String,
    /// The subject's id.
    pub subject: String,
    /// The passages that are cited, in their order.
    pub passages: Vec<Cite>,
}

impl Brief {
    /// What comes of notes that cite passages by their places in the list; `model` is the one that wrote them. Sources
    /// are numbered as they are cited.
    #[must_use]
    pub fn new(of: Gathered, model: Option<&str>, findings: Vec<Note<usize>>, open: Vec<Note<usize>>) -> Self {
        let Gathered { question, scope, asked: searches, passages } = of;
        let mut sources = Vec::new();
        let mut cited = |note: Note<usize>| {
            let cites = note.cites.iter().map(|at| cite(&mut sources, &passages[*at])).collect();
            Note { text: note.text, from: note.from, cites }
        };
        let findings = findings.into_iter().map(&mut cited).collect();
        let open = open.into_iter().map(&mut cited).collect();
        let method = if model.is_some() { Method::Abstractive } else { Method::Extractive };
        let (model, passages) = (model.map(str::to_owned), passages.len());
        Self { format: 1, method, model, question, scope, searches, passages, findings, open, sources }
    }

    /// The brief as a file, for people.
    #[must_use]
    pub fn file(&self) -> String {
        let mut file = format!("# {}\n\n## Findings\n\n", escaped(&self.question));
        let mut above = None;
        for note in &self.findings {
            // A model's findings are in its own order, and may be about several documents each.
            let number = note.cites.first().filter(|_| note.from == Origin::Passage).map(|cite| cite.source);
            let source = self.sources.iter().find(|source| Some(source.number) == number);
            if let Some(source) = source.filter(|_| number != above) {
                let _ = write!(file, "\n### {}\n\n", escaped(&source.title));
            }
            above = number;
            let _ = writeln!(file, "- {}", note.line());
        }
        if self.findings.is_empty() {
            let _ = writeln!(file, "Nothing, in {} passages of {} searches.", self.passages, self.searches.len());
        }
        file.push_str(if self.open.is_empty() { "\n## Open questions\n\nNone.\n" } else { "\n## Open questions\n\n" });
        for note in &self.open {
            let line = note.line();
            let _ = match note.from {
                Origin::Question => writeln!(file, "- Nothing was found about this: {line}"),
                Origin::Word => writeln!(file, "- No finding has this word: {line}"),
                Origin::Passage => writeln!(file, "- A source asks: {line}"),
                Origin::Model => writeln!(file, "- {line}"),
            };
        }
        file.push_str(if self.sources.is_empty() { "\n## Sources\n\nNone.\n" } else { "\n## Sources\n\n" });
        for Source { number, title, url, subject, passages } in &self.sources {
            let places: Vec<String> = passages.iter().map(|Cite { start, end, .. }| format!("{start}–{end}")).collect();
            let (title, url, places) = (escaped(title), escaped(url), places.join(", "));
            let _ = writeln!(file, "{number}. {title}, {url}, subject `{subject}`, bytes {places}");
        }
        file.replace("\n\n\n", "\n\n")
    }
}

impl Note<Cite> {
    fn line(&self) -> String {
        let mark = |Cite { source, start, end }: &Cite| format!(" [{source}:{start}–{end}]");
        escaped(&self.text) + &self.cites.iter().map(mark).collect::<String>()
    }
}

/// A citation of this passage, which is among the sources from now on.
fn cite(sources: &mut Vec<Source>, passage: &Passage) -> Cite {
    let Passage { subject, title, url, start, end, .. } = passage.clone();
    let at = sources.iter().position(|source| source.subject == subject).unwrap_or(sources.len());
    if at == sources.len() {
        let title = if title.is_empty() { url.clone() } else { title };
        sources.push(Source { number: at + 1, title, url, subject, passages: Vec::new() });
    }
    let cite = Cite { source: at + 1, start, end };
    let known = &mut sources[at].passages;
    known.insert(known.partition_point(|other| *other < cite), cite);
    known.dedup();
    cite
}
