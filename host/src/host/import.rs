//! Imports: start, list, show.

use super::job::{Page, limit};
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::clock;
use crate::rules::list::{self, Item};
use crate::service::import::{self, Found, KIND};
pub use crate::store::import::ImportRow;
use crate::store::import::NewImport;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Start the import of a folder, or of a list of URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportStart {
    /// The folder or the list, as an absolute path. A list is a text with one URL a
    /// line, or a JSON array of URLs and of objects with `url`, `title` and `tags`.
    pub from: PathBuf,
    /// Items per chunk; the configured number without.
    #[serde(default)]
    pub chunk: Option<u64>,
    /// Take only so many items, evenly spaced.
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
        let chunk = self.chunk.unwrap_or(host.config.now().import.chunk);
        if !(1..=10_000).contains(&chunk) {
            return Err(Refusal::usage(format!("chunk {chunk} is out of range: 1 to 10000")).hint(
                "it is how many items become jobs together; import.chunk in capstan.toml is what it is without",
            ));
        }
        if self.sample == Some(0) {
            return Err(Refusal::usage("a sample of 0 takes nothing").hint("leave it out to take everything"));
        }
        let mut content = if self.from.is_file() {
            from_list(&self.from).await?
        } else {
            from_folder(&self.from, &host.config.now().import.extensions).await?
        };
        content.items = sample(&content.items, self.sample);
        let row = accept(host, &content, chunk).await?;
        Ok(ImportStarted { import: row, left_out: content.left_out, unreadable: content.unreadable })
    }
}

/// What there is to import.
struct Content {
    from: PathBuf,
    /// The folder that jobs see.
    root: Option<PathBuf>,
    items: Vec<Item>,
    duplicate: u64,
    invalid: u64,
    left_out: u64,
    unreadable: Vec<String>,
}

async fn from_folder(folder: &Path, extensions: &[String]) -> Result<Content, Refusal> {
    let (root, found) = look(folder, extensions).await?;
    if found.files.is_empty() && found.unnameable == 0 {
        let endings = extensions.join(", ");
        return Err(Refusal::usage(format!("{} holds no file with one of the endings {endings}", root.display()))
            .hint("import.extensions in capstan.toml names the endings"));
    }
    Ok(Content {
        from: root.clone(),
        root: Some(root),
        items: found.files.into_iter().map(|path| Item::File { path }).collect(),
        duplicate: 0,
        invalid: found.unnameable,
        left_out: found.other,
        unreadable: found.unreadable,
    })
}

/// Bytes of a list at most: it is read whole.
const MAX_LIST: u64 = 64 << 20;

async fn from_list(file: &Path) -> Result<Content, Refusal> {
    let wrong = |reason: String| Refusal::usage(format!("list {}: {reason}", file.display()));
    let bytes = tokio::fs::metadata(file).await.map_err(|error| wrong(error.to_string()))?.len();
    if bytes > MAX_LIST {
        return Err(wrong(format!("it has {bytes} bytes; at most {MAX_LIST} are read")).hint("split it"));
    }
    let text = tokio::fs::read_to_string(file)
        .await
        .map_err(|error| wrong(error.to_string()).hint("a list is a text with one URL a line, or a JSON array"))?;
    let read = list::read(&text).map_err(|error| wrong(error.to_string()))?;
    if read.items.is_empty() {
        let reason = read.invalid.first().map_or_else(|| "it is empty".to_owned(), Clone::clone);
        return Err(wrong(format!("it holds no URL: {reason}")).hint(
            "a list is a text with one URL a line, or a JSON array; to import a page, name the folder that it lies in",
        ));
    }
    let from = file.canonicalize().map_err(|error| wrong(error.to_string()))?;
    let invalid = read.invalid.len() as u64;
    let (items, duplicate) = (read.items, read.duplicate);
    Ok(Content { from, root: None, items, duplicate, invalid, left_out: 0, unreadable: read.invalid })
}

async fn look(folder: &Path, extensions: &[String]) -> Result<(PathBuf, Found), Refusal> {
    let root = folder.canonicalize().map_err(|error| {
        Refusal::usage(format!("folder {}: {error}", folder.display()))
            .hint("name a folder with pages, or a file that lists URLs")
    })?;
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

/// So many of the items, evenly spaced.
fn sample(items: &[Item], wanted: Option<u64>) -> Vec<Item> {
    let wanted = wanted.and_then(|n| usize::try_from(n).ok()).unwrap_or(items.len()).min(items.len());
    (0..wanted).map(|at| items[at * items.len() / wanted].clone()).collect()
}

async fn accept(host: &Host, content: &Content, chunk: u64) -> Result<ImportRow, Refusal> {
    // The number is in the name of the list, so only one may be on its way.
    let _alone = host.starting_import.lock().await;
    let id = host.store.next_import().await?;
    let list = format!("imports/job_{id}.json");
    let (list_bytes, cursor) = import::write_list(&host.project.root().join(&list), &content.items)?;
    let new = NewImport {
        id,
        kind: KIND.to_owned(),
        source: content.from.to_string_lossy().into_owned(),
        root: content.root.as_ref().map(|root| root.to_string_lossy().into_owned()),
        list,
        list_bytes,
        cursor,
        chunk,
        total: content.items.len() as u64 + content.duplicate + content.invalid,
        duplicate: content.duplicate,
        invalid: content.invalid,
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
