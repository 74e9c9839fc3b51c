//! Writing into the index: what documents say, their vectors, and what is gone.
//!
//! One transaction for many documents, with a fixed number of statements each for passages and words, and the position
//! in the same transaction. Writing something that is there already changes nothing.

use super::feed::Position;
use super::{Index, StoreError};
use crate::rules::entry::{Embedded, Entry};
use crate::rules::search::spaced;
use crate::store::batch::json;
use sqlx::{Executor, Row, SqliteConnection};

/// What becomes of a document.
#[derive(Debug, Clone)]
pub struct Change {
    /// The subject's id.
    pub subject: String,
    /// Its canonical source.
    pub source: String,
    /// Its title, if what it says has none.
    pub title: String,
    /// The lease of what was published, or of the removal.
    pub lease: i64,
    /// What it is.
    pub what: What,
}

/// What becomes of a document.
#[derive(Debug, Clone)]
pub enum What {
    /// It says this.
    Says(Entry),
    /// These are its vectors.
    Embedded(Embedded),
    /// What a handler of that sort made cannot be used, so nothing of it is found.
    Unsaid,
    /// The same of vectors.
    Unembedded,
    /// It is gone, if nothing was published since.
    Gone,
}

/// What a fold did to the vectors of a document, for those who keep them in memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    /// They are these now.
    Put(i64, Embedded),
    /// There are none any more.
    Removed(i64),
}

impl Index {
    /// Write changes, and how far that is.
    ///
    /// # Errors
    /// The database said no; then nothing was written.
    pub async fn fold(&self, changes: &[Change], position: &Position) -> Result<Vec<Moved>, StoreError> {
        let mut conn = self.writer.lock().await;
        // It fails where there is none; one is open if a fold was dropped half-way.
        let _ = conn.execute("ROLLBACK").await;
        conn.execute("BEGIN IMMEDIATE").await?;
        let written = match write(&mut conn, changes, position).await {
            Ok(moved) => conn.execute("COMMIT").await.map(|_| moved).map_err(StoreError::from),
            Err(error) => Err(error),
        };
        if written.is_err() {
            // It fails where SQLite has rolled back already.
            let _ = conn.execute("ROLLBACK").await;
        }
        written
    }
}

async fn write(conn: &mut SqliteConnection, changes: &[Change], position: &Position) -> Result<Vec<Moved>, StoreError> {
    let mut moved = Vec::new();
    for change in changes {
        moved.extend(match &change.what {
            What::Says(entry) => said(conn, change, Some(entry)).await?,
            What::Unsaid => said(conn, change, None).await?,
            What::Embedded(embedded) => meant(conn, change, Some(embedded)).await?,
            What::Unembedded => meant(conn, change, None).await?,
            What::Gone => gone(conn, change).await?,
        });
    }
    let at = sqlx::query("UPDATE position SET upto = $1, open = $2, kinds = $3").bind(position.upto);
    at.bind(json(&position.open)?).bind(json(&position.kinds)?).execute(&mut *conn).await?;
    Ok(moved)
}

/// The row of a document, and the leases that its passages and its vectors are from; 0 for none.
async fn known(conn: &mut SqliteConnection, subject: &str) -> Result<Option<(i64, i64, i64)>, StoreError> {
    let known = sqlx::query("SELECT id, coalesce(entry, 0), coalesce(vectors, 0) FROM document WHERE subject = $1");
    let Some(row) = known.bind(subject).fetch_optional(&mut *conn).await? else { return Ok(None) };
    Ok(Some((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
}

/// Forget a document, but for what was published after it was removed.
async fn gone(conn: &mut SqliteConnection, change: &Change) -> Result<Option<Moved>, StoreError> {
    let Some((document, entry, vectors)) = known(conn, &change.subject).await? else { return Ok(None) };
    let (is_unsaid, is_unembedded) = (entry < change.lease, vectors < change.lease);
    if is_unsaid {
        forget_words(conn, document).await?;
    }
    if is_unembedded {
        forget_vectors(conn, document).await?;
    }
    let rest = match (is_unsaid, is_unembedded) {
        (true, true) => "DELETE FROM document WHERE id = $1",
        (true, false) => "UPDATE document SET entry = NULL, title = '', url = '', tags = '[]' WHERE id = $1",
        (false, true) => "UPDATE document SET vectors = NULL WHERE id = $1",
        (false, false) => return Ok(None),
    };
    sqlx::query(rest).bind(document).execute(&mut *conn).await?;
    Ok(is_unembedded.then_some(Moved::Removed(document)))
}

/// What a document says from this generation on, unless a later one is known.
async fn said(
    conn: &mut SqliteConnection,
    change: &Change,
    entry: Option<&Entry>,
) -> Result<Option<Moved>, StoreError> {
    if known(conn, &change.subject).await?.is_some_and(|(_, said, _)| change.lease <= said) {
        return Ok(None);
    }
    let upsert = "INSERT INTO document (subject, source, entry) VALUES ($1, $2, $3)
        ON CONFLICT (subject) DO UPDATE SET source = $2, entry = $3 RETURNING id";
    let document = document(conn, change, upsert).await?;
    forget_words(conn, document).await?;
    if let Some(entry) = entry {
        say(conn, document, change, entry).await?;
    }
    Ok(None)
}

/// The vectors of a document from this generation on, unless a later one is known.
async fn meant(
    conn: &mut SqliteConnection,
    change: &Change,
    embedded: Option<&Embedded>,
) -> Result<Option<Moved>, StoreError> {
    if known(conn, &change.subject).await?.is_some_and(|(_, _, meant)| change.lease <= meant) {
        return Ok(None);
    }
    let upsert = "INSERT INTO document (subject, source, vectors) VALUES ($1, $2, $3)
        ON CONFLICT (subject) DO UPDATE SET source = $2, vectors = $3 RETURNING id";
    let document = document(conn, change, upsert).await?;
    forget_vectors(conn, document).await?;
    let Some(embedded) = embedded else { return Ok(Some(Moved::Removed(document))) };
    embed(conn, document, embedded).await?;
    Ok(Some(Moved::Put(document, embedded.clone())))
}

/// The row of a document, made or changed.
async fn document(conn: &mut SqliteConnection, change: &Change, upsert: &'static str) -> Result<i64, StoreError> {
    let row = sqlx::query(upsert).bind(&change.subject).bind(&change.source).bind(change.lease);
    Ok(row.fetch_one(&mut *conn).await?.try_get(0)?)
}

async fn forget_words(conn: &mut SqliteConnection, document: i64) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM page WHERE rowid = $1",
        "DELETE FROM word WHERE rowid IN (SELECT id FROM passage WHERE document = $1)",
        "DELETE FROM passage WHERE document = $1",
    ] {
        sqlx::query(statement).bind(document).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn forget_vectors(conn: &mut SqliteConnection, document: i64) -> Result<(), StoreError> {
    for statement in ["DELETE FROM vector WHERE document = $1", "UPDATE document SET model = NULL WHERE id = $1"] {
        sqlx::query(statement).bind(document).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn say(conn: &mut SqliteConnection, document: i64, change: &Change, entry: &Entry) -> Result<(), StoreError> {
    let title = if entry.title.is_empty() { &change.title } else { &entry.title };
    let url = if entry.url.is_empty() { &change.source } else { &entry.url };
    let about = sqlx::query("UPDATE document SET title = $2, url = $3, language = $4, tags = $5 WHERE id = $1");
    let about = about.bind(document).bind(title).bind(url).bind(&entry.language).bind(json(&entry.tags)?);
    about.execute(&mut *conn).await?;
    let first: i64 =
        sqlx::query("SELECT coalesce(max(id), 0) + 1 FROM passage").fetch_one(&mut *conn).await?.try_get(0)?;
    let rows: Vec<_> = (first..)
        .zip(&entry.passages)
        .map(|(id, piece)| (id, piece.start, piece.end, &piece.heading, &piece.text))
        .collect();
    let insert = "INSERT INTO passage (id, document, start, stop, heading, text)
        SELECT value->>0, $1, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($2)";
    sqlx::query(insert).bind(document).bind(json(&rows)?).execute(&mut *conn).await?;
    let words: Vec<_> =
        (first..).zip(&entry.passages).map(|(id, piece)| (id, spaced(&piece.heading), spaced(&piece.text))).collect();
    let insert = "INSERT INTO word (rowid, title, heading, text)
        SELECT value->>0, $1, value->>1, value->>2 FROM jsonb_each($2)";
    sqlx::query(insert).bind(spaced(title)).bind(json(&words)?).execute(&mut *conn).await?;
    page(conn, document, title, entry).await
}

/// The document as a whole: a page that says much about what is asked comes before one that says it in one place.
async fn page(conn: &mut SqliteConnection, document: i64, title: &str, entry: &Entry) -> Result<(), StoreError> {
    let mut headings: Vec<&str> = entry.passages.iter().map(|piece| piece.heading.as_str()).collect();
    headings.dedup();
    let texts: Vec<&str> = entry.passages.iter().map(|piece| piece.text.as_str()).collect();
    let insert = sqlx::query("INSERT INTO page (rowid, title, heading, text) VALUES ($1, $2, $3, $4)").bind(document);
    let (heading, text) = (headings.join("\n"), texts.join("\n"));
    insert.bind(spaced(title)).bind(spaced(&heading)).bind(spaced(&text)).execute(&mut *conn).await?;
    Ok(())
}

async fn embed(conn: &mut SqliteConnection, document: i64, embedded: &Embedded) -> Result<(), StoreError> {
    let model = "INSERT INTO model (digest, dimension) VALUES ($1, $2)
        ON CONFLICT (digest) DO UPDATE SET dimension = $2 RETURNING id";
    let dimension = i64::try_from(embedded.dimension).unwrap_or(0);
    let model = sqlx::query(model).bind(&embedded.model).bind(dimension).fetch_one(&mut *conn).await?;
    let model: i64 = model.try_get(0)?;
    let set = sqlx::query("UPDATE document SET model = $2 WHERE id = $1").bind(document).bind(model);
    set.execute(&mut *conn).await?;
    let rows: Vec<_> = embedded.rows.iter().map(|(start, coded)| (start, coded.scale, hex(&coded.bytes))).collect();
    let insert = "INSERT OR REPLACE INTO vector (document, start, scale, bytes)
        SELECT $1, value->>0, value->>1, unhex(value->>2) FROM jsonb_each($2)";
    sqlx::query(insert).bind(document).bind(json(&rows)?).execute(&mut *conn).await?;
    Ok(())
}

fn hex(bytes: &[i8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{:02x}", byte.cast_unsigned());
        text
    })
}
