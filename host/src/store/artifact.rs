//! Artifacts: which generation is current, and what lies in it.

use super::batch::{Batch, json};
use super::job::About;
use super::settle::Settlement;
use super::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder, Row};

/// A generation that lies on the disk and is to become known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its folder, relative to the project.
    pub location: String,
    /// The title of the subject, or empty.
    pub title: String,
    /// What lies in it.
    pub files: Vec<PublishedFile>,
}

/// One file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Relative to the generation.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
    /// Its media type.
    pub media_type: String,
}

/// An artifact as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, FromRow)]
pub struct ArtifactRow {
    /// The job that made it.
    pub job_id: i64,
    /// The subject it is about.
    pub subject: String,
    /// The canonical source of the subject: a URL.
    pub source: String,
    /// The title of the subject.
    pub title: String,
    /// The kind that made it.
    pub kind: String,
    /// The file, relative to the project folder.
    pub path: String,
    /// Its size.
    pub bytes: i64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
    /// Its media type.
    pub media_type: String,
    /// The generation that it belongs to.
    pub generation: i64,
    /// When it was published (ms).
    pub created_at: i64,
}

/// Which artifacts to list; only those of current generations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArtifactFilter {
    /// About this subject.
    pub subject: Option<String>,
    /// Made by this kind.
    pub kind: Option<String>,
    /// Of generations after this artifact (the cursor of the page before).
    pub after: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// A page of the artifacts of current generations, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<ArtifactRow>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT generation.job_id, generation.subject, coalesce(subject.source, '') AS source,
                    coalesce(subject.title, '') AS title, generation.kind,
                    generation.location || '/' || artifact.path AS path, artifact.bytes, artifact.sha256,
                    artifact.media_type, generation.lease AS generation, generation.created_at
             FROM artifact JOIN generation ON generation.lease = artifact.lease
             JOIN current ON current.subject = generation.subject AND current.kind = generation.kind
                  AND current.lease = generation.lease
             LEFT JOIN subject ON subject.id = generation.subject
             WHERE true",
        );
        if let Some(subject) = &filter.subject {
            query.push(" AND generation.subject = ").push_bind(subject);
        }
        if let Some(kind) = &filter.kind {
            query.push(" AND generation.kind = ").push_bind(kind);
        }
        if let Some((lease, path)) = &filter.after {
            query.push(" AND (artifact.lease, artifact.path) > (").push_bind(*lease).push(", ");
            query.push_bind(path).push(")");
        }
        query.push(" ORDER BY artifact.lease, artifact.path LIMIT ").push_bind(i64::from(filter.limit));
        Ok(query.build_query_as().fetch_all(self.readers()).await?)
    }

    /// A subject that something was published about.
    ///
    /// # Errors
    /// The database said no.
    pub async fn about(&self, subject: &str) -> Result<Option<About>, StoreError> {
        let row = sqlx::query("SELECT id, source, title FROM subject WHERE id = $1").bind(subject);
        let Some(row) = row.fetch_optional(self.readers()).await? else { return Ok(None) };
        let (subject, source, title) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Some(About { subject, source, title, tags: Vec::new() }))
    }

    /// The ids of subjects that begin so; two at most.
    ///
    /// # Errors
    /// The database said no.
    pub async fn subjects_like(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT id FROM subject WHERE id >= $1 AND id < $1 || 'g' ORDER BY id LIMIT 2");
        let rows = rows.bind(prefix).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Every folder that a known generation lies in, as (lease, location).
    ///
    /// # Errors
    /// The database said no.
    pub async fn generations(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let rows = sqlx::query("SELECT lease, location FROM generation ORDER BY lease").fetch_all(self.readers());
        Ok(rows.await?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// Make known what the settlements published. A generation becomes current
/// unless a job that was queued later has published already.
pub(super) async fn insert(batch: &mut Batch<'_>, applied: &[&Settlement]) -> Result<(), StoreError> {
    let mut generations = Vec::new();
    let mut files = Vec::new();
    let mut subjects = Vec::new();
    for settlement in applied {
        let Some(publication) = &settlement.publication else { continue };
        let facts = &settlement.facts;
        let lease = facts.running.lease;
        let now = settlement.attempt.finished_at;
        let made = (&facts.digest, &facts.inputs, &publication.location, now);
        generations.push((lease, &facts.about.subject, &facts.kind, facts.running.id, made));
        subjects.push((&facts.about.subject, &facts.about.source, &publication.title, now));
        files.extend(publication.files.iter().map(|f| (lease, &f.path, f.bytes, &f.sha256, &f.media_type)));
    }
    if generations.is_empty() {
        return Ok(());
    }
    let generations = json(&generations)?;
    for (statement, rows) in [
        (GENERATION, generations.clone()),
        (CURRENT, generations),
        (ARTIFACT, json(&files)?),
        (SUBJECT, json(&subjects)?),
    ] {
        sqlx::query(statement).bind(rows).execute(&mut *batch.conn).await?;
    }
    Ok(())
}

pub(super) const GENERATION: &str =
    "INSERT INTO generation (lease, subject, kind, job_id, digest, inputs, location, created_at)
    SELECT value->>0, value->>1, value->>2, value->>3, coalesce(value->>'$[4][0]', ''), value->>'$[4][1]',
           value->>'$[4][2]', value->>'$[4][3]'
    FROM jsonb_each($1)";

pub(super) const CURRENT: &str = "INSERT INTO current (subject, kind, lease, job_id)
    SELECT value->>1, value->>2, value->>0, value->>3 FROM jsonb_each($1) WHERE true
    ON CONFLICT (subject, kind) DO UPDATE SET lease = excluded.lease, job_id = excluded.job_id
    WHERE excluded.job_id >= current.job_id";

pub(super) const ARTIFACT: &str = "INSERT INTO artifact (lease, path, bytes, sha256, media_type)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each($1)";

pub(super) const SUBJECT: &str = "INSERT INTO subject (id, source, title, created_at)
    SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each($1) WHERE true
    ON CONFLICT (id) DO UPDATE SET title = excluded.title WHERE excluded.title <> '' AND excluded.title <> title";
