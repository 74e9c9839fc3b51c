//! Imports: start, list, show.

use super::job::{Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::service::import::{self, FileItem, Found, KIND};
pub use crate::store::import::ImportRow;
use crate::store::import::NewImport;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Start the import of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportStart {
    /// The folder, as an absolute path.
    pub folder: PathBuf,
    /// Items per chunk; the configured number without.
    #[serde(default)]
    pub chunk: Option<u64>,
    /// Take only so many files, evenly spaced over the folder.
    #[serde(default)]
    pub sample: Option<u64>,
}

/// An import that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStarted {
    /// The import.
    #[serde(flatten)]
    pub import: ImportRow,
    /// Files with other endings, hidden ones and links, which were left out.
    pub left_out: u64,
    /// What could not be read, with the reason.
    pub unreadable: Vec<String>,
}

impl Verb for ImportStart {
    const ROUTE: &'static str = "import/start";
    type Reply = ImportStarted;

    async fn call(self, host: &Host) -> Result<ImportStarted, Refusal> {
        let chunk = self.chunk.unwrap_or(host.config.import.chunk);
        if !(1..=10_000).contains(&chunk) {
            return Err(Refusal::usage(format!("chunk {chunk} is out of range: 1 to 10000")));
        }
        let (root, found) = look(&self.folder, &host.config.import.extensions).await?;
        let files = sample(&found.files, self.sample);
        if files.is_empty() && found.unnameable == 0 {
            let endings = host.config.import.extensions.join(", ");
            return Err(Refusal::usage(format!("{} holds no file with one of the endings {endings}", root.display()))
                .hint("import.extensions in capstan.toml names the endings"));
        }
        let row = accept(host, &root, &files, &found, chunk).await?;
        Ok(ImportStarted { import: row, left_out: found.other, unreadable: found.unreadable })
    }
}

async fn look(folder: &Path, extensions: &[String]) -> Result<(PathBuf, Found), Refusal> {
    let root =
        folder.canonicalize().map_err(|error| Refusal::usage(format!("folder {}: {error}", folder.display())))?;
    if !root.is_dir() {
        return Err(Refusal::usage(format!("{} is no folder", root.display()))
            .hint("the import of a folder takes the folder; name the one that the file lies in"));
    }
    if root.to_str().is_none() {
        return Err(Refusal::usage(format!("the name of folder {} is not UTF-8", root.display())));
    }
    let extensions = extensions.to_vec();
    let work = move || {
        let found = import::look(&root, &extensions);
        (root, found)
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::failed(error.to_string()))
}

/// So many of the files, evenly spaced.
fn sample(files: &[String], wanted: Option<u64>) -> Vec<FileItem> {
    let wanted = wanted.and_then(|n| usize::try_from(n).ok()).unwrap_or(files.len()).min(files.len());
    let pick = |at: usize| files[at * files.len() / wanted].clone();
    (0..wanted).map(|at| FileItem { path: pick(at) }).collect()
}

async fn accept(host: &Host, root: &Path, files: &[FileItem], found: &Found, chunk: u64) -> Result<ImportRow, Refusal> {
    // The number is in the name of the list, so only one may be on its way.
    let _alone = host.starting_import.lock().await;
    let id = host.store.next_import().await?;
    let list = format!("imports/job_{id}.json");
    let (list_bytes, cursor) = import::write_list(&host.project.root().join(&list), files)?;
    let new = NewImport {
        id,
        kind: KIND.to_owned(),
        source: root.to_string_lossy().into_owned(),
        root: Some(root.to_string_lossy().into_owned()),
        list,
        list_bytes,
        cursor,
        chunk,
        total: files.len() as u64 + found.unnameable,
        invalid: found.unnameable,
        now: clock::now(),
    };
    host.store.add_import(new).await?;
    row(host, id).await
}

async fn row(host: &Host, id: i64) -> Result<ImportRow, Refusal> {
    host.store.import(id).await?.ok_or_else(|| {
        Refusal::not_found(format!("there is no import {id}")).hint("`capstan import list` shows the imports")
    })
}

/// List imports, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportList {
    /// Older than this one (the cursor of the page before).
    #[serde(default)]
    pub before: Option<i64>,
    /// At most so many; 50 without.
    #[serde(default)]
    pub limit: u32,
}

impl Verb for ImportList {
    const ROUTE: &'static str = "import/list";
    type Reply = Page<ImportRow>;

    async fn call(self, host: &Host) -> Result<Page<ImportRow>, Refusal> {
        let limit = limit(self.limit)?;
        let items = host.store.imports(self.before, limit).await?;
        let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = items.last().filter(|_| is_full).map(|import| import.id.to_string());
        Ok(Page { items, next })
    }
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportShow {
    /// Its number.
    pub id: i64,
}

impl Verb for ImportShow {
    const ROUTE: &'static str = "import/show";
    type Reply = ImportRow;

    async fn call(self, host: &Host) -> Result<ImportRow, Refusal> {
        row(host, self.id).await
    }
}
