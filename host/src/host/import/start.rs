//! Starting an import.

use super::row;
use crate::clock;
use crate::host::job::check;
use crate::host::refusal::Refusal;
use crate::host::{Host, Verb};
use crate::rules::format::{Format, Unreadable};
use crate::rules::list::Item;
use crate::service::import::KIND;
use crate::service::import::list::find;
use crate::service::import::take::{self, OnBroken, OnTorn, Take, TakeError, Taken};
use crate::store::import::{Existing, ImportRow, NewImport, Then};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// Start the import of a folder, or of a list of pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportStart {
    /// The folder or the list, as an absolute path.
    pub from: PathBuf,
    /// The form of the list; found out without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The kind of job that items become; `ingest` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Items per chunk; the configured number without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u64>,
    /// Take only so many items, evenly spaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// What a broken item means: `count` or `refuse` the list.
    #[serde(default)]
    pub broken: OnBroken,
    /// What it means that the list ends in the middle: `refuse` it, or `take-before`.
    #[serde(default)]
    pub torn: OnTorn,
    /// What becomes of items whose document exists: `again` or `skip`.
    #[serde(default)]
    pub existing: Existing,
    /// The job that follows when the import is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<ThenAsk>,
}

/// A job that is to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThenAsk {
    /// Its kind.
    pub kind: String,
    /// Its payload.
    #[serde(default)]
    pub payload: Value,
}

/// An import that was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportStarted {
    /// The import.
    #[serde(flatten)]
    pub import: ImportRow,
    /// Files with other endings, hidden ones and links, which were left out.
    pub left_out: u64,
    /// Items of which something was cut: a long title, tag or note.
    pub shortened: u64,
    /// What could not be read, with the reason; the first ones.
    pub unreadable: Vec<String>,
}

impl Verb for ImportStart {
    const ROUTE: &'static str = "import/start";
    type Reply = ImportStarted;

    async fn call(self, host: &Host) -> Result<ImportStarted, Refusal> {
        let chunk = self.chunk()?.unwrap_or(host.config.now().import.chunk);
        let then = self.then(host).await?;
        let from = self
            .from
            .canonicalize()
            .map_err(|error| Refusal::usage(format!("folder {}: {error}", self.from.display())).hint(NAMED))?;
        // A pipe or a device may have no end.
        if !from.is_dir() && !from.is_file() {
            return Err(Refusal::usage(format!("{} is neither a file nor a folder", from.display())).hint(NAMED));
        }
        // The number is in the name of the list, so only one may be on its way.
        let _alone = host.starting_import.lock().await;
        let id = host.store.next_import().await?;
        let list = format!("imports/job_{id}.json");
        let take = Take {
            from: from.clone(),
            format: self.form()?,
            broken: self.broken,
            torn: self.torn,
            sample: self.sample,
            list: host.project.root().join(&list),
        };
        let (form, taken) = taken(host, take).await?;
        if let Some(kind) = self.kind.as_deref().filter(|kind| *kind != KIND) {
            self.fits(host, kind, &host.project.root().join(&list), taken.written.first).await?;
        }
        let root = form.is_none().then(|| from.to_string_lossy().into_owned());
        let new = NewImport {
            id,
            kind: self.kind.unwrap_or_else(|| KIND.to_owned()),
            source: from.to_string_lossy().into_owned(),
            format: form.map_or(FOLDER, Format::name).to_owned(),
            root,
            list,
            list_bytes: taken.written.bytes,
            cursor: taken.written.first,
            chunk,
            total: taken.written.items + taken.duplicate + taken.invalid,
            duplicate: taken.duplicate,
            invalid: taken.invalid,
            existing: self.existing,
            then,
            now: clock::now(),
        };
        host.store.add_import(new).await?;
        let Taken { left_out, shortened, unreadable, .. } = taken;
        Ok(ImportStarted { import: row(host, id).await?, left_out, shortened, unreadable })
    }
}

/// What can be imported.
const NAMED: &str = "name a folder with pages, or a file that lists URLs";
/// What the form of a folder is called.
const FOLDER: &str = "folder";

impl ImportStart {
    /// The import of this folder or list, and nothing else said about it.
    pub fn of(from: PathBuf) -> Self {
        Self {
            from,
            format: None,
            kind: None,
            chunk: None,
            sample: None,
            broken: OnBroken::default(),
            torn: OnTorn::default(),
            existing: Existing::default(),
            then: None,
        }
    }

    fn chunk(&self) -> Result<Option<u64>, Refusal> {
        if let Some(chunk) = self.chunk.filter(|chunk| !(1..=10_000).contains(chunk)) {
            return Err(Refusal::usage(format!("chunk {chunk} is out of range: 1 to 10000")).hint(
                "it is how many items become jobs together; import.chunk in capstan.toml is what it is without",
            ));
        }
        if self.sample == Some(0) {
            return Err(Refusal::usage("a sample of 0 takes nothing").hint("leave it out to take everything"));
        }
        Ok(self.chunk)
    }

    /// The form that was named; none when it is to be found out, or a folder's.
    fn form(&self) -> Result<Option<Format>, Refusal> {
        let Some(name) = self.format.as_deref() else { return Ok(None) };
        let forms = || Format::ALL.map(Format::name).join(", ");
        let unknown = || {
            let wrong = Refusal::usage(format!("format {name:?} is not known"));
            wrong.hint(format!("formats: {FOLDER}, {}", forms()))
        };
        if name == FOLDER {
            return if self.from.is_dir() {
                Ok(None)
            } else {
                Err(Refusal::usage(format!("{} is no folder", self.from.display()))
                    .hint(format!("formats of lists: {}", forms())))
            };
        }
        let form = Format::parse(name).ok_or_else(unknown)?;
        if self.from.is_dir() {
            return Err(Refusal::usage(format!(
                "{} is a folder, and format {name} is one of lists",
                self.from.display()
            ))
            .hint("name the file, or leave the format out"));
        }
        Ok(Some(form))
    }

    /// The job that is to follow, checked as if it were added now.
    async fn then(&self, host: &Host) -> Result<Option<Then>, Refusal> {
        let Some(ThenAsk { kind, payload }) = &self.then else { return Ok(None) };
        let (_, handlers) = host.engine().await?;
        check::payload(handlers, kind, payload)?;
        let config = host.config.now();
        Ok(Some(Then {
            kind: kind.clone(),
            queue: config.queue(kind),
            payload: payload.clone(),
            max_attempts: config.policy(kind).max_attempts,
        }))
    }

    /// Whether items can be jobs of this kind: told by the first one.
    async fn fits(&self, host: &Host, kind: &str, list: &Path, first: u64) -> Result<(), Refusal> {
        let item = find(list, first, &[0]).ok().and_then(|found| found.into_iter().next()).flatten();
        let payload = item.as_ref().map(Item::payload).unwrap_or_default();
        let (_, handlers) = host.engine().await?;
        let fits = check::payload(handlers, kind, &payload).map(|_| ());
        if fits.is_err() {
            // Nothing is on record, and the next import takes their names.
            let _ = std::fs::remove_file(list);
            let _ = std::fs::remove_file(take::invalid_list(list));
        }
        fits
    }
}

/// Take the list or the folder in; the form of a list.
async fn taken(host: &Host, take: Take) -> Result<(Option<Format>, Taken), Refusal> {
    let extensions = host.config.now().import.extensions.clone();
    let from = take.from.clone();
    let endings = extensions.join(", ");
    let runtime = Handle::current();
    let work = move || {
        if take.from.is_dir() {
            return take::folder(&take, &extensions).map(|taken| (None, taken));
        }
        let form = match take.format {
            Some(form) => form,
            None => take::form(&take.from)?,
        };
        take::list(&take, form, &runtime).map(|taken| (Some(form), taken))
    };
    let is_folder = from.is_dir();
    if is_folder && from.to_str().is_none() {
        return Err(Refusal::usage(format!("the name of folder {} is not UTF-8", from.display())));
    }
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::failed(error.to_string()))?;
    done.map_err(|error| refused(&from, &endings, &error))
}

fn refused(from: &Path, endings: &str, error: &TakeError) -> Refusal {
    let from = from.display();
    let wrong = || Refusal::usage(format!("list {from}: {error}"));
    let forms = Format::ALL.map(Format::name).join(", ");
    match error {
        TakeError::Store(_) => Refusal::failed(format!("list {from}: {error}")),
        TakeError::Read(_) => wrong(),
        TakeError::Write { .. } => Refusal::failed(error.to_string()),
        TakeError::Unknown => {
            wrong().hint(format!("name it with --format ({forms}); to import a page, name the folder that it lies in"))
        }
        TakeError::Torn { reason: Unreadable::Encoding(_), .. } => wrong().hint("save it as UTF-8"),
        TakeError::Torn { before: 0, .. } => {
            wrong().hint(format!("if it has another form, name it with --format: {forms}"))
        }
        TakeError::Torn { .. } => wrong().hint("export it again, or take what is before with --partial"),
        TakeError::Broken(_) => {
            wrong().hint("without --strict such items are counted as invalid, and the others are imported")
        }
        TakeError::Empty { what: "URL", .. } => wrong().hint(format!(
            "if it has another form, name it with --format: {forms}; to import a page, name the folder that it lies in"
        )),
        TakeError::Empty { .. } => Refusal::usage(format!("{from} holds no file with one of the endings {endings}"))
            .hint("import.extensions in capstan.toml names the endings"),
    }
}
