//! `ingest`: takes one file of an imported folder and leaves its text, in UTF-8, with a note of what it
//! was.
//!
//! It reads the bytes, tells the format ([`format`]), decodes them ([`charset`]) or takes the text out of
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

use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::format::Format;

const CAPTURE: &str = "capture.json";

/// The handler of kind `ingest`.
#[derive(Debug, Default)]
pub struct Ingest;

/// What a job of kind `ingest` carries.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Payload {
    /// The file, relative to the imported folder, with `/` between its parts.
    pub path: String,
}

/// What was imported; the content of `capture.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// The version of `ingest` that wrote this.
    pub ingest: String,
    /// Where the document comes from: a URL, or empty.
    pub source: String,
    /// The file, relative to the imported folder.
    pub path: String,
    /// What the file is, for example `text/html`.
    pub media_type: String,
    /// The name of the character encoding it was in, for example `windows-1251`.
    pub charset: String,
    /// How the encoding was found: `bom`, `declared`, `utf-8` (it is valid UTF-8), `guessed`, or `pdf`.
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
    const ABOUT: &'static str = "takes a file of the imported folder and keeps its text as UTF-8";

    type Payload = Payload;
    type Config = Empty;
    type Result = Capture;

    fn asks() -> Asks {
        Asks::default().imports().artifacts(Self::KIND)
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
        let path = &job.payload().path;
        let bytes = job.imports()?.read(path)?;
        let format = Format::of(path, &bytes).permanent(format!("`{path}` was not taken in"))?;
        let sha256 = hex(&Sha256::digest(&bytes));
        if let Some(last) = last_capture(job)
            && last.sha256 == sha256
            && last.ingest == Self::VERSION
            && last.path == *path
        {
            return Ok(Success::Unchanged(last));
        }

        let text = text_of(format, &bytes).permanent(format!("`{path}` was not taken in"))?;
        let same = text.text.as_bytes() == bytes;
        let capture = Capture {
            ingest: Self::VERSION.to_owned(),
            source: job.source(),
            path: path.clone(),
            media_type: format.media_type().to_owned(),
            charset: text.charset.to_owned(),
            charset_from: text.charset_from.to_owned(),
            bytes: bytes.len() as u64,
            sha256,
            document: format!("document.{}", format.text_extension()),
            original: (!same).then(|| format!("original.{}", format.extension())),
        };
        write(job, &capture, &text.text, &bytes)?;
        Ok(Success::Done(capture))
    }
}

capstan_sdk::export!(Ingest);

/// The note of the current generation; an unreadable one counts as none, so that it is written anew.
fn last_capture(job: &Job<Ingest>) -> Option<Capture> {
    let text = job.input(Ingest::KIND)?.read(CAPTURE).ok()?;
    serde_json::from_slice(&text).inspect_err(|error| log::warn!("{CAPTURE} of the last time: {error}")).ok()
}

fn text_of(format: Format, bytes: &[u8]) -> Result<Text, pdf::PdfError> {
    if format == Format::Pdf {
        return Ok(Text { text: pdf::text(bytes)?, charset: "UTF-8", charset_from: "pdf" });
    }
    let decoded = charset::decode(bytes, format);
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
