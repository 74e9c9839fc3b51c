//! A question's pages in their order, by words, by vectors, and by both.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use capstan_embed::Table;
use capstan_text::{Document, Passage, Size};
use capstan_vectors::{WordPiece, text_of};
use rusqlite::Connection;

/// How many pages of each ranking are looked at.
pub const DEPTH: usize = 100;

/// How many rows are read from the index to get as many pages.
const ROWS: usize = 400;

/// Pages with their scores, the best first.
pub type Ranking = Vec<(usize, f64)>;

/// What a row of the index of words is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A page.
    Page,
    /// A passage; a page counts by its best one.
    Passage,
}

/// What is embedded for a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Its text.
    Text,
    /// The headings above it too.
    Headings,
    /// The title too.
    Title,
}

/// The passages of all pages.
pub struct Passages {
    all: Vec<(usize, String, Passage)>,
    texts: Vec<(String, String)>,
}

impl Passages {
    /// Cut these files.
    #[must_use]
    pub fn of<'a>(files: impl Iterator<Item = &'a str>, size: Size) -> Self {
        let (mut all, mut texts) = (Vec::new(), Vec::new());
        for (page, file) in files.enumerate() {
            let document = Document::parse(file);
            all.extend(document.passages(size).into_iter().map(|passage| (page, document.title.clone(), passage)));
            texts.push((document.title.clone(), document.body().to_owned()));
        }
        Self { all, texts }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// What is embedded for each.
    pub fn texts(&self, scope: Scope) -> impl Iterator<Item = (usize, String)> {
        self.all.iter().map(move |(page, title, passage)| {
            let text = match scope {
                Scope::Text => passage.text.clone(),
                Scope::Headings => text_of("", passage),
                Scope::Title => text_of(title, passage),
            };
            (*page, text)
        })
    }
}

/// The index of words.
pub struct Words {
    sql: Connection,
}

impl Words {
    /// Index the passages, or the pages as wholes.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn of(passages: &Passages, row: Row) -> Result<Self> {
        let sql = Connection::open_in_memory()?;
        sql.execute_batch(
            "CREATE VIRTUAL TABLE entry USING fts5(page UNINDEXED, title, headings, text, tokenize = 'porter unicode61'); BEGIN",
        )?;
        let mut add = sql.prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4)")?;
        match row {
            Row::Passage => {
                for (page, title, passage) in &passages.all {
                    add.execute((*page, title, passage.headings.join("\n"), &passage.text))?;
                }
            }
            Row::Page => {
                let mut pages: BTreeMap<usize, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
                for (page, _, passage) in &passages.all {
                    let (headings, texts) = pages.entry(*page).or_default();
                    headings.extend(passage.headings.last().map(String::as_str));
                    texts.push(&passage.text);
                }
                for (page, (mut headings, texts)) in pages {
                    headings.dedup();
                    add.execute((page, &passages.texts[page].0, headings.join("\n"), texts.join("\n")))?;
                }
            }
        }
        drop(add);
        sql.execute_batch("COMMIT")?;
        Ok(Self { sql })
    }

    /// The pages with any word of the question, by BM25.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn rank(&self, question: &str, weights: [f64; 2]) -> Result<Ranking> {
        let words: Vec<String> =
            capstan_text::words(question).map(|word| format!("\"{}\"", word.replace('"', ""))).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let [title, headings] = weights;
        let mut rows = self.sql.prepare_cached(
            "SELECT page, bm25(entry, 0, ?2, ?3, 1) AS score FROM entry WHERE entry MATCH ?1 ORDER BY score, rowid LIMIT ?4",
        )?;
        let rows = rows.query_map((words.join(" OR "), title, headings, ROWS), |row| {
            Ok((row.get::<_, usize>(0)?, -row.get::<_, f64>(1)?))
        })?;
        Ok(best(rows.collect::<rusqlite::Result<Vec<_>>>()?))
    }
}

/// What is embedded for all passages, as tokens.
pub struct Tokens {
    all: Vec<(usize, Vec<u16>)>,
}

impl Tokens {
    /// Cut the passages into tokens.
    #[must_use]
    pub fn of(passages: &Passages, scope: Scope, words: &WordPiece) -> Self {
        Self { all: passages.texts(scope).map(|(page, text)| (page, words.tokens(&text))).collect() }
    }
}

/// The vectors of all passages.
pub struct Vectors {
    dimension: usize,
    pages: Vec<usize>,
    rows: Vec<f32>,
}

impl Vectors {
    /// Embed the passages.
    #[must_use]
    pub fn of(tokens: &Tokens, table: Table<'_>) -> Self {
        let mut vectors = Self { dimension: table.dimension(), pages: Vec::new(), rows: Vec::new() };
        for (page, tokens) in &tokens.all {
            if let Some(vector) = table.embed(tokens) {
                vectors.pages.push(*page);
                vectors.rows.extend(vector);
            }
        }
        vectors
    }

    /// The pages by the cosine of their best passage.
    #[must_use]
    pub fn rank(&self, vector: &[f32]) -> Ranking {
        let mut pages: HashMap<usize, f64> = HashMap::new();
        for (page, row) in self.pages.iter().zip(self.rows.chunks_exact(self.dimension)) {
            let score = f64::from(product(row, vector));
            pages.entry(*page).and_modify(|best| *best = best.max(score)).or_insert(score);
        }
        best(pages.into_iter().collect())
    }
}

/// The product of two vectors, in eight sums so that the processor can add them at once.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for at in 0..8 {
            sums[at] += a[at] * b[at];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Each page once, by its best score.
fn best(mut rows: Ranking) -> Ranking {
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut seen = std::collections::HashSet::new();
    rows.retain(|(page, _)| seen.insert(*page));
    rows.truncate(DEPTH);
    rows
}

/// How two rankings become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// Reciprocal rank fusion (Cormack et al., 2009): a page counts `share / (k + rank)` by words and
    /// `(1 - share) / (k + rank)` by vectors.
    Ranks { k: f64, share: f64 },
    /// The scores from 0 to 1, least to best of each ranking, and `share` of the words.
    Scores { share: f64 },
    /// As before, the cosine as it is and BM25 as a part of its best.
    Raw { share: f64 },
}

/// Both rankings as one.
#[must_use]
pub fn fuse(words: &Ranking, vectors: &Ranking, fusion: Fusion) -> Ranking {
    let mut pages: HashMap<usize, f64> = HashMap::new();
    let (Fusion::Ranks { share, .. } | Fusion::Scores { share } | Fusion::Raw { share }) = fusion;
    for (ranking, share, is_words) in [(words, share, true), (vectors, 1.0 - share, false)] {
        let most = ranking.first().map_or(0.0, |first| first.1);
        let least = ranking.last().map_or(0.0, |last| last.1);
        for (rank, (page, score)) in ranking.iter().enumerate() {
            let part = match fusion {
                Fusion::Ranks { k, .. } => 1.0 / (k + rank as f64 + 1.0),
                Fusion::Raw { .. } if is_words => score / most.max(f64::MIN_POSITIVE),
                Fusion::Raw { .. } => *score,
                Fusion::Scores { .. } if most > least => (score - least) / (most - least),
                Fusion::Scores { .. } => 1.0,
            };
            *pages.entry(*page).or_default() += share * part;
        }
    }
    best(pages.into_iter().collect())
}
