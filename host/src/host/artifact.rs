//! Artifacts: list, show, verify.

use super::job::{Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::artifact::generation;
use crate::artifact::name::Name;
use crate::artifact::publish::PublishedFile;
pub use crate::store::artifact::{ArtifactFilter, ArtifactRow};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// List the artifacts of current generations, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactList {
    /// Which.
    pub filter: ArtifactFilter,
}

impl Verb for ArtifactList {
    const ROUTE: &'static str = "artifact/list";
    type Reply = Page<ArtifactRow>;

    async fn call(self, host: &Host) -> Result<Page<ArtifactRow>, Refusal> {
        let mut filter = self.filter;
        filter.limit = limit(filter.limit)?;
        let items = host.store.artifacts(&filter).await?;
        let is_full = items.len() == usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(cursor);
        Ok(Page { items, next })
    }
}

/// Where the next page begins: `generation:path`.
fn cursor(row: &ArtifactRow) -> String {
    let file = row.path.split_once(&format!("/g{}/", row.generation)).map_or("", |(_, file)| file);
    format!("{}:{file}", row.generation)
}

/// The place that a cursor names.
///
/// # Errors
/// It is none that a page gave.
pub fn after(cursor: &str) -> Result<(i64, String), Refusal> {
    let parsed = cursor.split_once(':').and_then(|(lease, path)| Some((lease.parse().ok()?, path.to_owned())));
    parsed.ok_or_else(|| Refusal::usage(format!("cursor {cursor:?} is none: take the `next` of a page")))
}

/// The artifacts about one subject, and the folder that they lie below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactShow {
    /// A subject's id, the beginning of one, or a canonical source.
    pub subject: String,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<String>,
}

/// What is current about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectArtifacts {
    /// The subject's id.
    pub subject: String,
    /// Its canonical source.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The project folder, which paths are relative to.
    pub project: PathBuf,
    /// The artifacts.
    pub artifacts: Vec<ArtifactRow>,
}

impl Verb for ArtifactShow {
    const ROUTE: &'static str = "artifact/show";
    type Reply = SubjectArtifacts;

    async fn call(self, host: &Host) -> Result<SubjectArtifacts, Refusal> {
        let subject = host.subject(&self.subject).await?;
        let filter = ArtifactFilter {
            subject: Some(subject.clone()),
            kind: self.kind,
            after: None,
            limit: super::job::MAX_PAGE,
        };
        let artifacts = host.store.artifacts(&filter).await?;
        let about = host.store.about(&subject).await?;
        let (source, title) = about.map(|about| (about.source, about.title)).unwrap_or_default();
        Ok(SubjectArtifacts { subject, source, title, project: host.project.root().to_owned(), artifacts })
    }
}

/// Compare files of current generations with their recorded checksums.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactVerify {
    /// Only about this subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<String>,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verified {
    /// Files that were compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is not as it was recorded.
    pub broken: Vec<Broken>,
}

/// A file that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The file, relative to the project.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

impl Verb for ArtifactVerify {
    const ROUTE: &'static str = "artifact/verify";
    type Reply = Verified;

    async fn call(self, host: &Host) -> Result<Verified, Refusal> {
        let mut filter =
            ArtifactFilter { subject: self.subject, kind: self.kind, after: None, limit: super::job::MAX_PAGE };
        let mut verified = Verified::default();
        loop {
            let mut rows = host.store.artifacts(&filter).await?;
            let is_full = rows.len() == super::job::MAX_PAGE as usize;
            if is_full {
                whole_generations(&mut rows);
            }
            let Some(last) = rows.last() else { return Ok(verified) };
            filter.after = Some(after(&cursor(last))?);
            let root = host.project.root().to_owned();
            let check = move || compare(&root, &rows);
            let checked =
                tokio::task::spawn_blocking(check).await.map_err(|error| Refusal::failed(error.to_string()))?;
            verified.add(checked);
        }
    }
}

impl Verified {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.broken.extend(other.broken);
    }
}

/// Leave the last generation of a full page to the next one, for it may be cut.
fn whole_generations(rows: &mut Vec<ArtifactRow>) {
    let last = rows.last().map(|row| row.generation);
    if let Some(cut) = rows.iter().position(|row| Some(row.generation) == last).filter(|cut| *cut > 0) {
        rows.truncate(cut);
    }
}

fn compare(root: &std::path::Path, rows: &[ArtifactRow]) -> Verified {
    let mut verified = Verified::default();
    for files in rows.chunk_by(|a, b| a.generation == b.generation) {
        verified.files += files.len() as u64;
        verified.bytes += files.iter().map(|row| u64::try_from(row.bytes).unwrap_or(0)).sum::<u64>();
        let Some(first) = files.first() else { continue };
        let found = match Name::new(&first.subject, &first.kind, first.generation) {
            Ok(name) => generation::verify(root, &name, &published(files, &name)).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let damage = found.map_or_else(|error| vec![error], |all| all.iter().map(ToString::to_string).collect());
        let at = |what| Broken { path: first.path.clone(), what };
        verified.broken.extend(damage.into_iter().map(at));
    }
    verified
}

/// The files of one generation, as they were published.
fn published(files: &[ArtifactRow], name: &Name) -> Vec<PublishedFile> {
    let prefix = format!("{}/", name.location());
    let file = |row: &ArtifactRow| PublishedFile {
        path: row.path.strip_prefix(&prefix).unwrap_or(&row.path).to_owned(),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
        sha256: row.sha256.clone(),
        media_type: row.media_type.clone(),
    };
    files.iter().map(file).collect()
}
