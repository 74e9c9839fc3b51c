//! Imports: writing a folder's list, and dispatching it chunk by chunk.
//!
//! The list is a JSON array with one item a line, so it is valid JSON and can be
//! read from any saved offset. It is written, fsynced and named before the
//! import is on record. A chunk is read from the cursor and handed to the store,
//! which moves the cursor and queues the jobs in one commit.

use super::{Runtime, ServiceError};
use crate::capability::fs::Mount;
use crate::clock;
use crate::rules::attempt::{Class, Fault};
use crate::rules::import::next_chunk;
use crate::rules::list::Item;
use crate::rules::time::Timestamp;
use crate::store::StoreError;
use crate::store::import::{Chunk, ImportRow};
use crate::store::job::{About, NewJob};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// The kind of job that the items of a folder become.
pub const KIND: &str = "ingest";
/// Before the first item.
const HEAD: &str = "[\n";
/// Bytes of one line of a list at most: 1 MiB.
const MAX_LINE: u64 = 1 << 20;

/// The folders of imports, opened once.
#[derive(Debug, Default)]
pub(super) struct Roots(Mutex<BTreeMap<i64, Option<Mount>>>);

impl Roots {
    /// What the jobs of an import see as `/imports`.
    pub(super) async fn mount(&self, runtime: &Runtime, import: i64) -> Result<Option<Mount>, Fault> {
        let mut roots = self.0.lock().await;
        if let Some(mount) = roots.get(&import) {
            return Ok(mount.clone());
        }
        let fault = |error: String| Fault::new(Class::HostFault, error);
        let row = runtime.store.import(import).await.map_err(|error| fault(error.to_string()))?;
        let mount = match row.and_then(|row| row.root) {
            Some(root) => Some(Mount::imports(Path::new(&root)).map_err(|error| fault(error.to_string()))?),
            None => None,
        };
        roots.insert(import, mount.clone());
        Ok(mount)
    }
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Files to import, relative to the folder, in order.
    pub files: Vec<String>,
    /// Files whose name no handler could open, because it is not UTF-8.
    pub unnameable: u64,
    /// Files with other endings.
    pub other: u64,
    /// Folders and files that could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// Look through a folder. Hidden files and symbolic links are left out and
/// counted as other.
pub fn look(folder: &Path, extensions: &[String]) -> Found {
    let mut found = Found::default();
    let hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !hidden(entry) || !entry.file_type().is_dir()) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if !entry.file_type().is_file() || hidden(&entry) || !has_ending(entry.path(), extensions) => {
                found.other += 1;
            }
            Ok(entry) => match entry.path().strip_prefix(folder).ok().and_then(Path::to_str) {
                Some(path) => found.files.push(path.to_owned()),
                None => found.unnameable += 1,
            },
            Err(error) => found.unreadable.push(error.to_string()),
        }
    }
    found
}

fn has_ending(path: &Path, extensions: &[String]) -> bool {
    let Some(ending) = path.extension() else { return false };
    extensions.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
}

/// Write a list so that it is whole and on the disk under its name; its length
/// and where its first item begins.
///
/// # Errors
/// The file system said no.
pub fn write_list(path: &Path, items: &[Item]) -> Result<(u64, u64), ServiceError> {
    let written = || -> std::io::Result<u64> {
        let draft = path.with_extension("draft");
        let mut out = BufWriter::new(File::create(&draft)?);
        out.write_all(HEAD.as_bytes())?;
        for (at, item) in items.iter().enumerate() {
            serde_json::to_writer(&mut out, item)?;
            out.write_all(if at + 1 < items.len() { b",\n" } else { b"\n" })?;
        }
        out.write_all(b"]\n")?;
        let file = out.into_inner()?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        Ok(file.metadata()?.len())
    };
    let bytes = written().map_err(|error| ServiceError::Io { doing: "write", path: path.to_owned(), error })?;
    Ok((bytes, HEAD.len() as u64))
}

/// Dispatch imports until `stop` says so.
///
/// # Errors
/// The store said no.
pub async fn run(runtime: Arc<Runtime>, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut pulse = runtime.store.pulse();
    while !*stop.borrow_and_update() {
        let seen = *pulse.borrow_and_update();
        // What is ready already keeps the host busy; it asks again when less is.
        let is_hungry = seen.imports > 0 && seen.ready < u64::from(runtime.slots);
        if is_hungry && dispatch(&runtime).await? {
            continue;
        }
        tokio::select! {
            changed = pulse.changed() => if changed.is_err() { break },
            _ = stop.changed() => {},
        }
    }
    Ok(())
}

/// Dispatch a chunk of each import that has room; whether there was any.
async fn dispatch(runtime: &Arc<Runtime>) -> Result<bool, ServiceError> {
    let mut any = false;
    for import in runtime.store.undispatched().await? {
        let window = import.chunk.saturating_mul(runtime.config.now().import.window);
        let total = u64::try_from(import.total).unwrap_or(0);
        let items = next_chunk(total, import.chunk, window, import.open_jobs);
        if items == 0 {
            continue;
        }
        let list = runtime.project.root().join(&import.list);
        match read_chunk(&list, import.cursor, items) {
            Ok((lines, to)) => runtime.store.advance(chunk(runtime, &import, &lines, to)?).await?,
            Err(error) => {
                let message = format!("cannot read {} at byte {}: {error}", import.list, import.cursor);
                runtime.store.break_import(import.id, message, clock::now()).await?;
            }
        }
        any = true;
    }
    Ok(any)
}

/// The next items of a list, and where the one behind them begins; the end of
/// the file when there is none.
fn read_chunk(list: &Path, from: u64, items: u64) -> std::io::Result<(Vec<Item>, u64)> {
    let mut file = File::open(list)?;
    let bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    let mut lines = Vec::new();
    let mut at = from;
    loop {
        let mut line = String::new();
        at += std::io::Read::take(&mut reader, MAX_LINE).read_line(&mut line)? as u64;
        let text = line.trim_end().trim_end_matches(',');
        if text == "]" {
            return Ok((lines, bytes));
        }
        lines.push(serde_json::from_str(text)?);
        if lines.len() as u64 == items {
            let rest_is_empty = std::io::Read::take(&mut reader, 2).fill_buf()?.starts_with(b"]");
            return Ok((lines, if rest_is_empty { bytes } else { at }));
        }
    }
}

fn chunk(runtime: &Runtime, import: &ImportRow, items: &[Item], to: u64) -> Result<Chunk, ServiceError> {
    let now = clock::now();
    let root = PathBuf::from(import.root.clone().unwrap_or_default());
    let config = runtime.config.now();
    let max_attempts = config.policy(&import.kind).max_attempts;
    let queue = config.queue(&import.kind);
    let first = i64::try_from(import.dispatched).unwrap_or(i64::MAX);
    let mut jobs = Vec::with_capacity(items.len());
    for (item, position) in items.iter().zip(first..) {
        let mut job = job(import, item, &root, position, max_attempts, now)?;
        job.queue.clone_from(&queue);
        job.key = config.key(&import.kind, &job.about.source);
        jobs.push(job);
    }
    Ok(Chunk { import: import.id, from: import.cursor, to, jobs, now })
}

fn job(
    import: &ImportRow,
    item: &Item,
    root: &Path,
    position: i64,
    max_attempts: u32,
    now: Timestamp,
) -> Result<NewJob, ServiceError> {
    let corrupt = |what: String| ServiceError::Store(StoreError::Corrupt(what));
    let (payload, about) = match item {
        Item::File { path } => {
            let source =
                source(&root.join(path)).ok_or_else(|| corrupt(format!("import {} has no root", import.id)))?;
            (serde_json::json!({ "path": path }), About::source(source))
        }
        Item::Page { url, title, tags } => {
            let about = About { title: title.clone(), tags: tags.clone(), ..About::source(url) };
            (serde_json::json!({ "url": url }), about)
        }
    };
    Ok(NewJob {
        kind: import.kind.clone(),
        queue: import.kind.clone(),
        about,
        payload: payload.to_string(),
        priority: 0,
        max_attempts,
        run_at: now,
        parent: None,
        item: Some((import.id, position)),
        key: None,
        unique: None,
        deadline: None,
        now,
    })
}

/// The canonical source of a file: its `file:` URL.
pub fn source(file: &Path) -> Option<String> {
    url::Url::from_file_path(file).ok().map(String::from)
}
