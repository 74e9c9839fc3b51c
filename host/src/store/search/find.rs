//! Looking things up in the index.

use super::{Index, StoreError};
use crate::rules::retrieve::Scope;
use crate::rules::vector::{Coded, Vectors};
use crate::store::batch::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor, FromRow, QueryBuilder, Row, Sqlite};
use std::collections::{BTreeMap, BTreeSet};

/// How much a word counts where it stands: in the title of the document, in a heading, in the text. From the development
/// half of the task in `docs/embedding.md`, where it is as good as equal weights; the title of a page is what people ask by.
const WEIGHTS: (f64, f64, f64) = (4.0, 2.0, 1.0);
/// Passages that are looked at for the best of each document.
const MANY: u32 = 10_000;
/// A word in more than one passage of so many is common.
const COMMON: i64 = 4;
/// Passages from which on there are common words.
const ENOUGH: i64 = 200;
/// Documents whose vectors are read at once.
const PAGE: i64 = 64;

/// A database in memory that cuts words as the index does.
pub(super) async fn stemmer() -> Result<SqliteConnection, StoreError> {
    let mut conn = SqliteConnectOptions::new().in_memory(true).disable_statement_logging().connect().await?;
    let tables = "CREATE VIRTUAL TABLE text USING fts5(words, tokenize='porter unicode61 remove_diacritics 2');
        CREATE VIRTUAL TABLE term USING fts5vocab(text, instance)";
    conn.execute(tables).await?;
    Ok(conn)
}

/// A passage, as rankings know it: its document and where it begins.
pub type Place = (i64, i64);

/// A passage with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Found {
    /// Its document.
    pub document: i64,
    /// The subject's id.
    pub subject: String,
    /// The canonical source.
    pub source: String,
    /// The title.
    pub title: String,
    /// The address.
    pub url: String,
    /// The language, or empty.
    pub language: String,
    /// Where it begins.
    pub start: i64,
    /// Where it ends.
    pub stop: i64,
    /// The headings above it.
    pub heading: String,
    /// Its text.
    pub text: String,
}

/// The documents within a scope.
fn within(query: &mut QueryBuilder<Sqlite>, scope: &Scope) -> Result<(), StoreError> {
    query.push("SELECT id FROM document WHERE true");
    if !scope.subjects.is_empty() {
        let subjects = json(&scope.subjects)?;
        query.push(" AND subject IN (SELECT value FROM jsonb_each(").push_bind(subjects).push("))");
    }
    if !scope.sources.is_empty() {
        let sources = json(&scope.sources)?;
        query.push(" AND EXISTS (SELECT 1 FROM jsonb_each(").push_bind(sources);
        query.push(") AS begins WHERE substr(document.source, 1, length(begins.value)) = begins.value");
        query.push(" OR substr(document.url, 1, length(begins.value)) = begins.value)");
    }
    if !scope.tags.is_empty() {
        query.push(" AND EXISTS (SELECT 1 FROM jsonb_each(document.tags) AS has JOIN jsonb_each(");
        query.push_bind(json(&scope.tags)?).push(") AS wanted ON has.value = wanted.value)");
    }
    Ok(())
}

/// What SQLite says of a row: the less, the better.
fn bm25(query: &mut QueryBuilder<Sqlite>, table: &str) {
    let (title, heading, text) = WEIGHTS;
    query.push("bm25(").push(table).push(", ").push_bind(title).push(", ").push_bind(heading).push(", ");
    query.push_bind(text).push(")");
}

impl Scope {
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl Index {
    /// The passages that an expression finds, the best first, and how good they are.
    ///
    /// # Errors
    /// The database said no.
    pub async fn by_words(&self, expression: &str, scope: &Scope, most: u32) -> Result<Vec<(Place, f64)>, StoreError> {
        // Ranked before anything else is read of them.
        let mut query = QueryBuilder::new("SELECT passage.document, passage.start, best.score FROM (SELECT rowid, -");
        bm25(&mut query, "word");
        query.push(" AS score FROM word WHERE word MATCH ").push_bind(expression);
        if !scope.is_everything() {
            query.push(" AND rowid IN (SELECT id FROM passage WHERE document IN (");
            within(&mut query, scope)?;
            query.push("))");
        }
        query.push(" ORDER BY score DESC, rowid LIMIT ").push_bind(i64::from(most));
        query.push(") AS best JOIN passage ON passage.id = best.rowid ORDER BY best.score DESC, best.rowid");
        let rows = query.build().fetch_all(&self.readers()).await?;
        rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))).collect()
    }

    /// The documents that an expression finds as a whole, the best first, and how good they are.
    ///
    /// # Errors
    /// The database said no.
    pub async fn pages(&self, expression: &str, scope: &Scope, most: u32) -> Result<Vec<(i64, f64)>, StoreError> {
        let mut query = QueryBuilder::new("SELECT rowid, -");
        bm25(&mut query, "page");
        query.push(" AS score FROM page WHERE page MATCH ").push_bind(expression);
        if !scope.is_everything() {
            query.push(" AND rowid IN (");
            within(&mut query, scope)?;
            query.push(")");
        }
        query.push(" ORDER BY score DESC, rowid LIMIT ").push_bind(i64::from(most));
        let rows = query.build().fetch_all(&self.readers()).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Where an expression is found best within each of these documents.
    ///
    /// # Errors
    /// The database said no.
    pub async fn best(&self, expression: &str, documents: &[i64]) -> Result<BTreeMap<i64, Place>, StoreError> {
        let mut query = QueryBuilder::new("SELECT passage.document, passage.start, ");
        bm25(&mut query, "word");
        query
            .push(" AS rank FROM word JOIN passage ON passage.id = word.rowid WHERE word MATCH ")
            .push_bind(expression);
        query.push(" AND passage.document IN (SELECT value FROM jsonb_each(").push_bind(json(&documents)?);
        query.push(")) ORDER BY rank, word.rowid LIMIT ").push_bind(i64::from(MANY));
        let rows = query.build().fetch_all(&self.readers()).await?;
        let mut best = BTreeMap::new();
        for row in &rows {
            let document = row.try_get(0)?;
            best.entry(document).or_insert((document, row.try_get(1)?));
        }
        Ok(best)
    }

    /// The documents within a scope; `None` for all.
    ///
    /// # Errors
    /// The database said no.
    pub async fn within(&self, scope: &Scope) -> Result<Option<BTreeSet<i64>>, StoreError> {
        if scope.is_everything() {
            return Ok(None);
        }
        let mut query = QueryBuilder::new("");
        within(&mut query, scope)?;
        let rows = query.build().fetch_all(&self.readers()).await?;
        Ok(Some(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?))
    }

    /// What there is to say about passages. A place within a passage is that passage; one before all of them is the first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn found(&self, places: &[Place]) -> Result<BTreeMap<Place, Found>, StoreError> {
        let query = "SELECT place.value->>0 AS asked_document, place.value->>1 AS asked_start,
                document.id AS document, subject, source, title, url, language, start, stop, heading, text
            FROM jsonb_each($1) AS place
            JOIN document ON document.id = place.value->>0
            JOIN passage ON passage.id = coalesce(
                (SELECT id FROM passage WHERE passage.document = place.value->>0 AND start <= place.value->>1
                 ORDER BY start DESC LIMIT 1),
                (SELECT id FROM passage WHERE passage.document = place.value->>0 ORDER BY start LIMIT 1))";
        let rows = sqlx::query(query).bind(json(&places)?).fetch_all(&self.readers()).await?;
        rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), Found::from_row(row)?))).collect()
    }

    /// How many passages there were at most; a number that grows with them, and costs nothing.
    ///
    /// # Errors
    /// The database said no.
    pub async fn passages(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT coalesce(max(id), 0) FROM passage").fetch_one(&self.readers()).await?;
        Ok(row.try_get(0)?)
    }

    /// Terms of the index that are in so many passages that they tell nothing. Reads every term that there is.
    ///
    /// # Errors
    /// The database said no.
    pub async fn common_terms(&self) -> Result<BTreeSet<String>, StoreError> {
        let query = "SELECT term FROM vocabulary, (SELECT count(*) AS all_of FROM passage)
            WHERE all_of >= $2 AND doc * $1 > all_of";
        let rows = sqlx::query(query).bind(COMMON).bind(ENOUGH).fetch_all(&self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Those of these words all of whose terms are among `common`.
    ///
    /// # Errors
    /// The database said no.
    pub async fn common_among(
        &self,
        words: &[String],
        common: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut conn = self.stemmer.lock().await;
        sqlx::query("DELETE FROM text").execute(&mut *conn).await?;
        let insert = "INSERT INTO text (rowid, words) SELECT key + 1, value FROM json_each($1)";
        sqlx::query(insert).bind(json(&words)?).execute(&mut *conn).await?;
        let rows = sqlx::query("SELECT doc, term FROM term").fetch_all(&mut *conn).await?;
        let mut terms: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let at: i64 = row.try_get(0)?;
            terms.entry(usize::try_from(at - 1).unwrap_or(usize::MAX)).or_default().push(row.try_get(1)?);
        }
        let is_common = |at: &usize| terms.get(at).is_some_and(|terms| terms.iter().all(|term| common.contains(term)));
        Ok(words.iter().enumerate().filter(|(at, _)| is_common(at)).map(|(_, word)| word.clone()).collect())
    }

    /// All vectors that this model made; read in pages of documents, so that the rows are not in memory twice.
    ///
    /// # Errors
    /// The database said no.
    pub async fn vectors(&self, model: &str, dimension: usize) -> Result<Vectors, StoreError> {
        let mut vectors = Vectors::new(dimension);
        let mut after = 0;
        loop {
            let documents = self.embedded_by(model, after).await?;
            let (Some(first), Some(last)) = (documents.first(), documents.last()) else { return Ok(vectors) };
            after = *last;
            let query = "SELECT document, start, scale, bytes FROM vector WHERE document BETWEEN $1 AND $2";
            let rows = sqlx::query(query).bind(first).bind(last).fetch_all(&self.readers()).await?;
            let mut coded: BTreeMap<i64, Vec<(i64, Coded)>> = BTreeMap::new();
            for row in &rows {
                let (bytes, scale): (Vec<u8>, f64) = (row.try_get(3)?, row.try_get(2)?);
                #[allow(clippy::cast_possible_truncation)] // it was one before
                let row_of = Coded { bytes: bytes.into_iter().map(u8::cast_signed).collect(), scale: scale as f32 };
                coded.entry(row.try_get(0)?).or_default().push((row.try_get(1)?, row_of));
            }
            coded.retain(|document, _| documents.binary_search(document).is_ok());
            coded.into_iter().for_each(|(document, rows)| vectors.put(document, rows));
        }
    }

    /// The next documents whose vectors are of this model.
    async fn embedded_by(&self, model: &str, after: i64) -> Result<Vec<i64>, StoreError> {
        let page = "SELECT document.id FROM document JOIN model ON model.id = document.model
            WHERE model.digest = $1 AND document.id > $2 ORDER BY document.id LIMIT $3";
        let rows = sqlx::query(page).bind(model).bind(after).bind(PAGE).fetch_all(&self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }
}
