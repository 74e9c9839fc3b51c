//! `ingest`: takes one file of an imported folder, or one page of the web, and leaves its text, in UTF-8,
//! with a note of what it was.
//!
//! It reads the bytes or fetches them ([`web`]), tells the format ([`format`]), decodes them ([`charset`]) or takes the text out of
//! a PDF ([`pdf`]), and writes `document.html`, `.md` or `.txt`, `capture.json` ([`Capture`]) and, when
//! the text is not byte for byte what was imported, the untouched `original.*`. A file that is as it was
//! at the last time, seen by the same version of this handler, ends `unchanged`.
//!
//! What it cannot promise: a text without byte order mark or declaration that is not UTF-8 is decoded by
//! a guess (`capture.json` says so), and a PDF gives only the text layer it carries, in the order in
//! which it was drawn.

mod charset;
mod format;
mod pdf;
mod web;

use capstan_sdk::{Artifact, Asks, Failure, Handler, Job, OrFail, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

use crate::format::Format;
pub use crate::web::Web;

const CAPTURE: &str = "capture.json";

/// The handler of kind `ingest`.
#[derive(Debug, Default)]
pub struct Ingest;

/// What a job of kind `ingest` carries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Payload {
    /// A file of the imported folder.
    File {
        /// The file, relative to the imported folder, with `/` between its parts.
        path: String,
    },
    /// A page of the web.
    Page {
        /// Its address, `http:` or `https:`.
        url: String,
        /// The title that its owner gave it.
        #[serde(default)]
        title: Option<String>,
        /// Its owner's tags.
        #[serde(default)]
        tags: Vec<String>,
        /// When it was added, in milliseconds since 1970.
        #[serde(default)]
        added_at: Option<i64>,
        /// Its owner's note.
        #[serde(default)]
        note: Option<String>,
    },
}

/// What its owner kept about a page: in bookmarks, for example.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kept {
    /// The title that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its tags, and the folders that it lay in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it was added, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_at: Option<i64>,
    /// A note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the operator may set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds that a page of the web may take, redirects and body included; 60 without.
    pub timeout_s: Option<u64>,
}

/// What was imported; the content of `capture.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// The version of `ingest` that wrote this.
    pub ingest: String,
    /// Where the document comes from: a URL, or empty.
    pub source: String,
    /// The file, relative to the imported folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the server said, for a page of the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<Web>,
    /// What its owner kept about it, as the job says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// What the file is, for example `text/html`.
    pub media_type: String,
    /// The name of the character encoding it was in, for example `windows-1251`.
    pub charset: String,
    /// How the encoding was found: `bom`, `header` (of the server), `declared`, `utf-8` (it is valid UTF-8), `guessed`, or `pdf`.
    pub charset_from: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// The file beside this one that holds the text.
    pub document: String,
    /// The file beside this one that holds the imported bytes, when the text is not the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

/// The text of a document and how it was come by.
struct Text {
    text: String,
    charset: &'static str,
    charset_from: &'static str,
}

impl Handler for Ingest {
    const KIND: &'static str = "ingest";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "takes a file of the imported folder or a page of the web and keeps its text as UTF-8";

    type Payload = Payload;
    type Config = Config;
    type Result = Capture;

    fn asks() -> Asks {
        Asks::default().imports().artifacts(Self::KIND).http("GET,HEAD *://*:*")
    }

    fn artifacts() -> Vec<Artifact> {
        vec![
            Artifact::new("document.html", "text/html", "the page as UTF-8, when it is HTML or XHTML"),
            Artifact::new("document.md", "text/markdown", "the text as UTF-8, when it is Markdown"),
            Artifact::new("document.txt", "text/plain", "the text as UTF-8, when it is plain or from a PDF"),
            Artifact::new("original.*", "application/octet-stream", "the file as it was, when the text differs"),
            Artifact::new(CAPTURE, "application/json", "what the file was, and its SHA-256"),
        ]
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Capture>, Failure> {
        let last = last_capture(job);
        let Some(found) = find(job, last.as_ref())? else {
            return last
                .map(Success::Unchanged)
                .permanent("the server says that nothing changed, but nothing is there");
        };
        let sha256 = format!("{:x}", Sha256::digest(&found.bytes));
        if let Some(last) = last
            && last.sha256 == sha256
            && last.ingest == Self::VERSION
            && last.path == found.path
        {
            return Ok(Success::Unchanged(last));
        }

        let refused = format!("`{}` was not taken in", found.name);
        let mime = found.mime();
        let format =
            Format::of(&found.name, mime.as_ref().map(mime::Mime::essence_str), &found.bytes).permanent(&*refused)?;
        let text = text_of(format, mime.as_ref(), &found.bytes).permanent(&*refused)?;
        let (media_type, extension, text_extension) = format.names();
        let same = text.text.as_bytes() == found.bytes;
        let capture = Capture {
            ingest: Self::VERSION.to_owned(),
            source: found.web.as_ref().map_or_else(|| job.source(), |web| web.url.clone()),
            path: found.path,
            web: found.web,
            kept: kept(job.payload()),
            media_type: media_type.to_owned(),
            charset: text.charset.to_owned(),
            charset_from: text.charset_from.to_owned(),
            bytes: found.bytes.len() as u64,
            sha256,
            document: format!("document.{text_extension}"),
            original: (!same).then(|| format!("original.{extension}")),
        };
        let bytes = found.bytes;
        write(job, &capture, &text.text, &bytes)?;
        Ok(Success::Done(capture))
    }
}

capstan_sdk::export!(Ingest);

/// What a job is about, before anybody knows what it is.
struct Found {
    /// The path, or the path of the URL.
    name: String,
    path: Option<String>,
    web: Option<Web>,
    bytes: Vec<u8>,
}

impl Found {
    /// What the server says it is.
    fn mime(&self) -> Option<mime::Mime> {
        self.web.as_ref()?.header("content-type")?.parse().ok()
    }
}

/// The bytes; none when they are those of the last time.
fn find(job: &Job<Ingest>, last: Option<&Capture>) -> Result<Option<Found>, Failure> {
    match job.payload() {
        Payload::File { path } => {
            let bytes = job.imports()?.read(path)?;
            Ok(Some(Found { name: path.clone(), path: Some(path.clone()), web: None, bytes }))
        }
        Payload::Page { url, .. } => {
            let last = last.filter(|last| last.ingest == Ingest::VERSION).and_then(|last| last.web.as_ref());
            let within = Duration::from_secs(job.config().timeout_s.unwrap_or(60));
            let Some((web, bytes)) = web::fetch(url, within, last)? else { return Ok(None) };
            let name = web.url.split(['?', '#']).next().unwrap_or_default().to_owned();
            Ok(Some(Found { name, path: None, web: Some(web), bytes }))
        }
    }
}

/// What is known about a page from elsewhere, if anything is.
fn kept(payload: &Payload) -> Option<Kept> {
    let Payload::Page { title, tags, added_at, note, .. } = payload else { return None };
    let kept = Kept { title: title.clone(), tags: tags.clone(), added_at: *added_at, note: note.clone() };
    (kept != Kept::default()).then_some(kept)
}

/// The note of the current generation; an unreadable one counts as none, so that it is written anew.
fn last_capture(job: &Job<Ingest>) -> Option<Capture> {
    let text = job.input(Ingest::KIND)?.read(CAPTURE).ok()?;
    serde_json::from_slice(&text).inspect_err(|error| log::warn!("{CAPTURE} of the last time: {error}")).ok()
}

fn text_of(format: Format, mime: Option<&mime::Mime>, bytes: &[u8]) -> Result<Text, pdf::PdfError> {
    if format == Format::Pdf {
        return Ok(Text { text: pdf::text(bytes)?, charset: "UTF-8", charset_from: "pdf" });
    }
    let named = mime.and_then(|mime| mime.get_param(mime::CHARSET));
    let decoded = charset::decode(bytes, format, named.map(|name| name.as_str()));
    if decoded.charset_from == "guessed" {
        log::warn!("the encoding is a guess"; "charset" => decoded.charset);
    }
    Ok(decoded)
}

fn write(job: &Job<Ingest>, capture: &Capture, text: &str, bytes: &[u8]) -> Result<(), Failure> {
    let output = job.output();
    output.write(&capture.document, text)?;
    if let Some(original) = &capture.original {
        output.write(original, bytes)?;
    }
    output.write(CAPTURE, serde_json::to_string_pretty(capture)? + "\n")?;
    Ok(())
}
